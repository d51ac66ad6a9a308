/* SPDX-License-Identifier: MIT */
#include "lib/handshake/machine.h"

#include "lib/crypto/util.h"
#include "lib/handshake/keys.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/record.h"
#include "lib/handshake/stash.h"
#include "lib/wire/reason.h"

#define MESSAGE_MAX     16384
#define CERTIFICATE_MAX (KTLS_ENGINE_CHAIN_MAX + 1024)
#define FINISHED_MAX    64
#define HEADER          4 /* msg_type and length */

enum ccs { CCS_NONE, CCS_BEFORE, CCS_AFTER };

/* One state: it receives one of up to two messages, sends one, or does something. */
struct row {
	const char *name;
	struct {
		enum message message;
		uint32_t max; /* bytes of the body */
		int (*recv)(struct engine *e, struct reader *body);
		enum state next;
	} accept[2];
	bool boundary; /* keys may change behind it: it must end its record (5.1) */

	enum message send;
	int (*build)(struct engine *e, struct writer *w);
	enum ccs ccs; /* change_cipher_spec before or behind it (E.4) */

	int (*act)(struct engine *e);

	enum state next, alternative;
};

static const struct row rows[STATES] = {
	/* client, A.1 */
	[CLIENT_GENERATE] = {
		.name = "client: make key share",
		.act = keys_generate, .next = CLIENT_SEND_HELLO,
	},
	[CLIENT_SEND_HELLO] = {
		.name = "client: send ClientHello",
		.send = MESSAGE_CLIENT_HELLO, .build = client_hello_build,
		.next = CLIENT_RECV_SERVER_HELLO,
	},
	[CLIENT_RECV_SERVER_HELLO] = {
		.name = "client: wait for ServerHello",
		.accept = {
			{ MESSAGE_SERVER_HELLO, MESSAGE_MAX, server_hello_recv, CLIENT_AGREE },
			{ MESSAGE_HELLO_RETRY, MESSAGE_MAX, hello_retry_recv, CLIENT_GENERATE_AGAIN },
		},
		.boundary = true,
	},
	[CLIENT_GENERATE_AGAIN] = {
		.name = "client: make key share again",
		.act = keys_generate_again, .next = CLIENT_SEND_HELLO_AGAIN,
	},
	[CLIENT_SEND_HELLO_AGAIN] = {
		.name = "client: send second ClientHello",
		.send = MESSAGE_CLIENT_HELLO, .build = client_hello_build, .ccs = CCS_BEFORE,
		.next = CLIENT_RECV_SERVER_HELLO_AGAIN,
	},
	[CLIENT_RECV_SERVER_HELLO_AGAIN] = {
		.name = "client: wait for ServerHello after the retry",
		.accept = {
			{ MESSAGE_SERVER_HELLO, MESSAGE_MAX, server_hello_recv, CLIENT_AGREE },
			{ MESSAGE_HELLO_RETRY, MESSAGE_MAX, hello_retry_again, STATE_FAILED },
		},
		.boundary = true,
	},
	[CLIENT_AGREE] = {
		.name = "client: agree on the shared secret",
		.act = keys_agree, .next = CLIENT_HANDSHAKE_KEYS,
	},
	[CLIENT_HANDSHAKE_KEYS] = {
		.name = "client: handshake keys",
		.act = keys_handshake, .next = CLIENT_RECV_EXTENSIONS,
	},
	[CLIENT_RECV_EXTENSIONS] = {
		.name = "client: wait for EncryptedExtensions",
		.accept = {
			{ MESSAGE_ENCRYPTED_EXTENSIONS, MESSAGE_MAX, encrypted_extensions_recv,
			  CLIENT_RECV_CERTIFICATE_OR_REQUEST },
		},
	},
	[CLIENT_RECV_CERTIFICATE_OR_REQUEST] = {
		.name = "client: wait for Certificate or CertificateRequest",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_recv,
			  CLIENT_RECV_CERTIFICATE_VERIFY },
			{ MESSAGE_CERTIFICATE_REQUEST, MESSAGE_MAX, certificate_request_recv,
			  CLIENT_RECV_CERTIFICATE },
		},
	},
	[CLIENT_RECV_CERTIFICATE] = {
		.name = "client: wait for Certificate",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_recv,
			  CLIENT_RECV_CERTIFICATE_VERIFY },
		},
	},
	[CLIENT_RECV_CERTIFICATE_VERIFY] = {
		.name = "client: wait for CertificateVerify",
		.accept = {
			{ MESSAGE_CERTIFICATE_VERIFY, MESSAGE_MAX, certificate_verify_recv,
			  CLIENT_RECV_FINISHED },
		},
	},
	[CLIENT_RECV_FINISHED] = {
		.name = "client: wait for Finished",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_recv, CLIENT_APPLICATION_KEYS },
		},
		.boundary = true,
	},
	[CLIENT_APPLICATION_KEYS] = {
		.name = "client: application keys, to receive",
		.act = keys_application_client, .next = CLIENT_SEND_FINISHED,
		.alternative = CLIENT_CHOOSE,
	},
	[CLIENT_CHOOSE] = {
		.name = "client: choose a certificate",
		.act = keys_choose_client, .next = CLIENT_SEND_CERTIFICATE,
	},
	[CLIENT_SEND_CERTIFICATE] = {
		.name = "client: send Certificate",
		.send = MESSAGE_CERTIFICATE, .build = certificate_build, .ccs = CCS_BEFORE,
		.next = CLIENT_SIGN, .alternative = CLIENT_SEND_FINISHED,
	},
	[CLIENT_SIGN] = {
		.name = "client: sign",
		.act = certificate_verify_sign, .next = CLIENT_SEND_CERTIFICATE_VERIFY,
	},
	[CLIENT_SEND_CERTIFICATE_VERIFY] = {
		.name = "client: send CertificateVerify",
		.send = MESSAGE_CERTIFICATE_VERIFY, .build = certificate_verify_build,
		.next = CLIENT_SEND_FINISHED,
	},
	[CLIENT_SEND_FINISHED] = {
		.name = "client: send Finished",
		.send = MESSAGE_FINISHED, .build = finished_build, .ccs = CCS_BEFORE,
		.next = CLIENT_SWITCH_TX,
	},
	[CLIENT_SWITCH_TX] = {
		.name = "client: application keys, to send",
		.act = keys_switch_tx, .next = STATE_DONE,
	},

	/* server, A.2 */
	[SERVER_RECV_HELLO] = {
		.name = "server: wait for ClientHello",
		.accept = {
			{ MESSAGE_CLIENT_HELLO, MESSAGE_MAX, client_hello_recv, SERVER_CHOOSE },
		},
		.boundary = true, .alternative = SERVER_SEND_RETRY,
	},
	[SERVER_SEND_RETRY] = {
		.name = "server: send HelloRetryRequest",
		.send = MESSAGE_HELLO_RETRY, .build = hello_retry_build, .ccs = CCS_AFTER,
		.next = SERVER_RECV_HELLO_AGAIN,
	},
	[SERVER_RECV_HELLO_AGAIN] = {
		.name = "server: wait for second ClientHello",
		.accept = {
			{ MESSAGE_CLIENT_HELLO, MESSAGE_MAX, client_hello_recv, SERVER_CHOOSE },
		},
		.boundary = true,
	},
	[SERVER_CHOOSE] = {
		.name = "server: choose a certificate",
		.act = keys_choose, .next = SERVER_GENERATE,
	},
	[SERVER_GENERATE] = {
		.name = "server: make key share",
		.act = keys_generate, .next = SERVER_AGREE,
	},
	[SERVER_AGREE] = {
		.name = "server: agree on the shared secret",
		.act = keys_agree, .next = SERVER_SEND_HELLO,
	},
	[SERVER_SEND_HELLO] = {
		.name = "server: send ServerHello",
		.send = MESSAGE_SERVER_HELLO, .build = server_hello_build, .ccs = CCS_AFTER,
		.next = SERVER_HANDSHAKE_KEYS,
	},
	[SERVER_HANDSHAKE_KEYS] = {
		.name = "server: handshake keys",
		.act = keys_handshake, .next = SERVER_SEND_EXTENSIONS,
	},
	[SERVER_SEND_EXTENSIONS] = {
		.name = "server: send EncryptedExtensions",
		.send = MESSAGE_ENCRYPTED_EXTENSIONS, .build = encrypted_extensions_build,
		.next = SERVER_SEND_CERTIFICATE, .alternative = SERVER_SEND_CERTIFICATE_REQUEST,
	},
	[SERVER_SEND_CERTIFICATE_REQUEST] = {
		.name = "server: send CertificateRequest",
		.send = MESSAGE_CERTIFICATE_REQUEST, .build = certificate_request_build,
		.next = SERVER_SEND_CERTIFICATE,
	},
	[SERVER_SEND_CERTIFICATE] = {
		.name = "server: send Certificate",
		.send = MESSAGE_CERTIFICATE, .build = certificate_build, .next = SERVER_SIGN,
	},
	[SERVER_SIGN] = {
		.name = "server: sign",
		.act = certificate_verify_sign, .next = SERVER_SEND_CERTIFICATE_VERIFY,
	},
	[SERVER_SEND_CERTIFICATE_VERIFY] = {
		.name = "server: send CertificateVerify",
		.send = MESSAGE_CERTIFICATE_VERIFY, .build = certificate_verify_build,
		.next = SERVER_SEND_FINISHED,
	},
	[SERVER_SEND_FINISHED] = {
		.name = "server: send Finished",
		.send = MESSAGE_FINISHED, .build = finished_build, .next = SERVER_APPLICATION_KEYS,
	},
	[SERVER_APPLICATION_KEYS] = {
		.name = "server: application keys, to send",
		.act = keys_application_server, .next = SERVER_RECV_FINISHED,
		.alternative = SERVER_RECV_CERTIFICATE,
	},
	[SERVER_RECV_CERTIFICATE] = {
		.name = "server: wait for Certificate",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_recv,
			  SERVER_RECV_CERTIFICATE_VERIFY },
		},
		.alternative = SERVER_RECV_FINISHED,
	},
	[SERVER_RECV_CERTIFICATE_VERIFY] = {
		.name = "server: wait for CertificateVerify",
		.accept = {
			{ MESSAGE_CERTIFICATE_VERIFY, MESSAGE_MAX, certificate_verify_recv,
			  SERVER_RECV_FINISHED },
		},
	},
	[SERVER_RECV_FINISHED] = {
		.name = "server: wait for Finished",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_recv, SERVER_SWITCH_RX },
		},
		.boundary = true,
	},
	[SERVER_SWITCH_RX] = {
		.name = "server: application keys, to receive",
		.act = keys_switch_rx, .next = STATE_DONE,
	},

	[STATE_DONE] = { .name = "done" },
	[STATE_FAILED] = { .name = "failed" },
};

