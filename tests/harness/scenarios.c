/* SPDX-License-Identifier: MIT */
#include "tests/harness/scenarios.h"

#include <string.h>

#include "tests/harness/harness.h"

struct engine_end scenario_client, scenario_server;
const uint8_t scenario_junk[16000];

void scenario_feed(struct engine_end *end, const uint8_t *bytes, size_t len)
{
	engine_end_feed(end, bytes, len);
}

void scenario_hello(void)
{
	puppet_until(&scenario_client, &scenario_server.in, CLIENT_RECV_SERVER_HELLO);
}

void scenario_hello_with(uint16_t type, const uint8_t *body, size_t len)
{
	scenario_hello();
	puppet_edit_extension(&scenario_server.in, type, body, len);
}

void scenario_hello_without(uint16_t type)
{
	scenario_hello_with(type, NULL, 0);
}

void scenario_before_client_finished(void)
{
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_RECV_FINISHED);
	puppet_until(&scenario_client, &scenario_server.in, CLIENT_SEND_FINISHED);
}

void scenario_server_hello(void)
{
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_HANDSHAKE_KEYS);
	/* Without the change_cipher_spec, so that the hello can be edited. */
	scenario_client.in.len -= 6;
}

void scenario_server_hello_with(uint16_t type, const uint8_t *body, size_t len)
{
	scenario_server_hello();
	puppet_edit_extension(&scenario_client.in, type, body, len);
}

void scenario_server_at(enum state state)
{
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, state);
	ASSERT_TRUE(engine_end_step(&scenario_client, &scenario_server.in));
}

void scenario_retry(void)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;

	scenario_server.config.groups = &p256;
	scenario_server.config.groups_len = 1;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_RECV_HELLO_AGAIN);
	scenario_client.in.len -= 6;
}

void scenario_hello_again(void)
{
	scenario_retry();
	puppet_until(&scenario_client, &scenario_server.in, CLIENT_RECV_SERVER_HELLO_AGAIN);
	memmove(scenario_server.in.bytes, scenario_server.in.bytes + 6, scenario_server.in.len - 6);
	scenario_server.in.len -= 6;
}

void scenario_set_body(struct engine_end *end, size_t at, uint8_t value)
{
	end->in.bytes[PUPPET_BODY + at] = value;
}
