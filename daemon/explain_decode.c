/* SPDX-License-Identifier: MIT */
#include "daemon/explain_decode.h"

#include "lib/wire/reason.h"

static bool is_1_3(const struct decoder *d)
{
	return d->version == KTLS_TLS_1_3;
}

/* ---- messages -------------------------------------------------------------------------------- */

static bool hello_request(struct decoder *d, struct step *step, struct reader *body)
{
	(void)d;
	step->meaning = "the server wants to begin anew: renegotiation, which nobody should do";
	return reader_empty(body);
}

static bool encrypted_extensions(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader whole = *body, block, value, list, name;

	step->meaning = "the server's other answers: they need no longer be read by everybody";
	if (!decode_extensions(d, &step->fields, IN_ENCRYPTED, body))
		return false;
	if (!step->fields.first)
		field_add(d->trace, &step->fields, "extensions", "none");
	if (reader_vec16(&whole, &block) && extension_find(block, 16, &value) &&
	    reader_vec16(&value, &list) && reader_vec8(&list, &name))
		step->brief[0] = trace_text(d->trace, "ALPN %s", trace_escape(d->trace, name));
	return reader_empty(body);
}

static bool signature(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader bytes;
	uint16_t scheme;

	if (!reader_u16(body, &scheme) || !reader_vec16(body, &bytes))
		return false;
	field_add(d->trace, &step->fields, "scheme", "%s",
		  name_text(d->trace, NAMES_SCHEME, scheme));
	decode_bytes(d, &step->fields, "signature", bytes);
	step->brief[0] = trace_text(d->trace, "%s", name_text(d->trace, NAMES_SCHEME, scheme));
	return reader_empty(body);
}

static bool certificate_verify(struct decoder *d, struct step *step, struct reader *body)
{
	step->meaning = "a signature of all messages so far: the sender has the private key of its "
			"certificate";
	return signature(d, step, body);
}

/* RFC 8422, 5.4: ECDHE on a named curve; of others nothing is shown. */
static bool server_key_exchange(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader share;
	uint16_t group;
	uint8_t type;
	bool well;

	step->meaning = "the server's half of the key exchange, signed with its certificate's key";
	if (!reader_u8(body, &type))
		return false;
	if (type != 3) {
		decode_bytes(d, &step->fields, "parameters of another key exchange", *body);
		return reader_skip(body, body->left);
	}
	if (!reader_u16(body, &group) || !reader_vec8(body, &share))
		return false;
	field_add(d->trace, &step->fields, "group", "%s", name_text(d->trace, NAMES_GROUP, group));
	decode_bytes(d, &step->fields, "key share", share);
	well = signature(d, step, body);
	if (well)
		step->brief[0] =
			trace_text(d->trace, "key share: %s; %s",
				   name_text(d->trace, NAMES_GROUP, group), step->brief[0]);
	return well;
}

static bool server_hello_done(struct decoder *d, struct step *step, struct reader *body)
{
	(void)d;
	step->meaning = "the server has nothing more to say for now";
	return reader_empty(body);
}

static bool client_key_exchange(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader value;

	if (d->rsa_key_exchange) {
		step->meaning = "the premaster secret, encrypted with the key of the certificate";
		step->brief[0] = "encrypted premaster secret";
		if (!reader_vec16(body, &value))
			return false;
		decode_bytes(d, &step->fields, "encrypted premaster secret", value);
	} else {
		step->meaning = "the client's half of the key exchange";
		step->brief[0] = "the client's key share";
		if (!reader_vec8(body, &value))
			return false;
		decode_bytes(d, &step->fields, "key share", value);
	}
	return reader_empty(body);
}

static bool finished(struct decoder *d, struct step *step, struct reader *body)
{
	step->meaning = "a MAC over all messages so far: nobody between the ends has changed one";
	decode_bytes(d, &step->fields, "verify_data", *body);
	return reader_skip(body, body->left);
}

static bool ticket_1_2(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader ticket;
	uint32_t hint;

	if (!reader_u32(body, &hint) || !reader_vec16(body, &ticket))
		return false;
	field_add(d->trace, &step->fields, "lifetime", "%u seconds", hint);
	decode_bytes(d, &step->fields, "ticket", ticket);
	step->brief[0] = trace_text(d->trace, "good for %u seconds", hint);
	return reader_empty(body);
}

