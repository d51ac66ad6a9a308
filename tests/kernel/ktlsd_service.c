/* SPDX-License-Identifier: MIT */
/*
 * Services of ktlsd for connections in the kernel: keys that are changed from end to end, with the
 * hand-off protocol spoken by hand; seals of old generations and of other sockets; a ktlsd that is
 * restarted in between; tickets that make later handshakes shorter.
 */
#include "lib/handoff/packet.h"
#include "lib/handoff/sealed.h"
#include "tests/kernel/ktlsd.h"

#include <ktls-secrets.h>
#include <sys/un.h>

enum { SERVER, CLIENT };

struct sealed {
	uint8_t bytes[HANDOFF_SESSION_MAX];
	size_t len;
};

/* What a service brought. */
struct served {
	enum ktls_reason reason;
	struct handoff_keys keys[2]; /* tx, rx */
	bool has[2];
	struct sealed fresh;
};

static struct sealed sealed[2];

static bool can_rekey(struct ktls *k)
{
	struct ktls_info info;

	ktls_get_info(k, &info);
	return info.capabilities & KTLS_CAN_REKEY;
}

static void keep(struct sealed *out, const struct ktls_span *session)
{
	ASSERT_LE(session->len, sizeof(out->bytes));
	if (session->len > 0)
		memcpy(out->bytes, session->bytes, session->len);
	out->len = session->len;
}

/* Both ends, whose seals are kept; whether the session was resumed. */
static bool handshake(struct test_self_handoff *self)
{
	uint64_t server = start(self->k, self->fd[SERVER], &as_server);
	bool resumed = false;

	start(self->k, self->fd[CLIENT], &as_client);
	for (int i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(self->k);

		ASSERT_EQ(KTLS_OK, reply->reason);
		keep(&sealed[reply->id == server ? SERVER : CLIENT], &reply->session);
		EXPECT_EQ(23726566, reply->records_max);
		EXPECT_EQ(reply->session.len > 0 ? 30 * 86400 : 0, reply->session_age);
		resumed = reply->resumed;
		ktls_reply_free(reply);
	}
	return resumed;
}

/* ---- the protocol by hand ---------------------------------------------------------------------
 */

static int open_lane(const struct daemon *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	uint8_t greeting[4096];

	strcpy(address.sun_path, d->socket);
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
	ASSERT_GT(recv(fd, greeting, sizeof(greeting), 0), 0);
	return fd;
}

static void take(const struct handoff_reply *reply, struct served *out)
{
	out->reason = (enum ktls_reason)reply->reason;
	out->has[0] = handoff_keys_parse(&reply->key_tx, &out->keys[0]);
	out->has[1] = handoff_keys_parse(&reply->key_rx, &out->keys[1]);
	keep(&out->fresh, &reply->session);
	EXPECT_EQ(reply->reason == KTLS_OK, reply->session.len > 0);
}

static void ask(const struct daemon *d, int fd, struct handoff_service *service, struct served *out)
{
	static uint8_t packet[HANDOFF_MESSAGE_MAX];
	int lane = open_lane(d);
	struct handoff_reply reply;
	size_t len;
	ssize_t n;

	service->id = 1;
	service->deadline_ms = 30000;
	len = handoff_service_build(service, packet, sizeof(packet));
	ASSERT_GT(len, 0);
	ASSERT_EQ(0, handoff_send(lane, packet, len, fd));
	n = recv(lane, packet, sizeof(packet), 0);
	ASSERT_GT(n, 0);
	ASSERT_EQ(0, handoff_reply_parse(packet, (size_t)n, &reply));
	EXPECT_EQ(1, reply.id);
	take(&reply, out);
	close(lane);
}

static void serve(struct test_self_handoff *self, int fd, const struct sealed *s, uint8_t renew,
		  struct served *out)
{
	struct handoff_service service = { .renew = renew, .session = { s->bytes, s->len } };

	ask(&self->daemon, fd, &service, out);
}

static void expect_refused(struct test_self_handoff *self, int fd, const struct sealed *s,
			   enum ktls_reason reason)
{
	struct served served;

	serve(self, fd, s, HANDOFF_RENEW_TX | HANDOFF_RENEW_RX, &served);
	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name((int)served.reason));
	EXPECT_FALSE(served.has[0] || served.has[1]);
}

/* ---- keys -------------------------------------------------------------------------------------
 */

static void expect_in_force(int fd, bool transmit, const struct ktls_traffic_key *expected)
{
	struct ktls_traffic_key key;

	ASSERT_EQ(0, kernel_get(fd, transmit, &key));
	EXPECT_EQ(expected->suite, key.suite);
	EXPECT_MEMEQ(expected->key, key.key, sizeof(key.key));
	EXPECT_MEMEQ(expected->iv, key.iv, sizeof(key.iv));
}

