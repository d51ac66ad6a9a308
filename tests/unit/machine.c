/* SPDX-License-Identifier: MIT */
/*
 * The state table against the graphs of RFC 9846, A.1 and A.2, which stand here a second time:
 * every sequence of messages that the table allows is one of these, and each of these is allowed.
 */
#include <stdio.h>
#include <string.h>

#include "lib/handshake/machine.h"
#include "tests/harness/harness.h"

#define PATHS_MAX 30
#define CCS       ((enum message)0x400) /* change_cipher_spec is no handshake message */
#define PATH_LEN  512

/*
 * Sent (>) and received (<). NST stands for any number of NewSessionTickets, none included: they go
 * out with the server's Finished, or behind the client's where that proves who it is (4.7.1).
 */
static const char *const client_paths[] = {
	">CH <SH <EE <CT <CV <FIN >FIN",
	">CH <SH <EE <CR <CT <CV <FIN >CT >FIN",
	">CH <SH <EE <CR <CT <CV <FIN >CT >CV >FIN",
	">CH <HRR >CH <SH <EE <CT <CV <FIN >FIN",
	">CH <HRR >CH <SH <EE <CR <CT <CV <FIN >CT >FIN",
	">CH <HRR >CH <SH <EE <CR <CT <CV <FIN >CT >CV >FIN",
	/* resumed */
	">CH <SH <EE <FIN >FIN",
	">CH <HRR >CH <SH <EE <FIN >FIN",
};

static const char *const client_1_2_paths[] = {
	">CH <SH <CT <SKE <SHD >CKE >CCS >FIN <CCS <FIN",
	">CH <SH <CT <SKE <CR <SHD >CT >CKE >CCS >FIN <CCS <FIN",
	">CH <SH <CT <SKE <CR <SHD >CT >CKE >CV >CCS >FIN <CCS <FIN",
	/* RSA key exchange */
	">CH <SH <CT <SHD >CKE >CCS >FIN <CCS <FIN",
	">CH <SH <CT <CR <SHD >CT >CKE >CCS >FIN <CCS <FIN",
	">CH <SH <CT <CR <SHD >CT >CKE >CV >CCS >FIN <CCS <FIN",
	/* RFC 5077, 3.1: a ticket is promised, or taken */
	">CH <SH <CT <SKE <SHD >CKE >CCS >FIN <NST <CCS <FIN",
	">CH <SH <CT <SKE <CR <SHD >CT >CKE >CCS >FIN <NST <CCS <FIN",
	">CH <SH <CT <SKE <CR <SHD >CT >CKE >CV >CCS >FIN <NST <CCS <FIN",
	">CH <SH <CT <SHD >CKE >CCS >FIN <NST <CCS <FIN",
	">CH <SH <CT <CR <SHD >CT >CKE >CCS >FIN <NST <CCS <FIN",
	">CH <SH <CT <CR <SHD >CT >CKE >CV >CCS >FIN <NST <CCS <FIN",
	">CH <SH <CCS <FIN >CCS >FIN",
	">CH <SH <NST <CCS <FIN >CCS >FIN",
};

static const char *const server_1_2_paths[] = {
	"<CH >SH >CT >SKE >SHD <CKE <CCS <FIN >CCS >FIN",
	"<CH >SH >CT >SKE >CR >SHD <CT <CKE <CCS <FIN >CCS >FIN",
	"<CH >SH >CT >SKE >CR >SHD <CT <CKE <CV <CCS <FIN >CCS >FIN",
	/* RSA key exchange */
	"<CH >SH >CT >SHD <CKE <CCS <FIN >CCS >FIN",
	"<CH >SH >CT >CR >SHD <CT <CKE <CCS <FIN >CCS >FIN",
	"<CH >SH >CT >CR >SHD <CT <CKE <CV <CCS <FIN >CCS >FIN",
	/* RFC 5077, 3.1: a ticket is promised, or taken */
	"<CH >SH >CT >SKE >SHD <CKE <CCS <FIN >NST >CCS >FIN",
	"<CH >SH >CT >SKE >CR >SHD <CT <CKE <CCS <FIN >NST >CCS >FIN",
	"<CH >SH >CT >SKE >CR >SHD <CT <CKE <CV <CCS <FIN >NST >CCS >FIN",
	"<CH >SH >CT >SHD <CKE <CCS <FIN >NST >CCS >FIN",
	"<CH >SH >CT >CR >SHD <CT <CKE <CCS <FIN >NST >CCS >FIN",
	"<CH >SH >CT >CR >SHD <CT <CKE <CV <CCS <FIN >NST >CCS >FIN",
	"<CH >SH >CCS >FIN <CCS <FIN",
};

