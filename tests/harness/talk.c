/* SPDX-License-Identifier: MIT */
#include "tests/harness/talk.h"

#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ktls.h>

#define PATIENCE_MS 10000
#define CHUNK       16384

struct buffer {
	char *bytes;
	size_t len, cap;
};

struct conversation {
	struct talk *talk;
	struct buffer out; /* to be sent before the file */
	size_t out_at;     /* bytes of it that are */
	int file;
	off_t file_at, file_end;
	struct buffer
		head; /* HTTP: what came up to the empty line; a server's request has its body */
	bool head_done;
	bool answered; /* HTTP server: nothing more will be sent */
	bool finished; /* our close_notify is out, or there is no sense in it */
	bool over;     /* nothing more will come */
	int sink;
};

static void append(struct buffer *buffer, const void *bytes, size_t len)
{
	while (buffer->cap - buffer->len < len) {
		buffer->cap = buffer->cap ? 2 * buffer->cap : CHUNK;
		buffer->bytes = realloc(buffer->bytes, buffer->cap);
		if (buffer->bytes == NULL)
			err(1, "realloc");
	}
	memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += len;
}

static void append_text(struct buffer *buffer, const char *text)
{
	append(buffer, text, strlen(text));
}

/* ---- what to say ------------------------------------------------------------------------------
 */

static void open_file(struct conversation *c)
{
	struct stat st;

	c->file = open(c->talk->file, O_RDONLY | O_CLOEXEC);
	if (c->file < 0 || fstat(c->file, &st) < 0)
		err(1, "%s", c->talk->file);
	c->file_end = st.st_size;
}

static void append_head(struct conversation *c, const char *first, uint64_t len)
{
	char head[512];

	snprintf(head, sizeof(head),
		 "%s\r\nHost: localhost\r\nContent-Length: %llu\r\n"
		 "Connection: close\r\n\r\n",
		 first, (unsigned long long)len);
	append_text(&c->out, head);
}

static void start(struct conversation *c)
{
	const struct talk *talk = c->talk;
	char first[256];

	if (talk->file != NULL && talk->plan != TALK_HTTP)
		open_file(c);
	if (talk->text != NULL)
		append_text(&c->out, talk->text);
	if (talk->method != NULL) {
		snprintf(first, sizeof(first), "%s %s HTTP/1.0", talk->method, talk->path);
		append_head(c, first, (uint64_t)c->file_end);
	}
}

/* Finds the end of a header, and with it where the body begins. */
static bool head_end(const struct buffer *head, size_t *body)
{
	const char *end = memmem(head->bytes, head->len, "\r\n\r\n", 4);

	if (end == NULL)
		return false;
	*body = (size_t)(end - head->bytes) + 4;
	return true;
}

static size_t content_length(struct buffer *head)
{
	const char *field;

	append(head, "", 1);
	head->len--;
	field = strcasestr(head->bytes, "\r\nContent-Length:");
	return field ? strtoul(field + 17, NULL, 10) : 0;
}

static void answer(struct conversation *c)
{
	size_t body, len;

	if (c->answered || !head_end(&c->head, &body))
		return;
	len = content_length(&c->head);
	if (c->head.len - body < len)
		return;
	c->answered = true;
	if (strncmp(c->head.bytes, "GET ", 4) == 0) {
		open_file(c);
		append_head(c, "HTTP/1.1 200 OK", (uint64_t)c->file_end);
		return;
	}
	append_head(c, "HTTP/1.1 200 OK", len);
	append(&c->out, c->head.bytes + body, len);
}

static void take(struct conversation *c, const void *bytes, size_t len)
{
	c->talk->received += len;
	hash_update(&c->talk->hash, bytes, len);
	if (c->sink >= 0 && write(c->sink, bytes, len) != (ssize_t)len)
		err(1, "%s", c->talk->out);
}

static void hear(struct conversation *c, const void *bytes, size_t len)
{
	size_t body;

	if (c->talk->method == NULL || c->head_done) {
		take(c, bytes, len);
	} else {
		append(&c->head, bytes, len);
		c->head_done = head_end(&c->head, &body);
		if (c->head_done)
			take(c, c->head.bytes + body, c->head.len - body);
	}
	if (c->talk->plan == TALK_ECHO)
		append(&c->out, bytes, len);
	if (c->talk->plan == TALK_HTTP) {
		append(&c->head, bytes, len);
		answer(c);
	}
}

static bool all_said(const struct conversation *c)
{
	const struct talk *talk = c->talk;

	if (c->out_at < c->out.len || c->file_at < c->file_end)
		return false;
	switch (talk->plan) {
	case TALK_ECHO:
		return c->over;
	case TALK_HTTP:
		return c->answered || c->over;
	case TALK_SEND:
		if (talk->expect > 0)
			return c->over || talk->received >= talk->expect;
		return c->over || talk->method == NULL;
	default:
		return true;
	}
}

/* ---- saying it --------------------------------------------------------------------------------
 */

