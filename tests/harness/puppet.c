/* SPDX-License-Identifier: MIT */
#include "tests/harness/puppet.h"

#include <stdlib.h>
#include <string.h>

#include "lib/handshake/machine.h"
#include "lib/handshake/record.h"
#include "tests/harness/harness.h"

static struct engine *start(struct engine_end *end, struct ktls_engine_io *io)
{
	struct engine *e = engine_of(&end->engine);

	*io = (struct ktls_engine_io){ .in = end->in.bytes,
				       .in_len = end->in.len,
				       .out = end->out,
				       .out_cap = sizeof(end->out) };
	e->io = io;
	e->flight.open = false;
	end->calls++;
	return e;
}

static void finish(struct engine_end *end, struct engine_queue *peer, struct ktls_engine_io *io)
{
	struct engine *e = engine_of(&end->engine);

	ASSERT_EQ(0, record_flush(e));
	ASSERT_LE(io->out_len, sizeof(peer->bytes) - peer->len);
	memcpy(peer->bytes + peer->len, end->out, io->out_len);
	peer->len += io->out_len;
	memmove(end->in.bytes, end->in.bytes + io->consumed, end->in.len - io->consumed);
	end->in.len -= io->consumed;
	e->io = NULL;
}

void puppet_until(struct engine_end *end, struct engine_queue *peer, enum state state)
{
	struct ktls_engine_io io;
	struct engine *e = start(end, &io);

	while (e->state != state)
		ASSERT_EQ(0, machine_step(e));
	finish(end, peer, &io);
}

void puppet_message(struct engine_end *end, struct engine_queue *peer, enum message type,
		    const void *body, size_t len)
{
	struct ktls_engine_io io;
	struct engine *e = start(end, &io);
	struct writer *w = record_writer(e);

	writer_u8(w, (uint8_t)type);
	writer_vec(w, 3, body, len);
	ASSERT_TRUE(writer_ok(w));
	transcript_add(&e->transcript, w->buf, w->len);
	finish(end, peer, &io);
}

static void send_protected(struct engine *e, struct engine_queue *peer, uint8_t *inner, size_t len)
{
	struct traffic *tx = &e->schedule.tx;
	uint8_t nonce[AEAD_NONCE], *out = malloc(len + AEAD_TAG);
	uint8_t header[5] = { 23, 3, 3, (uint8_t)((len + AEAD_TAG) >> 8),
			      (uint8_t)(len + AEAD_TAG) };

	memcpy(nonce, tx->iv, sizeof(nonce));
	for (size_t i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(tx->seq >> (8 * i));
	tx->seq++;
	aead_seal_once(e->schedule.suite->aead, tx->key, nonce, header, sizeof(header), inner, len,
		       out);
	memcpy(peer->bytes + peer->len, header, sizeof(header));
	memcpy(peer->bytes + peer->len + sizeof(header), out, len + AEAD_TAG);
	peer->len += sizeof(header) + len + AEAD_TAG;
	free(out);
}

void puppet_padded(struct engine_end *end, struct engine_queue *peer, uint8_t type,
		   const void *bytes, size_t len, size_t padding)
{
	uint8_t *inner = calloc(1, len + 1 + padding);

	if (len > 0)
		memcpy(inner, bytes, len);
	inner[len] = type;
	send_protected(engine_of(&end->engine), peer, inner, len + 1 + padding);
	free(inner);
}

void puppet_record(struct engine_end *end, struct engine_queue *peer, uint8_t type,
		   const void *bytes, size_t len)
{
	uint8_t header[5] = { type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len };

	if (engine_of(&end->engine)->schedule.tx.on) {
		puppet_padded(end, peer, type, bytes, len, 0);
		return;
	}
	memcpy(peer->bytes + peer->len, header, sizeof(header));
	if (len > 0)
		memcpy(peer->bytes + peer->len + sizeof(header), bytes, len);
	peer->len += sizeof(header) + len;
}

/* ---- editing a hello ------------------------------------------------------------------------- */

static void copy_vec(struct reader *r, struct writer *w, uint8_t width)
{
	struct reader item;
	bool ok = width == 1 ? reader_vec8(r, &item) : reader_vec16(r, &item);

	ASSERT_TRUE(ok);
	writer_vec(w, width, item.at, item.left);
}

/* Copies what stands before the extensions; a ServerHello has single values where a ClientHello has
 * lists. */
static void copy_fields(struct reader *r, struct writer *w, bool client)
{
	struct reader fixed;

	ASSERT_TRUE(reader_bytes(r, 34, &fixed));
	writer_bytes(w, fixed.at, 34);
	copy_vec(r, w, 1);
	if (client) {
		copy_vec(r, w, 2);
		copy_vec(r, w, 1);
	} else {
		ASSERT_TRUE(reader_bytes(r, 3, &fixed));
		writer_bytes(w, fixed.at, 3);
	}
}

static void put(struct writer *w, uint16_t type, const void *body, size_t len)
{
	writer_u16(w, type);
	writer_vec(w, 2, body, len);
}

static void edit(struct engine_queue *queue, uint16_t type, const void *body, size_t len,
		 bool again)
{
	static uint8_t edited[ENGINES_QUEUE];
	struct writer_vec record, message, block;
	struct reader r, extensions, old;
	struct writer w;
	uint8_t head;
	uint16_t t;
	bool done = false;

	reader_init(&r, queue->bytes, queue->len);
	writer_init(&w, edited, sizeof(edited));
	writer_bytes(&w, queue->bytes, 3);
	record = writer_open(&w, 2);
	ASSERT_TRUE(reader_skip(&r, 5) && reader_u8(&r, &head) && reader_skip(&r, 3));
	writer_u8(&w, head);
	message = writer_open(&w, 3);
	copy_fields(&r, &w, head == MESSAGE_CLIENT_HELLO);
	block = writer_open(&w, 2);
	ASSERT_TRUE(reader_vec16(&r, &extensions));
	while (reader_u16(&extensions, &t) && reader_vec16(&extensions, &old)) {
		if (t != type || again)
			put(&w, t, old.at, old.left);
		else if (body)
			put(&w, t, body, len);
		done = done || (t == type && !again);
	}
	if (!done && body)
		put(&w, type, body, len);
	writer_close(&w, block);
	writer_close(&w, message);
	writer_close(&w, record);
	ASSERT_TRUE(writer_ok(&w));
	memcpy(queue->bytes, edited, w.len);
	queue->len = w.len;
}

void puppet_edit_extension(struct engine_queue *queue, uint16_t type, const void *body, size_t len)
{
	edit(queue, type, body, len, false);
}

void puppet_add_extension(struct engine_queue *queue, uint16_t type, const void *body, size_t len)
{
	edit(queue, type, body, len, true);
}