/* Asks for the next key of one direction, sees that it follows the one in force, installs it. */
static void renew(struct test_self_handoff *self, int end, bool transmit)
{
	struct served served;
	int error;

	serve(self, self->fd[end], &sealed[end], transmit ? HANDOFF_RENEW_TX : HANDOFF_RENEW_RX,
	      &served);
	ASSERT_EQ(KTLS_OK, served.reason);
	ASSERT_TRUE(served.has[!transmit]);
	EXPECT_FALSE(served.has[transmit]);
	expect_in_force(self->fd[end], transmit, &served.keys[!transmit].follows);
	ASSERT_EQ(0, kernel_install(self->fd[end], transmit, &served.keys[!transmit].next, &error));
	expect_in_force(self->fd[end], transmit, &served.keys[!transmit].next);
	sealed[end] = served.fresh;
}

/* Records that are no data, the tickets of the beginning among them, up to a KeyUpdate. */
static void expect_key_update(int fd)
{
	uint8_t bytes[2048], type = 0;
	bool request = true;
	ssize_t n;

	do {
		n = kernel_record_recv(fd, bytes, sizeof(bytes), 0, &type);
		ASSERT_GT(n, 0);
		ASSERT_EQ(RECORD_HANDSHAKE, type);
	} while (bytes[0] == 4);
	EXPECT_EQ(0, ktls_secrets_parse_key_update(bytes, (size_t)n, &request));
	EXPECT_FALSE(request);
}

/* RFC 9846, 4.7.3: a KeyUpdate under the key before, then the next one, at both ends. */
static void change_key(struct test_self_handoff *self, int from)
{
	uint8_t message[KTLS_KEY_UPDATE_LEN];

	ktls_secrets_build_key_update(false, message);
	ASSERT_EQ(sizeof(message), kernel_record_send(self->fd[from], RECORD_HANDSHAKE, message,
						      sizeof(message), 0));
	renew(self, from, true);
	expect_key_update(self->fd[!from]);
	renew(self, !from, false);
}

