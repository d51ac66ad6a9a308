/* SPDX-License-Identifier: MIT */
/* The commands of ktls-bench; each returns the program's exit status. */
#ifndef KTLS_BENCH_COMMANDS_H
#define KTLS_BENCH_COMMANDS_H

#include "tests/bench/ktls-bench/options.h"
#include "tests/bench/ktls-bench/run.h"
#include "tests/bench/ktls-bench/serve.h"

int command_run(const struct options *o, int argc, char **argv);
int command_serve(const struct options *o);
int command_show(const struct options *o);
int command_compare(const struct options *o);

/* What both ends are given by options: certificates, ktlsd, CPUs. False with a message on stderr.
 */
bool station_init(struct station *station, const struct options *o, enum result_end end);
void station_wipe(struct station *station);

/* A serving end in a process of its own, at the other end of a pair of sockets: the descriptor of
 * ours, and the address that it listens on. -1: a message was written. alone.c */
int alone_begin(const struct options *o, struct address *address, uint8_t key[static CONTROL_KEY],
		int *pid);
void alone_end(int pid);

/* Writes what came of it, as options want it. */
int output(const struct options *o, const struct result_run *run);

#endif