struct machine_row machine_row(enum state state)
{
	const struct row *row = &rows[state];
	struct machine_row out = { .name = row->name, .receives = row->accept[0].recv != NULL };

	if (out.receives) {
		for (int i = 0; i < 2 && row->accept[i].recv; i++) {
			out.messages[i] = row->accept[i].message;
			out.next[i] = row->accept[i].next;
		}
		if (row->alternative)
			out.next[1] = row->alternative;
	} else {
		out.messages[0] = row->send;
		out.next[0] = row->next;
		out.next[1] = row->alternative;
	}
	return out;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static uint8_t wire_type(enum message message)
{
	return (uint8_t)(message & 0xff);
}

/* Which of the row's messages has this type on the wire: its index, or -1. */
static int accepted(const struct row *row, uint8_t type)
{
	for (int i = 0; i < 2 && row->accept[i].recv; i++)
		if (wire_type(row->accept[i].message) == type)
			return i;
	return -1;
}

/* Refuses a message by its header alone, before any of it is kept. */
static int check_header(const struct row *row, struct reader header, size_t *total)
{
	uint8_t type;
	uint32_t len;
	int i;

	if (!reader_u8(&header, &type) || !reader_u24(&header, &len))
		return -KTLS_R_INTERNAL;
	i = accepted(row, type);
	if (i < 0)
		return -KTLS_R_MESSAGE_UNEXPECTED;
	if (len > row->accept[i].max)
		return -KTLS_R_MESSAGE_TOO_LONG;
	*total = HEADER + (size_t)len;
	return 0;
}

/* The next len bytes, from further records where need be: 0, STARVED, or a negative reason. */
static int peek(struct engine *e, size_t len, struct reader *out)
{
	int result;

	for (;;) {
		result = stash_peek(e, len, out);
		if (result != 0)
			return result < 0 ? result : 0;
		result = stash_keep(e, len);
		if (result < 0)
			return result;
		result = record_recv(e, &e->content);
		if (result <= 0)
			return result < 0 ? result : STARVED;
	}
}

/* The message at the cursor as a whole: 0, STARVED, or a negative reason. */
static int take_message(struct engine *e, const struct row *row, struct reader *message)
{
	size_t total;
	int result;

	result = peek(e, HEADER, message);
	if (result == 0)
		result = check_header(row, *message, &total);
	return result == 0 ? peek(e, total, message) : result;
}

static int dispatch(struct engine *e, const struct row *row, struct reader message)
{
	struct reader body = message;
	uint8_t type;
	int i, result;

	if (!reader_u8(&body, &type) || !reader_skip(&body, HEADER - 1))
		return -KTLS_R_INTERNAL;
	i = accepted(row, type);
	if (type == MESSAGE_SERVER_HELLO && hello_is_retry(body))
		i = 1;
	result = row->accept[i].recv(e, &body);
	if (result < 0)
		return result;
	if (!reader_empty(&body))
		return -KTLS_R_MESSAGE_MALFORMED;
	transcript_add(&e->transcript, message.at, message.left);
	e->state = result == ALTERNATIVE ? row->alternative : row->accept[i].next;
	return result;
}

static int recv_message(struct engine *e, const struct row *row)
{
	struct reader message;
	int result = take_message(e, row, &message);

	if (result != 0)
		return result;
	if (row->boundary && stash_left(e) > message.left)
		return -KTLS_R_MESSAGE_SPANS_KEY_CHANGE;
	result = dispatch(e, row, message);
	if (result >= 0)
		stash_drop(e, message.left);
	return result;
}

/* ---- sending --------------------------------------------------------------------------------- */

static int send_message(struct engine *e, const struct row *row)
{
	struct writer_vec body;
	struct writer *w;
	size_t start;
	int result = 0;

	if (row->ccs == CCS_BEFORE)
		result = record_send_ccs(e);
	if (result < 0)
		return result;
	w = record_writer(e);
	start = w->len;
	writer_u8(w, wire_type(row->send));
	body = writer_open(w, 3);
	result = row->build(e, w);
	writer_close(w, body);
	if (result >= 0 && !writer_ok(w))
		result = -KTLS_R_INTERNAL;
	if (result < 0) {
		record_unwrite(e, start);
		return result;
	}
	transcript_add(&e->transcript, w->buf + start, w->len - start);
	e->state = result == ALTERNATIVE ? row->alternative : row->next;
	return row->ccs == CCS_AFTER && e->session_id_len > 0 ? record_send_ccs(e) : 0;
}

static int act(struct engine *e, const struct row *row)
{
	int result = row->act(e);

	if (result >= 0)
		e->state = result == ALTERNATIVE ? row->alternative : row->next;
	return result;
}

/* ---- the driver ------------------------------------------------------------------------------ */

void machine_fail(struct engine *e, int reason)
{
	const struct reason *row = reason_find(reason);

	if (record_flush(e) < 0)
		e->flight.open = false;
	e->facts.reason = row->number;
	e->state = STATE_FAILED;
	e->waiting = false;
	if (row->alert != KTLS_ALERT_NONE) {
		e->facts.alert = (uint8_t)row->alert;
		record_send_alert(e, (uint8_t)row->alert);
	}
	secret_wipe(&e->schedule, sizeof(e->schedule));
	stash_release(e);
}

int machine_step(struct engine *e)
{
	const struct row *row = &rows[e->state];
	int result;

	if (row->build)
		result = send_message(e, row);
	else if (row->act)
		result = act(e, row);
	else
		result = recv_message(e, row);
	return result == ALTERNATIVE ? 0 : result;
}

static enum ktls_engine_state outcome(const struct engine *e)
{
	if (e->state == STATE_DONE)
		return KTLS_ENGINE_DONE;
	if (e->state == STATE_FAILED)
		return KTLS_ENGINE_FAILED;
	return e->waiting ? KTLS_ENGINE_WAIT : KTLS_ENGINE_READ;
}

enum ktls_engine_state machine_run(struct engine *e)
{
	int result = 0;

	while (result == 0 && !e->waiting && e->state != STATE_DONE && e->state != STATE_FAILED) {
		result = machine_step(e);
		if (result == PENDING)
			e->waiting = true;
	}
	if (result >= 0)
		result = record_flush(e);
	if (result >= 0)
		result = stash_keep(e, 0);
	if (result < 0)
		machine_fail(e, -result);
	return outcome(e);
}
