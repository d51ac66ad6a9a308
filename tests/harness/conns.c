/* SPDX-License-Identifier: MIT */
#include "tests/harness/conns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "lib/crypto/util.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

/* ---- the kernel ------------------------------------------------------------------------------ */

#define ENDS_MAX 64

struct fake_kernel fake_kernel;

static struct conn_end *ends[ENDS_MAX]; /* those that were started, by descriptor */

static struct conn_end *end_of(int fd)
{
	for (size_t i = 0; i < ENDS_MAX; i++)
		if (ends[i] && ends[i]->fd == fd)
			return ends[i];
	return NULL;
}

#define SOCKETS_MAX 64

static struct fake_socket {
	uint64_t cookie;
	bool set[2];
	struct ktls_traffic_key keys[2];
} sockets[SOCKETS_MAX];

static struct fake_socket *socket_of(int fd, bool make)
{
	static size_t next;
	struct fake_socket *s;
	uint64_t cookie;

	if (!conn_cookie(fd, &cookie))
		return NULL;
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (sockets[i].cookie == cookie)
			return &sockets[i];
	if (!make)
		return NULL;
	s = &sockets[next++ % SOCKETS_MAX];
	*s = (struct fake_socket){ .cookie = cookie };
	return s;
}

void fake_kernel_set(int fd, bool transmit, const struct ktls_traffic_key *key)
{
	struct fake_socket *s = socket_of(fd, true);

	if (s) {
		s->set[transmit] = true;
		s->keys[transmit] = *key;
	}
}

int fake_kernel_get(int fd, bool transmit, struct ktls_traffic_key *out)
{
	const struct fake_socket *s = socket_of(fd, false);

	if (!s || !s->set[transmit])
		return -EBUSY;
	*out = s->keys[transmit];
	return 0;
}

static int fake_attach(int fd, int *error)
{
	(void)fd;
	*error = fake_kernel.attach_result < 0 ? ENOENT : 0;
	fake_kernel.attached++;
	return fake_kernel.attach_result;
}

static int fake_install(int fd, bool transmit, const struct ktls_traffic_key *key, int *error)
{
	int result = transmit ? fake_kernel.tx_result : fake_kernel.rx_result;
	struct conn_end *end = end_of(fd);

	*error = result < 0 ? EINVAL : 0;
	if (result < 0)
		return result;
	fake_kernel.installs++;
	fake_kernel_set(fd, transmit, key);
	if (!end)
		return 0;
	if (transmit)
		end->tx = *key;
	else
		end->rx = *key;
	EXPECT_EQ(0, ktls_engine_secrets(&end->conn->secrets->engine, &end->secrets));
	EXPECT_FALSE(transmit ? end->tx_set : end->rx_set);
	EXPECT_FALSE(transmit && end->rx_set);
	end->tx_set = end->tx_set || transmit;
	end->rx_set = end->rx_set || !transmit;
	return 0;
}

static int fake_limit(int fd, uint16_t content_max, int *error)
{
	struct conn_end *end = end_of(fd);

	*error = fake_kernel.limit_result < 0 ? EINVAL : 0;
	if (end) {
		EXPECT_TRUE(end->tx_set && !end->rx_set);
		end->content_max = content_max;
	}
	return fake_kernel.limit_result;
}

static int fake_expect_no_pad(int fd)
{
	struct conn_end *end = end_of(fd);

	if (end) {
		EXPECT_TRUE(end->rx_set);
		EXPECT_EQ(KTLS_TLS_1_3, end->rx.version);
		end->no_pad = true;
	}
	return fake_kernel.option_result;
}

static int fake_zerocopy(int fd)
{
	struct conn_end *end = end_of(fd);

	if (end)
		end->zerocopy = true;
	return fake_kernel.option_result;
}

static int fake_alert(int fd, uint8_t alert)
{
	struct conn_end *end = end_of(fd);

	if (end)
		end->alert = alert;
	return fake_kernel.option_result;
}

static bool fake_is_local(int fd)
{
	(void)fd;
	return !fake_kernel.remote;
}

static const struct conn_kernel_ops fake_ops = {
	.zerocopy = fake_zerocopy,
	.alert = fake_alert,
	.is_local = fake_is_local,
	.expect_no_pad = fake_expect_no_pad,
	.attach = fake_attach,
	.install = fake_install,
	.limit = fake_limit,
	.get = fake_kernel_get,
};

/* ---- certificates and signatures ------------------------------------------------------------- */

static int sign_now(struct conns *conns, const struct conn_sign *request, uint8_t *signature,
		    size_t *len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request->what, scratch);

	return x509_key_sign(conns->key, request->what->version, request->what->scheme,
			     content.bytes, content.len, signature, len);
}

