/* SPDX-License-Identifier: MIT */
/* The hand-off protocol's messages cut, with wrong headers, and bent at random. */
#include "tests/unit/messages.h"

/* ---- cut ----------------------------------------------------------------------------------- */

/* From memory that ends where the packet ends, for the sanitizer to see a step too far. */
static int parse_cut(uint8_t type, size_t len, union message *m)
{
	uint8_t *cut = malloc(len ? len : 1);
	int ret;

	ASSERT_NOT_NULL(cut);
	memcpy(cut, packet, len);
	ret = parse(type, cut, len, m);
	free(cut);
	return ret;
}

TEST_F(message, cut_at_each_byte)
{
	union message m, before;

	memset(&m, 0xa5, sizeof(m));
	before = m;
	for (size_t len = 0; len < self->len; len++) {
		ASSERT_EQ(variant->malformed, parse_cut(variant->type, len, &m));
		ASSERT_MEMEQ(&before, &m, sizeof(m));
	}
}

/* With the length in the header as it should be, what is left may be a smaller message. */
TEST_F(message, cut_at_each_byte_with_the_length_put_right)
{
	union message m, before;

	memset(&m, 0xa5, sizeof(m));
	before = m;
	for (size_t len = HANDOFF_HEADER_LEN; len < self->len; len++) {
		int ret;

		set_length(packet, len);
		ret = parse_cut(variant->type, len, &m);
		if (ret == 0) {
			ASSERT_TRUE(is_boundary(self->len, len));
			m = before;
			continue;
		}
		ASSERT_EQ(variant->malformed, ret);
		ASSERT_MEMEQ(&before, &m, sizeof(m));
	}
	set_length(packet, self->len);
	EXPECT_EQ(0, parse(variant->type, packet, self->len, &m));
}

TEST_F(message, built_into_too_little_room)
{
	for (size_t cap = 0; cap < self->len; cap++) {
		uint8_t *small = malloc(cap ? cap : 1);

		ASSERT_NOT_NULL(small);
		ASSERT_EQ(0, build(variant->type, &self->full, small, cap));
		free(small);
	}
	EXPECT_EQ(self->len, build(variant->type, &self->full, other, self->len));
}

/* ---- headers ------------------------------------------------------------------------------- */

TEST_F(message, wrong_header)
{
	static const struct {
		size_t at;
		bool header; /* not even a header */
	} wrong[] = {
		{ 0, true }, { 1, true }, { 2, false }, { 3, false }, { 4, true }, { 7, true }
	};
	struct handoff_header h;
	union message m;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		packet[wrong[i].at] ^= 0x40;
		EXPECT_EQ(variant->malformed, parse(variant->type, packet, self->len, &m));
		EXPECT_EQ(wrong[i].header ? -KTLS_R_REQUEST_MALFORMED : 0,
			  handoff_header_parse(packet, self->len, &h));
		packet[wrong[i].at] ^= 0x40;
	}
	EXPECT_EQ(0, parse(variant->type, packet, self->len, &m));
}

TEST(header_fields)
{
	struct handoff_header h;

	ASSERT_EQ(16, handoff_cancel_build(77, packet, sizeof(packet)));
	packet[2] = 9; /* a version to come: the header stays readable */
	ASSERT_EQ(0, handoff_header_parse(packet, 16, &h));
	EXPECT_EQ(9, h.version);
	EXPECT_EQ(HANDOFF_CANCEL, h.type);
	EXPECT_EQ(77, h.id);
}

TEST(id_zero)
{
	struct handoff_request request = full_request(), out;
	struct handoff_reply reply = full_reply(), about;
	uint64_t id;

	request.id = 0;
	EXPECT_EQ(-KTLS_R_REQUEST_MALFORMED,
		  handoff_request_parse(
			  packet, handoff_request_build(&request, packet, sizeof(packet)), &out));
	EXPECT_EQ(
		-KTLS_R_REQUEST_MALFORMED,
		handoff_cancel_parse(packet, handoff_cancel_build(0, packet, sizeof(packet)), &id));
	reply.id = 0; /* about the connection */
	EXPECT_EQ(0, handoff_reply_parse(
			     packet, handoff_reply_build(&reply, packet, sizeof(packet)), &about));
}

TEST_F(message, longer_than_its_kind_may_be)
{
	size_t len = self->len, max = handoff_rule(variant->type)->len_max;
	union message m;

	while (len + 4 + 1000 < max)
		append(&len, 0x7000, certs, 1000);
	append(&len, 0x7000, certs, max - len - 4);
	ASSERT_EQ(max, len);
	EXPECT_EQ(0, parse(variant->type, packet, len, &m));
	if (max == sizeof(packet))
		return;
	append(&len, 0x7000, certs, 0);
	EXPECT_EQ(variant->malformed, parse(variant->type, packet, len, &m));
}

/* ---- bent ---------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/*
 * Whatever is accepted can be built, and what is built is accepted and is the same again: so no
 * bent byte leads outside of what the fields can say.
 */
TEST_F(message, bent_at_random)
{
	size_t accepted = 0, len;
	union message m;

	for (int round = 0; round < 100000; round++) {
		len = build(variant->type, &self->full, packet, sizeof(packet));
		for (uint64_t n = 1 + next_random() % 3; n > 0; n--)
			packet[next_random() % len] ^= (uint8_t)(1 + next_random() % 255);
		if (parse(variant->type, packet, len, &m) != 0)
			continue;
		accepted++;
		len = build(variant->type, &m, other, sizeof(other));
		ASSERT_GT(len, 0);
		ASSERT_EQ(0, parse(variant->type, other, len, &m));
		ASSERT_EQ(len, build(variant->type, &m, packet, sizeof(packet)));
		ASSERT_MEMEQ(other, packet, len);
	}
	EXPECT_GT(accepted, 100);
}

TEST_HARNESS_MAIN
