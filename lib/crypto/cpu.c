/* SPDX-License-Identifier: MIT */
#include "lib/crypto/cpu.h"

struct cpu_features crypto_cpu;

#if defined(__x86_64__)

#include <cpuid.h>

/*
 * All that is asked for works on XMM registers in the legacy encoding. Every x86-64 operating
 * system saves these, and a hypervisor that hides an instruction hides its CPUID bit: no XGETBV
 * here.
 */
void cpu_detect(void)
{
	unsigned int a, b, c, d;
	bool simd;

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return;
	simd = (c & bit_SSSE3) && (c & bit_SSE4_1);
	crypto_cpu.aes_gcm = simd && (c & bit_AES) && (c & bit_PCLMUL);
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return;
	crypto_cpu.sha_ni = simd && (b & bit_SHA);
}

#else

void cpu_detect(void)
{
}

#endif

void crypto_force_portable(bool portable)
{
	crypto_cpu = (struct cpu_features){ 0 };
	if (!portable)
		cpu_detect();
}