static int sign(void *arg, const struct conn_sign *request, uint8_t *signature, size_t *len)
{
	struct conns *conns = arg;
	struct conns_pending *pending = &conns->pending[conns->pending_len];

	conns->signed_count++;
	if (conns->before_sign)
		conns->before_sign(conns);
	if (!conns->sign_later)
		return sign_now(conns, request, signature, len);
	ASSERT_LT(conns->pending_len, 8);
	pending->token = request->token;
	pending->result = sign_now(conns, request, pending->signature, &pending->len);
	conns->pending_len++;
	return KTLS_ENGINE_PENDING;
}

static int decrypt(void *arg, const struct conn_decrypt *request, uint8_t *master)
{
	struct conns *conns = arg;

	return x509_key_decrypt_master(conns->key, request->what, master);
}

void conns_sign(struct conns *conns, size_t i)
{
	struct conns_pending *pending = &conns->pending[i];

	conn_sign_done(conns->loop, pending->token, pending->result, pending->signature,
		       pending->len);
}

/* A leaf whose names make it some 10 KB long, if big. */
static struct cert *leaf_new(const struct cert *ca, enum cert_key key, bool big)
{
	bool rsa = key == CERT_RSA2048;
	struct cert_spec spec = {
		.key = key,
		.cn = "server",
		.eku = "serverAuth",
		.key_usage = rsa ? "critical,digitalSignature,keyEncipherment"
				 : "critical,digitalSignature",
	};
	size_t size = 32768, len;
	char *names = malloc(size);
	struct cert *leaf;

	len = (size_t)snprintf(names, size, "DNS:example.com,DNS:*.wild.example,IP:127.0.0.1");
	for (int i = 0; i < 250 && big; i++)
		len += (size_t)snprintf(names + len, size - len,
					",DNS:a-name-to-fill-the-certificate-%d.example.com", i);
	spec.san = names;
	leaf = cert_new(&spec, ca);
	free(names);
	return leaf;
}

static const uint8_t alpn[] = "\x02h2\x08http/1.1";

/* The leaf as profiles want it. */
static void use_leaf(struct conns *conns)
{
	struct x509_error err;
	size_t len;
	char *pem = cert_chain_pem(conns->leaf, &len);

	conns->identity = x509_identity_new(pem, len, &err);
	conns->key = x509_key_new(conns->leaf->key_pem, conns->leaf->key_pem_len, &err);
	free(pem);
	ASSERT_NOT_NULL(conns->identity);
	ASSERT_NOT_NULL(conns->key);
}

static void drop_leaf(struct conns *conns)
{
	x509_identity_free(conns->identity);
	x509_key_free(conns->key);
	cert_free(conns->leaf);
}

void conns_use_key(struct conns *conns, enum cert_key key)
{
	drop_leaf(conns);
	conns->leaf = leaf_new(conns->ca, key, false);
	use_leaf(conns);
}

void conns_init(struct conns *conns, bool big)
{
	struct x509_error err;
	int fd[2];

	memset(conns, 0, sizeof(*conns));
	memset(&fake_kernel, 0, sizeof(fake_kernel));
	ASSERT_EQ(0, crypto_init());
	tcp_pair(fd, 0); /* opens its listener before anybody counts descriptors */
	close_by_reset(fd[0]);
	close(fd[1]);
	conns->ca = cert_ca(CERT_P256, "Test CA");
	conns->leaf = leaf_new(conns->ca, CERT_P256, big);
	use_leaf(conns);
	conns->trust = x509_trust_new(conns->ca->pem, conns->ca->pem_len, &err);
	ASSERT_NOT_NULL(conns->trust);
	conns->profile = (struct conn_profile){
		.identities = (const struct x509_identity *const *)&conns->identity,
		.identities_len = 1,
		.trust = conns->trust,
		.client_trust = conns->trust,
		.alpn = alpn,
		.alpn_len = sizeof(alpn) - 1,
		.sign = sign,
		.sign_arg = conns,
		.decrypt = decrypt,
	};
	conns->config = (struct conn_config){
		.handshakes_max = 16, .pool_max = 1 << 20, .timeout_ms = 10000, .kernel = &fake_ops
	};
}

void conns_open(struct conns *conns)
{
	ASSERT_EQ(0, conn_loop_new(&conns->config, &conns->loop));
}

/* Entries of the epoll set: the loop's own two stay. */
static int epoll_entries(const struct conns *conns)
{
	char path[64], line[256];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", conn_loop_fd(conns->loop));
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strncmp(line, "tfd:", 4) == 0;
	if (f)
		fclose(f);
	return n;
}