static ssize_t send_next(struct conversation *c)
{
	const struct talk_ops *ops = c->talk->ops;
	size_t left = c->out.len - c->out_at;
	char chunk[CHUNK];
	ssize_t n;

	if (left > 0) {
		n = ops->send(c->talk->arg, c->out.bytes + c->out_at, left);
		c->out_at += n > 0 ? (size_t)n : 0;
		return n;
	}
	left = (size_t)(c->file_end - c->file_at);
	if (ops->sendfile != NULL) {
		n = ops->sendfile(c->talk->arg, c->file, c->file_at, left);
	} else {
		n = pread(c->file, chunk, left < CHUNK ? left : CHUNK, c->file_at);
		if (n <= 0)
			err(1, "%s", c->talk->file);
		n = ops->send(c->talk->arg, chunk, (size_t)n);
	}
	c->file_at += n > 0 ? n : 0;
	return n;
}

/* Each of these two returns whether it got on. */
static bool send_some(struct conversation *c)
{
	ssize_t n;

	if (c->finished)
		return false;
	if (all_said(c)) {
		n = c->talk->ops->finish(c->talk->arg);
		c->finished = n == 0;
	} else if (c->out_at < c->out.len || c->file_at < c->file_end) {
		n = send_next(c);
		c->talk->sent += n > 0 ? (uint64_t)n : 0;
	} else {
		return false;
	}
	if (n < 0 && n != -EAGAIN) {
		c->talk->error = (int)-n;
		c->finished = true;
	}
	return n != -EAGAIN;
}

static bool recv_some(struct conversation *c)
{
	struct talk *talk = c->talk;
	char bytes[4 * CHUNK];
	ssize_t n;

	if (c->over)
		return false;
	n = talk->ops->recv(talk->arg, bytes, sizeof(bytes));
	if (n == -EAGAIN)
		return false;
	if (n > 0) {
		hear(c, bytes, (size_t)n);
		return true;
	}
	c->over = true;
	if (n < 0)
		c->finished = true;
	if (n < 0 && n != -EPROTO)
		talk->error = (int)-n;
	return true;
}

static bool wait(struct conversation *c)
{
	bool sending =
		!c->finished && (c->out_at < c->out.len || c->file_at < c->file_end || all_said(c));
	struct pollfd p = { .fd = c->talk->fd,
			    .events = (short)((c->over ? 0 : POLLIN) | (sending ? POLLOUT : 0)) };

	if (poll(&p, 1, PATIENCE_MS) > 0)
		return true;
	c->talk->error = ETIMEDOUT;
	return false;
}

bool talk_run(struct talk *talk)
{
	struct conversation c = { .talk = talk, .file = -1, .sink = -1 };
	bool moved, patient = true;

	talk->sent = talk->received = 0;
	talk->error = 0;
	talk->end = KTLS_OK;
	talk->end_alert = KTLS_ALERT_NONE;
	hash_init(&talk->hash, HASH_SHA256);
	if (talk->out != NULL) {
		c.sink = open(talk->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (c.sink < 0)
			err(1, "%s", talk->out);
	}
	start(&c);
	while (patient && !(c.finished && c.over)) {
		moved = send_some(&c);
		moved = recv_some(&c) || moved;
		if (!moved)
			patient = wait(&c);
	}
	free(c.out.bytes);
	free(c.head.bytes);
	if (c.file >= 0)
		close(c.file);
	if (c.sink >= 0)
		close(c.sink);
	return talk->error == 0 && talk->end == KTLS_R_PEER_CLOSE_NOTIFY;
}

/* ---- options and report -----------------------------------------------------------------------
 */

static void set_plan(struct talk *talk, enum talk_plan plan, const char *file)
{
	if (talk->plan != TALK_NONE && talk->plan != plan)
		errx(2, "that is too much to say");
	talk->plan = plan;
	if (file != NULL)
		talk->file = file;
}

static void set_request(struct talk *talk, const char *method, const char *path)
{
	set_plan(talk, TALK_SEND, NULL);
	talk->method = method;
	talk->path = path;
}

void talk_option(struct talk *talk, int option, const char *value)
{
	switch (option) {
	case TALK_OPT_ECHO:
		set_plan(talk, TALK_ECHO, NULL);
		break;
	case TALK_OPT_FILE:
		set_plan(talk, TALK_FILE, value);
		break;
	case TALK_OPT_HTTP:
		set_plan(talk, TALK_HTTP, value);
		break;
	case TALK_OPT_SEND:
		set_plan(talk, TALK_SEND, NULL);
		talk->text = value;
		break;
	case TALK_OPT_SEND_FILE:
		set_plan(talk, TALK_SEND, value);
		break;
	case TALK_OPT_GET:
		set_request(talk, "GET", value);
		break;
	case TALK_OPT_PUT:
		set_request(talk, "PUT", value);
		break;
	case TALK_OPT_EXPECT:
		talk->expect = strtoull(value, NULL, 10);
		break;
	case TALK_OPT_OUT:
		talk->out = value;
		break;
	}
}

void talk_print(const struct talk *talk)
{
	uint8_t digest[HASH_MAX];

	hash_peek(&talk->hash, digest);
	printf(" sent=%llu received=%llu sha256=", (unsigned long long)talk->sent,
	       (unsigned long long)talk->received);
	for (size_t i = 0; i < hash_size(HASH_SHA256); i++)
		printf("%02x", digest[i]);
	/* A peer that sends an alert may reset the connection, too: the alert says more. */
	if (talk->end == KTLS_OK && talk->error != 0)
		printf(" end=%s", strerrorname_np(talk->error));
	else
		printf(" end=%s", ktls_reason_name(talk->end));
	if (talk->end == KTLS_R_PEER_ALERT)
		printf(":%s", ktls_alert_name(talk->end_alert));
}
