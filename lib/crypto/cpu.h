/* SPDX-License-Identifier: MIT */
/*
 * Which instructions this CPU and its operating system give us. Private to lib/crypto and its
 * tests.
 *
 * Set by crypto_init() and only read from then on. Before that, everything runs on the
 * portable code.
 */
#ifndef KTLS_CRYPTO_CPU_H
#define KTLS_CRYPTO_CPU_H

#include <stdbool.h>

struct cpu_features {
	bool sha_ni;  /* SHA-256 instructions, with SSSE3 and SSE4.1 */
	bool aes_gcm; /* AES-NI and PCLMULQDQ, with SSSE3 and SSE4.1 */
};

extern struct cpu_features crypto_cpu;

void cpu_detect(void);

/*
 * For tests and benchmarks: true takes the portable code for everything, whatever the CPU can do;
 * false goes back to what the CPU has. Not to be called while another thread uses lib/crypto.
 */
void crypto_force_portable(bool portable);

#endif
