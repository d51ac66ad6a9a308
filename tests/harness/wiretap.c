/* SPDX-License-Identifier: MIT */
#include "tests/harness/wiretap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/hash.h"
#include "lib/ktls/kernel.h"

#define STREAM_MAX ((size_t)4 << 20) /* bytes of a direction */
#define BEFORE \
	((size_t)1 << 20) /* bytes that may come behind the first packet, and belong before it */
#define PACKET_MAX ((size_t)128 << 10)
#define BUFFER     (96 << 20)
#define DIGEST     32
#define CLEAR      16 /* bytes that are the same by chance never */

static void stream_init(struct wiretap_stream *s)
{
	*s = (struct wiretap_stream){ .bytes = calloc(1, STREAM_MAX),
				      .seen = calloc(1, STREAM_MAX),
				      .from = STREAM_MAX };
	ASSERT_NOT_NULL(s->bytes);
	ASSERT_NOT_NULL(s->seen);
}

void wiretap_open(struct wiretap *tap)
{
	struct ifreq ifr = { .ifr_name = "nic0b" };
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int size = BUFFER;

	stream_init(&tap->streams[NICSIM_A]);
	stream_init(&tap->streams[NICSIM_B]);
	tap->fd = nicsim_wire_socket(AF_PACKET, SOCK_RAW, 0);
	ASSERT_EQ(0, ioctl(tap->fd, SIOCGIFINDEX, &ifr));
	address.sll_ifindex = ifr.ifr_ifindex;
	ASSERT_EQ(0, setsockopt(tap->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	ASSERT_EQ(0, bind(tap->fd, (struct sockaddr *)&address, sizeof(address)));
}

void wiretap_close(struct wiretap *tap)
{
	for (int i = 0; i < 2; i++) {
		free(tap->streams[i].bytes);
		free(tap->streams[i].seen);
	}
	if (tap->fd > 0)
		close(tap->fd);
}

/* ---- packets ---------------------------------------------------------------------------------
 */

static void put(struct wiretap_stream *s, uint32_t seq, const uint8_t *bytes, size_t len)
{
	size_t at;

	if (!s->begun)
		s->first = seq;
	s->begun = true;
	at = (size_t)((int64_t)BEFORE + (int32_t)(seq - s->first));
	ASSERT_LE(at, STREAM_MAX - len);
	for (size_t i = 0; i < len; i++) {
		s->again += s->seen[at + i];
		s->other += s->seen[at + i] && s->bytes[at + i] != bytes[i];
		s->bytes[at + i] = bytes[i];
		s->seen[at + i] = 1;
	}
	s->from = at < s->from ? at : s->from;
	s->to = at + len > s->to ? at + len : s->to;
	s->packets++;
}

/* Where the TCP header is, and where the packet ends; 0 where it is none of ours. */
static size_t find_tcp(const uint8_t *packet, size_t len, size_t *end)
{
	const struct iphdr *v4 = (const void *)(packet + ETH_HLEN);
	const struct ip6_hdr *v6 = (const void *)(packet + ETH_HLEN);

	if (len >= ETH_HLEN + sizeof(*v4) && v4->version == 4 && v4->protocol == IPPROTO_TCP) {
		*end = ETH_HLEN + ntohs(v4->tot_len);
		return ETH_HLEN + v4->ihl * 4U;
	}
	if (len >= ETH_HLEN + sizeof(*v6) && v4->version == 6 && v6->ip6_nxt == IPPROTO_TCP) {
		*end = ETH_HLEN + sizeof(*v6) + ntohs(v6->ip6_plen);
		return ETH_HLEN + sizeof(*v6);
	}
	return 0;
}

static void take_packet(struct wiretap *tap, const uint8_t *packet, size_t len)
{
	struct tcphdr tcp;
	size_t end, at = find_tcp(packet, len, &end);
	bool by_a;

	if (at == 0 || at + sizeof(tcp) > len)
		return;
	memcpy(&tcp, packet + at, sizeof(tcp));
	at += tcp.doff * 4U;
	end = end < len ? end : len;
	by_a = ntohs(tcp.dest) == NICSIM_PORT;
	if (at < end && (by_a || ntohs(tcp.source) == NICSIM_PORT))
		put(&tap->streams[by_a ? NICSIM_A : NICSIM_B], ntohl(tcp.seq), packet + at,
		    end - at);
}

void wiretap_take(struct wiretap *tap)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);
	uint8_t *packet = malloc(PACKET_MAX);
	ssize_t n;

	ASSERT_NOT_NULL(packet);
	for (n = recv(tap->fd, packet, PACKET_MAX, MSG_DONTWAIT); n > 0;
	     n = recv(tap->fd, packet, PACKET_MAX, MSG_DONTWAIT))
		take_packet(tap, packet, (size_t)n);
	EXPECT_EQ(EAGAIN, errno);
	free(packet);
	ASSERT_EQ(0, getsockopt(tap->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
	EXPECT_EQ(0, stats.tp_drops);
}

/* ---- records ---------------------------------------------------------------------------------
 */

struct opening {
	struct ktls_traffic_key key;
	uint8_t *content; /* of all records */
	struct wiretap_records out;
};

/* Whether some of the content stands in the record as it is. */
static bool shows(const uint8_t *record, size_t len, const uint8_t *content, size_t content_len)
{
	return content_len >= CLEAR && memmem(record, len, content, CLEAR) != NULL;
}

/* Its length; 0 where it is no whole record. */
static size_t open_one(struct opening *o, const uint8_t *record, size_t len)
{
	uint8_t *content = o->content + o->out.content, type;
	size_t whole;
	ssize_t n;

	if (len < KEYED_HEADER || record[1] != 3 || record[2] != 3)
		return 0;
	whole = KEYED_HEADER + (size_t)(record[3] << 8 | record[4]);
	if (whole > len)
		return 0;
	n = keyed_open(&o->key, record, whole, &type, content);
	if (n < 0 || type != RECORD_APPLICATION_DATA || shows(record, whole, content, (size_t)n))
		return 0;
	o->out.content += (size_t)n;
	o->out.records++;
	return whole;
}

static bool ends_with_hash(const uint8_t *content, size_t len)
{
	uint8_t digest[DIGEST];

	if (len < DIGEST)
		return false;
	hash_bytes(HASH_SHA256, content, len - DIGEST, digest);
	return memcmp(content + len - DIGEST, digest, DIGEST) == 0;
}

/* The end of the handshake, where it was sent again: what follows is under the key. */
static size_t behind_handshake(const struct wiretap_stream *s)
{
	size_t at = s->from;

	while (at + KEYED_HEADER <= s->to &&
	       (s->bytes[at] == RECORD_CHANGE_CIPHER_SPEC || s->bytes[at] == RECORD_HANDSHAKE))
		at += KEYED_HEADER + (size_t)(s->bytes[at + 3] << 8 | s->bytes[at + 4]);
	return at;
}

struct wiretap_records wiretap_open_records(const struct wiretap *tap,
					    const struct nicsim_conn *conn, enum nicsim_end end)
{
	const struct wiretap_stream *s = &tap->streams[end];
	struct opening o = { .key = conn->tx[end],
			     .content = malloc(STREAM_MAX + KEYED_RECORD_MAX) };
	size_t at = behind_handshake(s), n = 1;

	ASSERT_NOT_NULL(o.content);
	EXPECT_EQ(0, s->other);
	EXPECT_NULL(memchr(s->seen + s->from, 0, s->to - s->from));
	for (; n > 0 && at < s->to; at += n)
		n = open_one(&o, s->bytes + at, s->to - at);
	if (n == 0)
		TH_LOG("no record: %zu bytes from the beginning, behind %llu records", at - s->from,
		       (unsigned long long)o.out.records);
	EXPECT_EQ(s->to, at);
	o.out.poured = ends_with_hash(o.content, o.out.content);
	free(o.content);
	return o.out;
}

void wiretap_expect_pour(struct wiretap *tap, const struct nicsim_conn *conn, uint64_t bytes)
{
	wiretap_take(tap);
	for (int end = NICSIM_A; end <= NICSIM_B; end++) {
		struct wiretap_records r = wiretap_open_records(tap, conn, (enum nicsim_end)end);

		EXPECT_EQ(bytes + DIGEST, r.content);
		EXPECT_TRUE(r.poured);
		EXPECT_GT(r.records, bytes / 16384);
	}
}