static bool new_session_ticket(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader nonce, ticket;
	uint32_t lifetime, age_add;

	step->meaning = "with it the client can come back and skip certificates";
	if (!is_1_3(d))
		return ticket_1_2(d, step, body);
	if (!reader_u32(body, &lifetime) || !reader_u32(body, &age_add) ||
	    !reader_vec8(body, &nonce) || !reader_vec16(body, &ticket))
		return false;
	field_add(d->trace, &step->fields, "lifetime", "%u seconds", lifetime);
	decode_bytes(d, &step->fields, "nonce", nonce);
	decode_bytes(d, &step->fields, "ticket", ticket);
	step->brief[0] = trace_text(d->trace, "good for %u seconds", lifetime);
	return decode_extensions(d, &step->fields, IN_TICKET, body) && reader_empty(body);
}

static bool key_update(struct decoder *d, struct step *step, struct reader *body)
{
	uint8_t wanted;

	step->meaning = "the sender changes its keys";
	if (!reader_u8(body, &wanted))
		return false;
	field_add(d->trace, &step->fields, "asks for the same", "%s", wanted ? "yes" : "no");
	return reader_empty(body);
}

static const struct {
	uint8_t type;
	bool (*decode)(struct decoder *d, struct step *step, struct reader *body);
} decoders[] = {
	{ HELLO_REQUEST, hello_request },
	{ CLIENT_HELLO, decode_client_hello },
	{ SERVER_HELLO, decode_server_hello },
	{ NEW_SESSION_TICKET, new_session_ticket },
	{ ENCRYPTED_EXTENSIONS, encrypted_extensions },
	{ CERTIFICATE, decode_certificate },
	{ SERVER_KEY_EXCHANGE, server_key_exchange },
	{ CERTIFICATE_REQUEST, decode_certificate_request },
	{ SERVER_HELLO_DONE, server_hello_done },
	{ CERTIFICATE_VERIFY, certificate_verify },
	{ CLIENT_KEY_EXCHANGE, client_key_exchange },
	{ FINISHED, finished },
	{ KEY_UPDATE, key_update },
};

static bool decode_body(struct decoder *d, struct step *step, struct reader *body)
{
	for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++)
		if (decoders[i].type == step->message)
			return decoders[i].decode(d, step, body);
	step->meaning = "a message that this program does not know";
	decode_bytes(d, &step->fields, "body", *body);
	return true;
}

static void decode_message(struct decoder *d, struct step *step)
{
	struct reader message, body;
	uint32_t len;

	reader_init(&message, step->bytes, step->len);
	if (!reader_u8(&message, &step->message) || !reader_u24(&message, &len)) {
		step->name = "a piece of a message";
		return;
	}
	step->name = name_text(d->trace, NAMES_MESSAGE, step->message);
	if (reader_empty(&message) && len > 0) {
		field_add(d->trace, &step->fields, "body",
			  "%u bytes announced, and refused at once", len);
		return;
	}
	body = message;
	if (!decode_body(d, step, &body) || body.left > 0)
		field_add(d->trace, &step->fields, "malformed", "%zu bytes, %s", message.left,
			  trace_hex(d->trace, message, HEX_SHORT));
}

/* ---- what is no message ---------------------------------------------------------------------- */

static void decode_alert(struct decoder *d, struct step *step)
{
	const char *level;

	step->name = "alert";
	if (step->len != 2) {
		field_add(d->trace, &step->fields, "malformed", "%zu bytes instead of 2",
			  step->len);
		return;
	}
	level = step->bytes[0] == 2 ? "fatal" : step->bytes[0] == 1 ? "warning" : "unknown level";
	step->name = trace_text(d->trace, "alert: %s", alert_name(step->bytes[1]));
	step->bad = step->bytes[1] != KTLS_ALERT_CLOSE_NOTIFY &&
		    step->bytes[1] != KTLS_ALERT_USER_CANCELED;
	step->meaning = alert_meaning(step->bytes[1]);
	field_add(d->trace, &step->fields, "level", "%s", level);
	field_add(d->trace, &step->fields, "description", "%s (%u)", alert_name(step->bytes[1]),
		  step->bytes[1]);
	step->brief[0] = step->meaning;
}

static void decode_ccs(const struct decoder *d, struct step *step)
{
	step->name = "change_cipher_spec";
	step->meaning =
		d->version == KTLS_TLS_1_3 || d->version == 0
			? "means nothing in TLS 1.3; it is there for devices on the way that "
			  "expect it"
			: "from here on the sender encrypts";
}

void decode_step(struct decoder *d, struct step *step)
{
	if (step->kind == STEP_ALERT)
		decode_alert(d, step);
	else if (step->kind == STEP_CCS)
		decode_ccs(d, step);
	else
		decode_message(d, step);
}
