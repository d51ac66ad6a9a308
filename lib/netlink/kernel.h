/* SPDX-License-Identifier: MIT */
/*
 * Whether the kernel was built with CONFIG_TLS_DEVICE, without which no driver has TLS. Two files
 * tell, and everybody may read them: the kernel's own description of its types (Linux:
 * Documentation/bpf/btf.rst), where with the option, and only then, struct net_device has a member
 * tlsdev_ops; and, for kernels without one, the configuration that distributions put into /boot or
 * beside the modules.
 */
#ifndef KTLS_NETLINK_KERNEL_H
#define KTLS_NETLINK_KERNEL_H

enum netlink_tls_device {
	NETLINK_TLS_DEVICE_UNKNOWN,
	NETLINK_TLS_DEVICE_YES,
	NETLINK_TLS_DEVICE_NO,
};

struct netlink_kernel_source;

/*
 * The first of these files that is there. It is opened early, for what may open none later, and
 * read once, when somebody asks: some MiB, a millisecond or two.
 */
struct netlink_kernel {
	int fd; /* -1: there is none, or it has been read */
	const struct netlink_kernel_source *source;
	enum netlink_tls_device tls_device;
};

/* root stands before the files' absolute names, "" but for tests. To be closed in any case. */
void netlink_kernel_open(struct netlink_kernel *kernel, const char *root);
enum netlink_tls_device netlink_kernel_tls_device(struct netlink_kernel *kernel);
void netlink_kernel_close(struct netlink_kernel *kernel);

#endif
