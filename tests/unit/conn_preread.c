/* SPDX-License-Identifier: MIT */
/* Bytes that the application had read from the socket before it handed it over. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

FIXTURE(preread)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
};

FIXTURE_SETUP(preread)
{
	conns_init(&self->conns, false);
	self->both[0] = &self->client;
	self->both[1] = &self->server;
}

FIXTURE_TEARDOWN(preread)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

TEST_F(preread, come_first_however_many)
{
	uint8_t hello[2048];
	struct conn_request request;
	struct middle middle;
	size_t len = 1;
	ssize_t n;

	conns_open(&self->conns);
	for (size_t pre = 0; pre <= len; pre++) {
		middle_open(&middle, &self->client.fd, &self->server.fd);
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		n = recv(middle.client, hello, sizeof(hello), 0);
		ASSERT_GT(n, 100);
		len = (size_t)n;
		if (pre < len)
			ASSERT_EQ(len - pre, send(middle.server, hello + pre, len - pre, 0));
		request = conns_request(&self->conns, KTLS_SERVER, &self->server);
		request.preread = hello;
		request.preread_len = pre;
		conns_start(&self->conns, &request, &self->server);
		memset(hello, 0, sizeof(hello));
		middle_run(&middle, &self->conns, &self->client, &self->server, SIZE_MAX);
		expect_agreed(&self->client, &self->server);
		middle_close(&middle);
		close(self->client.fd);
		close(self->server.fd);
	}
}

/* While a signature is being made they wait, too. */
TEST_F(preread, may_reach_past_the_hello)
{
	static const uint8_t ccs[] = { 20, 3, 3, 0, 1, 1 };
	uint8_t hello[2048];
	struct conn_request request;
	struct middle middle;
	size_t n;

	conns_open(&self->conns);
	self->conns.sign_later = true;
	middle_open(&middle, &self->client.fd, &self->server.fd);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	n = (size_t)recv(middle.client, hello, sizeof(hello) - sizeof(ccs), 0);
	memcpy(hello + n, ccs, sizeof(ccs));
	ASSERT_EQ(3, send(middle.server, ccs + 3, 3, 0));
	request = conns_request(&self->conns, KTLS_SERVER, &self->server);
	request.preread = hello;
	request.preread_len = n + 3;
	conns_start(&self->conns, &request, &self->server);
	conns_settle(&self->conns);
	ASSERT_EQ(1, self->conns.pending_len);
	conns_sign(&self->conns, 0);
	middle_run(&middle, &self->conns, &self->client, &self->server, SIZE_MAX);
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(middle.to_server + 3, self->server.result.taken);
	middle_close(&middle);
}

TEST_HARNESS_MAIN
