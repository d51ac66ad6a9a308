/* SPDX-License-Identifier: MIT */
/*
 * What tests/tools/tlspeer.c and ktlspeer.c share: sockets, lists and the line that says what came
 * of a handshake. Whatever fails ends the program with a message.
 */
#ifndef KTLS_TESTS_PEER_H
#define KTLS_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-tls.h>

/* What is known after a handshake that went well; "" for what there is none of. */
struct peer_facts {
	uint16_t version, suite, group, scheme;
	const char *server_name, *alpn;
};

/* Listens on 127.0.0.1 or another address; port "0" is any. Prints "port 12345". */
int peer_listen(const char *host, const char *port);

int peer_accept(int listener);

/* To "127.0.0.1:443" or "[::1]:443". */
int peer_connect(const char *address);

/* Closes so that what was sent arrives, whatever is still to be read. */
void peer_close(int fd);

/* The bytes of a file, to be freed. */
char *peer_read_file(const char *path, size_t *len);

/* "h2,http/1.1" as RFC 7301, 3.1 writes it; its length. */
size_t peer_alpn(const char *list, uint8_t *out, size_t cap);

/* The same as a list that ends with NULL; list is cut up. */
void peer_alpn_names(char *list, const char **names, size_t cap);

/* Numbers of suites or groups by name, from a list with commas; how many there are. */
size_t peer_numbers(const char *list, const char *(*name_of)(unsigned int), const uint16_t *known,
		    size_t known_len, uint16_t *out);

/* "ok version=TLS1.3 suite=... group=... scheme=... sni=... alpn=..." without a newline */
void peer_print_ok(const struct peer_facts *facts);

/* "failed reason=CERTIFICATE_EXPIRED alert=certificate_expired origin=sent" and a newline */
void peer_print_failed(int reason, uint8_t alert, bool received);

#endif