static void expect_data(int from, int to)
{
	static const char text[] = "under whatever key";
	char got[sizeof(text)] = "";
	uint8_t type;

	ASSERT_EQ(sizeof(text), write(from, text, sizeof(text)));
	ASSERT_EQ(sizeof(text), kernel_record_recv(to, got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	EXPECT_STREQ(text, got);
}

static void restart(struct test_self_handoff *self)
{
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	EXPECT_EQ(0, daemon_wait(&self->daemon));
	ASSERT_EQ(0, unlink(self->daemon.log));
	daemon_start(&self->daemon);
}

TEST_F_TIMEOUT(handoff, changes_keys_from_end_to_end, 120)
{
	if (!can_rekey(self->k))
		SKIP(return, "this kernel does not change keys");
	handshake(self);
	for (int i = 0; i < 4; i++) {
		change_key(self, CLIENT);
		expect_data(self->fd[CLIENT], self->fd[SERVER]);
		if (i == 1)
			restart(self);
		change_key(self, SERVER);
		expect_data(self->fd[SERVER], self->fd[CLIENT]);
		expect_data(self->fd[CLIENT], self->fd[SERVER]);
	}
	EXPECT_TRUE(daemon_logged(&self->daemon, "renew=tx,"));
}

/* A reply that was lost: asked again, the same keys are the next, for they are not in force. */
TEST_F_TIMEOUT(handoff, says_the_same_again, 120)
{
	struct served first, again;

	if (!can_rekey(self->k))
		SKIP(return, "this kernel does not change keys");
	handshake(self);
	serve(self, self->fd[CLIENT], &sealed[CLIENT], HANDOFF_RENEW_TX, &first);
	ASSERT_EQ(KTLS_OK, first.reason);
	serve(self, self->fd[CLIENT], &sealed[CLIENT], HANDOFF_RENEW_TX, &again);
	EXPECT_MEMEQ(&first.keys[0], &again.keys[0], sizeof(first.keys[0]));
	serve(self, self->fd[CLIENT], &first.fresh, HANDOFF_RENEW_TX, &again);
	EXPECT_MEMEQ(&first.keys[0], &again.keys[0], sizeof(first.keys[0]));
	change_key(self, CLIENT);
	expect_data(self->fd[CLIENT], self->fd[SERVER]);
}

TEST_F_TIMEOUT(handoff, opens_seals_of_64_keys_ago, 240)
{
	struct sealed first;
	struct served served;

	if (!can_rekey(self->k))
		SKIP(return, "this kernel does not change keys");
	handshake(self);
	first = sealed[SERVER];
	for (int i = 0; i < 64; i++)
		change_key(self, SERVER);
	serve(self, self->fd[SERVER], &first, HANDOFF_RENEW_TX, &served);
	ASSERT_EQ(KTLS_OK, served.reason);
	expect_in_force(self->fd[SERVER], true, &served.keys[0].follows);
	change_key(self, SERVER);
	expect_refused(self, self->fd[SERVER], &first, KTLS_R_STALE_SESSION);
	change_key(self, SERVER); /* with a newer seal all goes on */
	expect_data(self->fd[SERVER], self->fd[CLIENT]);
}

TEST_F_TIMEOUT(handoff, opens_no_seals_of_other_sockets, 120)
{
	struct sealed bent;
	int other[2];

	handshake(self);
	if (sealed[CLIENT].len == 0)
		SKIP(return, "nothing is sealed");
	expect_refused(self, self->fd[SERVER], &sealed[CLIENT], KTLS_R_SESSION_INVALID);
	tcp_pair(other, 0);
	expect_refused(self, other[0], &sealed[CLIENT], KTLS_R_SESSION_INVALID);
	close(other[0]);
	close(other[1]);
	bent = sealed[CLIENT];
	bent.len--;
	expect_refused(self, self->fd[CLIENT], &bent, KTLS_R_SESSION_INVALID);
	bent.len++;
	bent.bytes[9] ^= 1; /* how many records a key may protect */
	expect_refused(self, self->fd[CLIENT], &bent, KTLS_R_SESSION_INVALID);
}

/* ---- tickets ----------------------------------------------------------------------------------
 */

static void connect_anew(struct test_self_handoff *self)
{
	close(self->fd[SERVER]);
	close(self->fd[CLIENT]);
	tcp_pair(self->fd, 0);
}

static void keep_ticket(struct test_self_handoff *self)
{
	uint8_t bytes[4096], type = 0;
	ssize_t n = kernel_record_recv(self->fd[CLIENT], bytes, sizeof(bytes), 0, &type);
	struct handoff_service service = { .session = { sealed[CLIENT].bytes,
							sealed[CLIENT].len } };
	struct served served;

	ASSERT_GT(n, 4);
	ASSERT_EQ(RECORD_HANDSHAKE, type);
	ASSERT_EQ(4, bytes[0]);
	service.ticket = (struct ktls_span){ bytes, 4 + (size_t)(bytes[2] << 8 | bytes[3]) };
	ask(&self->daemon, self->fd[CLIENT], &service, &served);
	EXPECT_EQ(KTLS_OK, served.reason);
	service.session = (struct ktls_span){ sealed[SERVER].bytes, sealed[SERVER].len };
	if (sealed[SERVER].len == 0)
		return;
	ask(&self->daemon, self->fd[SERVER], &service, &served);
	EXPECT_EQ(KTLS_R_REQUEST_VALUE, served.reason);
}

/* On every kernel: a client's seal is good for tickets where it is for nothing else. */
TEST_F_TIMEOUT(handoff, keeps_tickets, 120)
{
	EXPECT_FALSE(handshake(self));
	ASSERT_GT(sealed[CLIENT].len, 0);
	EXPECT_EQ(can_rekey(self->k), sealed[SERVER].len > 0);
	keep_ticket(self);
	connect_anew(self);
	EXPECT_TRUE(handshake(self));
	connect_anew(self);
	EXPECT_FALSE(handshake(self)); /* it is used once */
}

/* ---- what the reply says ----------------------------------------------------------------------
 */

static void reload(struct test_self_handoff *self, const char *profile)
{
	char lines[256];

	snprintf(lines, sizeof(lines), "server-users = 0\nclient-users = *\n%s", profile);
	daemon_configure(&self->daemon, "workers = 1\nlog = stderr\nmax-session-age = 2h\n", lines,
			 NULL);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	ASSERT_TRUE(daemon_logged(&self->daemon, "reload: done"));
	ktls_close(self->k);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
}

TEST_F_TIMEOUT(handoff, says_what_is_configured, 120)
{
	struct ktls_reply *reply;

	reload(self, "records-per-key = 1000\n");
	start(self->k, self->fd[SERVER], &as_server);
	start(self->k, self->fd[CLIENT], &as_client);
	for (int i = 0; i < 2; i++) {
		struct sealed_header header = { .records_max = 1000, .session_age = 7200 };

		reply = collect(self->k);
		ASSERT_EQ(KTLS_OK, reply->reason);
		EXPECT_EQ(1000, reply->records_max);
		if (reply->session.len > 0) {
			EXPECT_EQ(7200, reply->session_age);
			ASSERT_TRUE(sealed_header_parse(reply->session.bytes, reply->session.len,
							&header));
		}
		EXPECT_EQ(1000, header.records_max);
		EXPECT_EQ(7200, header.session_age);
		ktls_reply_free(reply);
	}
}

/* A seal from before a reload is good after it. */
TEST_F_TIMEOUT(handoff, goes_on_after_a_reload, 120)
{
	struct served served;

	handshake(self);
	ASSERT_GT(sealed[CLIENT].len, 0);
	reload(self, "");
	serve(self, self->fd[CLIENT], &sealed[CLIENT], HANDOFF_RENEW_TX, &served);
	ASSERT_EQ(KTLS_OK, served.reason);
	expect_in_force(self->fd[CLIENT], true, &served.keys[0].follows);
}

TEST_F_TIMEOUT(handoff, seals_nothing_of_tls_1_2, 120)
{
	reload(self, "tls-min = 1.2\ntls-max = 1.2\n");
	handshake(self);
	EXPECT_EQ(0, sealed[SERVER].len);
	EXPECT_EQ(0, sealed[CLIENT].len);
}

TEST_HARNESS_MAIN
