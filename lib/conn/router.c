/* SPDX-License-Identifier: MIT */
#include "lib/conn/router.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"
#include "lib/netlink/path.h"
#include "lib/netlink/verdict.h"

struct own_router {
	struct conn_router router;
	struct netlink_paths *paths;
};

struct conn_route router_route(struct netlink_paths *paths, uint64_t netns,
			       const struct netlink_flow *flow)
{
	struct conn_route answer = { .tx = KTLS_NO_HW_MAY_NOT_LOOK, .rx = KTLS_NO_HW_MAY_NOT_LOOK };
	struct netlink_path path;

	if (!paths)
		return answer;
	netlink_path_of(paths, netns, flow, &path);
	answer.tx = path.tx;
	answer.rx = path.rx;
	memcpy(answer.device, path.name, sizeof(answer.device));
	return answer;
}

struct conn_verdict router_verdict(struct netlink_paths *paths, uint64_t netns,
				   const struct netlink_socket *socket)
{
	struct netlink_verdict v = { .tx = KTLS_STATE_UNKNOWN,
				     .rx = KTLS_STATE_UNKNOWN,
				     .tx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK,
				     .rx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK };

	if (paths)
		netlink_verdict(paths, netns, socket, &v);
	return (struct conn_verdict){
		.tx = v.tx, .rx = v.rx, .tx_no_hw = v.tx_no_hw, .rx_no_hw = v.rx_no_hw
	};
}

/* What it says is of no interest yet, but it is not said to everybody. */
static bool is_told_of(const struct netlink_paths *paths, int fd)
{
	struct netlink_socket socket;
	struct netlink_tls tls;

	return netlink_socket_of(fd, &socket) == 0 &&
	       netlink_tls_get(netlink_of_paths(paths), &socket, &tls) == 0;
}

bool router_is_told(const struct netlink_paths *paths)
{
	bool told = true;
	int fd[2], error;

	if (loopback_pair(fd) < 0)
		return true;
	if (kernel_ulp_attach(fd[0], &error) == 0)
		told = is_told_of(paths, fd[0]);
	close(fd[0]);
	close(fd[1]);
	return told;
}

/* ---- in-process ------------------------------------------------------------------------------ */

static int find(void *arg, uint64_t token, int fd, struct conn_route *out)
{
	struct own_router *own = arg;
	struct netlink_flow flow;

	(void)token;
	*out = (struct conn_route){ .tx = KTLS_NO_HW_NO_ROUTE, .rx = KTLS_NO_HW_NO_ROUTE };
	if (netlink_flow_of(fd, &flow) == 0)
		*out = router_route(own->paths, netlink_namespace_of(fd), &flow);
	return 0;
}

static bool sees(void *arg, int fd)
{
	const struct own_router *own = arg;

	return is_told_of(own->paths, fd);
}

static int look(void *arg, uint64_t token, int fd, struct conn_verdict *out)
{
	struct own_router *own = arg;
	struct netlink_socket socket;
	bool known = netlink_socket_of(fd, &socket) == 0;

	(void)token;
	*out = router_verdict(known ? own->paths : NULL, netlink_namespace_of(fd), &socket);
	return 0;
}

struct own_router *own_router_new(void)
{
	struct own_router *own = calloc(1, sizeof(*own));

	if (!own)
		return NULL;
	if (netlink_paths_open(&own->paths) < 0) {
		free(own);
		return NULL;
	}
	own->router = (struct conn_router){ .find = find, .sees = sees, .look = look, .arg = own };
	return own;
}

void own_router_free(struct own_router *own)
{
	if (!own)
		return;
	netlink_paths_close(own->paths);
	free(own);
}

const struct conn_router *own_router_of(const struct own_router *own)
{
	return own ? &own->router : NULL;
}
