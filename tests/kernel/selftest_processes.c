/* SPDX-License-Identifier: MIT */
/*
 * One kernel TLS socket behind a real handshake, and several processes that write it, read it, and
 * do both: no byte is lost, doubled or changed. What belongs to a message stays together, for a
 * send of a record's length is one record; readers share the stream as they share a pipe.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/tls_pair.h"

#define MESSAGE  1000 /* bytes: a writer's number, a count, a pattern of both */
#define MESSAGES 150  /* of a writer */
#define WRITERS  4
#define PAGE     4096

/* What all processes of a test see. */
struct shared {
	atomic_size_t bytes;
	atomic_uint sum; /* of all bytes */
	atomic_uint bad;
	atomic_uchar seen[2 * WRITERS][MESSAGES];
};

FIXTURE(processes)
{
	struct tls_pair pair;
	struct shared *shared;
	pid_t children[4 * WRITERS];
	size_t children_len;
};

FIXTURE_VARIANT(processes)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(processes)

FIXTURE_SETUP(processes)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_KERNEL);
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(processes)
{
	munmap(self->shared, sizeof(*self->shared));
	tls_pair_close(&self->pair);
}

static void message_of(unsigned int writer, unsigned int count, uint8_t out[MESSAGE])
{
	tls_pair_fill(out, MESSAGE, writer << 16 | count);
	out[0] = (uint8_t)writer;
	out[1] = (uint8_t)count;
}

static unsigned int sum_of(const uint8_t *bytes, size_t len)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += bytes[i];
	return sum;
}

static void spawn(struct test_self_processes *self,
		  void (*run)(struct test_self_processes *, int, unsigned int), int fd,
		  unsigned int number)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (pid == 0) {
		run(self, fd, number);
		_exit(0);
	}
	self->children[self->children_len++] = pid;
}

