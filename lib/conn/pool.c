/* SPDX-License-Identifier: MIT */
#include "lib/conn/pool.h"

#include <stdlib.h>

struct pool_head {
	_Alignas(16) size_t len; /* bytes behind the head */
};

void pool_init(struct pool *pool, size_t max)
{
	pool->used = 0;
	pool->max = max;
}

void *pool_get(struct pool *pool, size_t len)
{
	struct pool_head *head;

	if (len > pool->max - pool->used)
		return NULL;
	head = malloc(sizeof(*head) + len);
	if (!head)
		return NULL;
	head->len = len;
	pool->used += len;
	return head + 1;
}

void pool_put(struct pool *pool, void *buf)
{
	struct pool_head *head;

	if (!buf)
		return;
	head = (struct pool_head *)buf - 1;
	pool->used -= head->len;
	free(head);
}