static const char *const server_paths[] = {
	"<CH >SH >EE >CT >CV >FIN >NST <FIN",
	"<CH >SH >EE >CR >CT >CV >FIN <CT <FIN >NST",
	"<CH >SH >EE >CR >CT >CV >FIN <CT <CV <FIN >NST",
	"<CH >HRR <CH >SH >EE >CT >CV >FIN >NST <FIN",
	"<CH >HRR <CH >SH >EE >CR >CT >CV >FIN <CT <FIN >NST",
	"<CH >HRR <CH >SH >EE >CR >CT >CV >FIN <CT <CV <FIN >NST",
	/* resumed */
	"<CH >SH >EE >FIN >NST <FIN",
	"<CH >HRR <CH >SH >EE >FIN >NST <FIN",
};

static bool follow_legacy; /* a hello leads to TLS 1.2, and to nothing else */
static bool resumed;       /* on the way so far */

static struct {
	char text[PATHS_MAX][PATH_LEN];
	size_t n;
} found;

static const char *message_name(enum message message)
{
	switch (message) {
	case MESSAGE_CLIENT_HELLO:
		return "CH";
	case MESSAGE_SERVER_HELLO:
	case MESSAGE_SERVER_HELLO_1_2:
		return "SH";
	case MESSAGE_HELLO_RETRY:
		return "HRR";
	case MESSAGE_ENCRYPTED_EXTENSIONS:
		return "EE";
	case MESSAGE_CERTIFICATE:
		return "CT";
	case MESSAGE_CERTIFICATE_REQUEST:
		return "CR";
	case MESSAGE_CERTIFICATE_VERIFY:
		return "CV";
	case MESSAGE_SERVER_KEY_EXCHANGE:
		return "SKE";
	case MESSAGE_SERVER_HELLO_DONE:
		return "SHD";
	case MESSAGE_CLIENT_KEY_EXCHANGE:
		return "CKE";
	case MESSAGE_NEW_SESSION_TICKET:
		return "NST";
	case MESSAGE_FINISHED:
		return "FIN";
	default:
		return "?";
	}
}

static void walk(enum state state, const char *so_far, int depth);

static void follow(const struct machine_row *row, enum message message, enum state next,
		   const char *so_far, int depth)
{
	char path[PATH_LEN];

	if (message == CCS)
		snprintf(path, sizeof(path), "%.400s %cCCS", so_far, row->receives ? '<' : '>');
	else if (message)
		snprintf(path, sizeof(path), "%.400s%s%c%s", so_far, so_far[0] ? " " : "",
			 row->receives ? '<' : '>', message_name(message));
	else
		snprintf(path, sizeof(path), "%.400s", so_far);
	walk(next, path, depth + 1);
}

/* A client answers with a Certificate if and only if it was asked for one
 * (keys_application_client). */
static bool is_open(enum state state, int way, const char *so_far)
{
	/* In TLS 1.2 the state says whether there was a request: server_hello_done_recv. */
	if (state == CLIENT12_RECV_DONE)
		return way == 1;
	/* A CertificateVerify follows a Certificate only: keys_1_2_derive. */
	if (state == CLIENT12_KEYS)
		return way == 0 || strstr(so_far, ">CT") != NULL;
	if (state == SERVER12_KEYS)
		return way == 0 || strstr(so_far, "<CT") != NULL;
	/* A server that asked waits for the answer: server_hello_done_build. */
	if (state == SERVER12_SEND_DONE)
		return way == (strstr(so_far, ">CR") != NULL);
	/* Tickets are made before either Finished, or behind both (keys_predict). */
	if (state == SERVER_PREDICT || state == SERVER_SWITCH_RX)
		return way == (strstr(so_far, "CR") != NULL);
	/* One ticket after the other: the way on is the alternative. */
	if (state == SERVER_SEAL_TICKETS || state == SERVER_SEAL_TICKETS_LATE)
		return way == 1;
	if (state != CLIENT_APPLICATION_KEYS && state != SERVER_APPLICATION_KEYS)
		return true;
	return way == (strstr(so_far, "CR") != NULL);
}

