/* SPDX-License-Identifier: MIT */
/* What "ktlsctl status" makes of a supervisor's lines. */
#include <stdlib.h>
#include <string.h>

#include "daemon/status_client.h"
#include "tests/harness/harness.h"

static const char lines[] =
	"ktlsd version=1.2.3 pid=7 seconds=60 kernel-tls=no\n"
	"process role=worker number=1 pid=8 state=ready clients=2 handshakes=1\n"
	"process role=relay number=2 pid=9 state=leaving connections=3 most=1024 memory=55555\n"
	"total succeeded=4 failed=5\n";

/* What is printed, to be freed; NULL where the lines are none. */
static char *print(const char *text, bool json)
{
	char *copy = strdup(text), *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);
	bool ok = status_print(copy, json, f);

	fclose(f);
	free(copy);
	if (ok)
		return out;
	free(out);
	return NULL;
}

TEST(text)
{
	char *out = print(lines, false);

	ASSERT_NOT_NULL(out);
	EXPECT_STREQ("ktlsd 1.2.3, pid 7, up 60 s, kernel TLS: no\n"
		     "worker 1         8 ready     clients 2, handshakes 1\n"
		     "relay 2          9 leaving   connections 3, most 1024, memory 55555\n"
		     "total                        succeeded 4, failed 5\n",
		     out);
	free(out);
}

TEST(json)
{
	char *out = print(lines, true);

	ASSERT_NOT_NULL(out);
	EXPECT_STREQ("{\"ktlsd\":{\"version\":\"1.2.3\",\"pid\":7,\"seconds\":60,"
		     "\"kernel-tls\":\"no\"},"
		     "\"processes\":[{\"role\":\"worker\",\"number\":1,\"pid\":8,"
		     "\"state\":\"ready\",\"clients\":2,\"handshakes\":1},"
		     "{\"role\":\"relay\",\"number\":2,\"pid\":9,\"state\":\"leaving\","
		     "\"connections\":3,\"most\":1024,\"memory\":55555}],"
		     "\"total\":{\"succeeded\":4,\"failed\":5}}\n",
		     out);
	free(out);
}

TEST(others)
{
	static const char *const texts[] = { "",
					     "\n",
					     "ktlsd version\n",
					     "ktlsd version=\n",
					     "ktlsd =1\n",
					     "ktlsd version=\"1\n",
					     "kt<sd version=1\n",
					     "ktlsd version=1\nprocess role=a\\b\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		EXPECT_NULL(print(texts[i], false));
		EXPECT_NULL(print(texts[i], true));
	}
}

TEST_HARNESS_MAIN