void conns_wipe(struct conns *conns)
{
	if (conns->loop) {
		EXPECT_EQ(0, conn_loop_count(conns->loop));
		EXPECT_EQ(0, conns->loop->pool.used);
		EXPECT_EQ(0, conns->loop->timers.len);
		EXPECT_EQ(2, epoll_entries(conns));
	}
	conn_loop_free(conns->loop);
	drop_leaf(conns);
	x509_trust_free(conns->trust);
	cert_free(conns->ca);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Names beyond the room for them are left out. */
static void copy_names(struct conn_end *end, const struct conn_result *result)
{
	size_t len = 0;

	for (size_t i = 0; i < result->names_len && len < sizeof(end->names); i++)
		len += (size_t)snprintf(end->names + len, sizeof(end->names) - len, "%d %s; ",
					(int)result->names[i].kind, result->names[i].text);
}

/* Keys that no kernel was given, but the caller; and all of them are what the make-believe kernel
 * was given. The real one does not tell here. */
static void copy_keys(struct conn_end *end, const struct conn_result *result)
{
	EXPECT_EQ(result->reason == KTLS_OK, result->secrets && result->tx_key && result->rx_key);
	if (result->carry) {
		end->secrets = *result->secrets;
		end->tx = *result->tx_key;
		end->rx = *result->rx_key;
	} else if (result->reason == KTLS_OK && end->tx.version != 0) {
		EXPECT_MEMEQ(&end->secrets, result->secrets, sizeof(end->secrets));
		EXPECT_MEMEQ(&end->tx, result->tx_key, sizeof(end->tx));
		EXPECT_MEMEQ(&end->rx, result->rx_key, sizeof(end->rx));
	}
	end->result.secrets = NULL;
	end->result.tx_key = end->result.rx_key = NULL;
}

void conns_done(void *arg, const struct conn_result *result)
{
	struct conn_end *end = arg;

	EXPECT_FALSE(end->done);
	end->done = true;
	end->result = *result;
	end->facts = *result->facts;
	end->result.facts = &end->facts;
	snprintf(end->text, sizeof(end->text), "%s", result->text);
	end->result.text = end->text;
	copy_names(end, result);
	copy_keys(end, result);
	end->leaf_len = result->chain_len > 0 ? result->chain[0].len : 0;
	end->fd_was_open = fcntl(end->fd, F_GETFD) >= 0;
	for (size_t i = 0; i < ENDS_MAX; i++)
		if (ends[i] == end)
			ends[i] = NULL;
}

struct conn_request conns_request(struct conns *conns, enum ktls_role role, struct conn_end *end)
{
	return (struct conn_request){
		.fd = end->fd,
		.role = role,
		.profile = &conns->profile,
		.server_name = role == KTLS_CLIENT ? "example.com" : NULL,
		.done = conns_done,
		.arg = end,
	};
}

void conns_start(struct conns *conns, const struct conn_request *request, struct conn_end *end)
{
	size_t i = 0;

	end->done = false;
	end->tx_set = false;
	end->rx_set = false;
	while (i < ENDS_MAX && ends[i])
		i++;
	if (i < ENDS_MAX)
		ends[i] = end;
	ASSERT_EQ(0, conn_start(conns->loop, request, &end->conn));
}

static bool all_done(struct conn_end *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!list[i]->done)
			return false;
	return true;
}

bool conns_run(struct conns *conns, struct conn_end *const *list, size_t n, int ms)
{
	uint64_t end = timer_now() + (uint64_t)ms * 1000000;
	struct pollfd pfd = { .fd = conn_loop_fd(conns->loop), .events = POLLIN };

	while (!all_done(list, n)) {
		if (timer_now() >= end)
			return false;
		if (poll(&pfd, 1, 10) == 1)
			conn_loop_run(conns->loop);
	}
	return true;
}

void conns_settle(struct conns *conns)
{
	struct pollfd pfd = { .fd = conn_loop_fd(conns->loop), .events = POLLIN };

	while (poll(&pfd, 1, 0) == 1)
		conn_loop_run(conns->loop);
}

void conns_begin(struct conns *conns, enum ktls_role role, struct conn_end *end)
{
	struct conn_request request = conns_request(conns, role, end);

	conns_start(conns, &request, end);
}

void expect_agreed(const struct conn_end *client, const struct conn_end *server)
{
	const struct conn_end *both[] = { client, server };
	struct ktls_traffic_key sent = server->tx;

	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(both[i]->done);
		ASSERT_EQ(KTLS_OK, both[i]->result.reason);
		EXPECT_EQ(KTLS_STATE_SW, both[i]->result.tx);
		EXPECT_EQ(KTLS_STATE_SW, both[i]->result.rx);
		EXPECT_EQ(KTLS_ALERT_NONE, both[i]->result.alert);
		ASSERT_TRUE(both[i]->tx_set && both[i]->rx_set);
	}
	EXPECT_MEMEQ(&client->tx, &server->rx, sizeof(client->tx));
	/* A server's tickets of TLS 1.3 are the first records, and for the client's application. */
	if (server->tx.version == KTLS_TLS_1_3)
		memcpy(sent.seq, client->rx.seq, sizeof(sent.seq));
	EXPECT_MEMEQ(&client->rx, &sent, sizeof(sent));
}

void expect_failed(const struct conn_end *end, enum ktls_reason reason)
{
	ASSERT_TRUE(end->done);
	EXPECT_EQ(reason, end->result.reason);
	EXPECT_EQ(KTLS_STATE_NONE, end->result.tx);
	EXPECT_EQ(KTLS_STATE_NONE, end->result.rx);
	EXPECT_FALSE(end->rx_set);
}
