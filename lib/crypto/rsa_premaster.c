/* SPDX-License-Identifier: MIT */
#include "lib/crypto/rsa_premaster.h"

/* All bits where the byte is zero, else none. */
static uint8_t is_zero(uint8_t byte)
{
	return (uint8_t)(((uint32_t)byte - 1) >> 24);
}

void rsa_premaster(const uint8_t *block, size_t len, uint16_t version,
		   const uint8_t random[static RSA_PREMASTER], uint8_t out[static RSA_PREMASTER])
{
	const uint8_t *secret = block + len - RSA_PREMASTER;
	volatile uint8_t bad = 0; /* so that no compiler makes a branch of it */
	uint8_t mask;

	/* EM = 0x00 || 0x02 || PS || 0x00 || M; that M has 48 bytes fixes where PS ends. */
	bad |= (uint8_t)~is_zero(block[0]);
	bad |= (uint8_t)~is_zero(block[1] ^ 2);
	for (size_t i = 2; i < len - RSA_PREMASTER - 1; i++)
		bad |= is_zero(block[i]);
	bad |= (uint8_t)~is_zero(block[len - RSA_PREMASTER - 1]);
	bad |= (uint8_t)~is_zero(secret[0] ^ (uint8_t)(version >> 8));
	bad |= (uint8_t)~is_zero(secret[1] ^ (uint8_t)version);
	/* Each term is all bits or none, and so is their union. */
	mask = bad;
	for (size_t i = 0; i < RSA_PREMASTER; i++)
		out[i] = (uint8_t)((random[i] & mask) | (secret[i] & ~mask));
}