static bool sends_ccs(enum state state)
{
	return state == CLIENT12_SEND_CCS || state == SERVER12_SEND_CCS ||
	       state == CLIENT12_RESUMED_SEND_CCS || state == SERVER12_RESUMED_SEND_CCS;
}

static bool receives_ccs(enum state state)
{
	return state == CLIENT12_RECV_CCS || state == SERVER12_RECV_CCS ||
	       state == CLIENT12_RESUMED_RECV_CCS || state == SERVER12_RESUMED_RECV_CCS;
}

/*
 * The way of a resumed handshake; false where there is no other. A server has resumed or not before
 * its EncryptedExtensions (psk_accept), a client may have.
 */
static bool follow_resumed(const struct machine_row *row, enum state state, const char *so_far,
			   int depth)
{
	bool before = resumed;

	if (!row->resumed || (state == SERVER_SEND_EXTENSIONS && !resumed))
		return true;
	resumed = true;
	follow(row, row->messages[0], row->resumed, so_far, depth);
	resumed = before;
	return state != SERVER_SEND_EXTENSIONS;
}

static void walk(enum state state, const char *so_far, int depth)
{
	struct machine_row row = machine_row(state);

	ASSERT_LT(depth, STATES);
	if (state == STATE_FAILED)
		return;
	if (state == STATE_DONE) {
		ASSERT_LT(found.n, PATHS_MAX);
		strcpy(found.text[found.n++], so_far);
		return;
	}
	if (sends_ccs(state) || receives_ccs(state))
		row.messages[0] = CCS;
	if (receives_ccs(state))
		row.receives = true;
	if (row.legacy && follow_legacy)
		follow(&row, row.messages[0], row.legacy, so_far, depth);
	if (!follow_resumed(&row, state, so_far, depth))
		return;
	for (int i = 0; i < 2; i++) {
		/* 0 is CLIENT_GENERATE, to which nothing leads: it stands for no other way on. */
		if (!row.next[i] || !is_open(state, i, so_far) || (row.legacy && follow_legacy))
			continue;
		/* The alternative of a row that receives is behind the same message. */
		follow(&row, row.receives && row.messages[i] ? row.messages[i] : row.messages[0],
		       row.next[i], so_far, depth);
	}
}

static void expect_paths(const char *const *paths, size_t n)
{
	EXPECT_EQ(n, found.n);
	for (size_t i = 0; i < found.n; i++) {
		bool known = false;

		for (size_t k = 0; k < n; k++)
			known = known || strcmp(found.text[i], paths[k]) == 0;
		if (!known)
			TH_LOG("%s", found.text[i]);
		EXPECT_TRUE(known);
		for (size_t k = 0; k < i; k++)
			EXPECT_STRNE(found.text[i], found.text[k]);
	}
}

TEST(client_graph)
{
	walk(CLIENT_GENERATE, "", 0);
	expect_paths(client_paths, sizeof(client_paths) / sizeof(client_paths[0]));
}

TEST(server_graph)
{
	walk(SERVER_RECV_HELLO, "", 0);
	expect_paths(server_paths, sizeof(server_paths) / sizeof(server_paths[0]));
}

TEST(client_1_2_graph)
{
	follow_legacy = true;
	walk(CLIENT_GENERATE, "", 0);
	expect_paths(client_1_2_paths, sizeof(client_1_2_paths) / sizeof(client_1_2_paths[0]));
}

TEST(server_1_2_graph)
{
	follow_legacy = true;
	walk(SERVER_RECV_HELLO, "", 0);
	expect_paths(server_1_2_paths, sizeof(server_1_2_paths) / sizeof(server_1_2_paths[0]));
}

TEST(each_row_has_a_name)
{
	for (int i = 0; i < STATES; i++)
		EXPECT_NOT_NULL(machine_row((enum state)i).name);
}

TEST_HARNESS_MAIN
