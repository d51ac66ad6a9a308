/* SPDX-License-Identifier: MIT */
/*
 * Much data through kernel TLS, both ways at once, in every way that programs have, with sizes and
 * pauses drawn at random. KTLS_BULK_BYTES (1073741824) and KTLS_BULK_SEED say how much and what.
 */
#include <stdlib.h>

#include "tests/harness/pour.h"
#include "tests/harness/tls_pair.h"

#define USUAL (1 << 20)

FIXTURE(pour)
{
	struct tls_pair pair;
};

FIXTURE_VARIANT(pour)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(pour)

FIXTURE_SETUP(pour)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_KERNEL);
}

FIXTURE_TEARDOWN(pour)
{
	tls_pair_close(&self->pair);
}

#define WAY(name, way)                                                       \
	TEST_F_TIMEOUT(pour, name, 3600)                                     \
	{                                                                    \
		if (self->pair.ready)                                        \
			pour_between(self->pair.fd, way, pour_bytes(USUAL)); \
	}

WAY(read_and_write, POUR_BYTES)
WAY(readv_and_writev, POUR_VECTORS)
WAY(recvmsg_and_sendmsg, POUR_MESSAGES)
WAY(sendfile_and_waitall, POUR_FILES)
WAY(splice_both_ways, POUR_SPLICES)
WAY(all_in_turns, POUR_MIXED)

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
