/* SPDX-License-Identifier: MIT */
/* Run by ktlsrun: a listening socket, and both ends of one of its connections. */
#ifndef KTLS_TESTS_WRAPPED_ENDS_H
#define KTLS_TESTS_WRAPPED_ENDS_H

#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/harness/wrapped.h"

FIXTURE(ends)
{
	int listener, client, server;
};

FIXTURE_SETUP(ends)
{
	self->listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0);
	wrapped_pair(self->listener, AF_INET, &self->client, &self->server);
}

FIXTURE_TEARDOWN(ends)
{
	close(self->client);
	close(self->server);
	close(self->listener);
}

#endif