static void wait_for_all(struct test_self_processes *self)
{
	int status;

	for (size_t i = 0; i < self->children_len; i++) {
		ASSERT_EQ(self->children[i], waitpid(self->children[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	self->children_len = 0;
}

static void write_messages(struct test_self_processes *self, int fd, unsigned int writer)
{
	uint8_t message[MESSAGE];

	(void)self;
	for (unsigned int i = 0; i < MESSAGES; i++) {
		message_of(writer, i, message);
		keyed_write(fd, message, sizeof(message));
	}
}

/*
 * All messages of a writer in a file, of which each is sent by a call. None crosses a page: Linux
 * before 6.5 sends the pages of a call one by one, and others come in between.
 */
static void send_file(struct test_self_processes *self, int fd, unsigned int writer)
{
	uint8_t message[MESSAGE];
	FILE *file = tmpfile();

	(void)self;
	ASSERT_NOT_NULL(file);
	for (unsigned int i = 0; i < MESSAGES; i++) {
		message_of(writer, i, message);
		ASSERT_EQ(MESSAGE, pwrite(fileno(file), message, MESSAGE, (off_t)i * PAGE));
	}
	for (unsigned int i = 0; i < MESSAGES; i++) {
		off_t at = (off_t)i * PAGE;

		ASSERT_EQ(MESSAGE, sendfile(fd, fileno(file), &at, MESSAGE));
	}
}

/* Reads messages whole, and checks each. */
static void read_messages(struct test_self_processes *self, int fd, unsigned int writers)
{
	uint8_t message[MESSAGE], want[MESSAGE];

	for (unsigned int i = 0; i < writers * MESSAGES; i++) {
		keyed_read(fd, message, sizeof(message));
		ASSERT_LT(message[0], 2 * WRITERS);
		ASSERT_LT(message[1], MESSAGES);
		message_of(message[0], message[1], want);
		ASSERT_MEMEQ(want, message, sizeof(want));
		EXPECT_EQ(0, self->shared->seen[message[0]][message[1]]++);
	}
}

/* Reads what it gets until there is an end. */
static void read_bytes(struct test_self_processes *self, int fd, unsigned int number)
{
	uint8_t bytes[4096];
	ssize_t n;

	(void)number;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		self->shared->bytes += (size_t)n;
		self->shared->sum += sum_of(bytes, (size_t)n);
	}
	EXPECT_EQ(0, n);
}

/* The same number of bytes and sum as so many writers have sent. */
static void expect_sum(struct test_self_processes *self, unsigned int writers)
{
	uint8_t message[MESSAGE];
	unsigned int sum = 0;

	for (unsigned int w = 0; w < writers; w++) {
		for (unsigned int i = 0; i < MESSAGES; i++) {
			message_of(w, i, message);
			sum += sum_of(message, sizeof(message));
		}
	}
	EXPECT_EQ((size_t)writers * MESSAGES * MESSAGE, self->shared->bytes);
	EXPECT_EQ(sum, self->shared->sum);
}

static void many_write_one_reads(struct test_self_processes *self,
				 void (*write)(struct test_self_processes *, int, unsigned int))
{
	for (unsigned int w = 0; w < WRITERS; w++)
		spawn(self, write, self->pair.fd[SERVER], w);
	spawn(self, read_messages, self->pair.fd[CLIENT], WRITERS);
	wait_for_all(self);
}

static void many_write_many_read(struct test_self_processes *self,
				 void (*write)(struct test_self_processes *, int, unsigned int))
{
	for (unsigned int r = 0; r < WRITERS; r++)
		spawn(self, read_bytes, self->pair.fd[CLIENT], r);
	for (unsigned int w = 0; w < WRITERS; w++) {
		pid_t pid = fork();

		ASSERT_GE(pid, 0);
		if (pid == 0) {
			write(self, self->pair.fd[SERVER], w);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	ASSERT_EQ(0, shutdown(self->pair.fd[SERVER], SHUT_WR));
	wait_for_all(self);
	expect_sum(self, WRITERS);
}

/* Both ends are written and read by processes of their own. */
static void both_ways(struct test_self_processes *self,
		      void (*write)(struct test_self_processes *, int, unsigned int))
{
	spawn(self, write, self->pair.fd[SERVER], 0);
	spawn(self, write, self->pair.fd[SERVER], 1);
	spawn(self, write, self->pair.fd[CLIENT], WRITERS);
	spawn(self, write, self->pair.fd[CLIENT], WRITERS + 1);
	spawn(self, read_messages, self->pair.fd[CLIENT], 2);
	spawn(self, read_messages, self->pair.fd[SERVER], 2);
	wait_for_all(self);
}

TEST_F(processes, many_write_one_reads)
{
	if (self->pair.ready)
		many_write_one_reads(self, write_messages);
}

TEST_F(processes, many_send_files_one_reads)
{
	if (self->pair.ready)
		many_write_one_reads(self, send_file);
}

TEST_F(processes, many_write_many_read)
{
	if (self->pair.ready)
		many_write_many_read(self, write_messages);
}

TEST_F(processes, many_send_files_many_read)
{
	if (self->pair.ready)
		many_write_many_read(self, send_file);
}

TEST_F(processes, both_ways)
{
	if (self->pair.ready)
		both_ways(self, write_messages);
}

TEST_F(processes, both_ways_with_files)
{
	if (self->pair.ready)
		both_ways(self, send_file);
}

/* The keys are the socket's: a process that ends takes nothing with it. */
TEST_F(processes, keys_outlive_who_made_them)
{
	if (!self->pair.ready)
		return;
	for (unsigned int w = 0; w < WRITERS; w++) {
		spawn(self, write_messages, self->pair.fd[SERVER], w);
		read_messages(self, self->pair.fd[CLIENT], 1);
		wait_for_all(self);
	}
	keyed_write(self->pair.fd[CLIENT], "alive", 5);
	tls_pair_expect(self->pair.fd[SERVER], "alive", 5);
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
