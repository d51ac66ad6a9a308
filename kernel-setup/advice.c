/* SPDX-License-Identifier: MIT */
#include "kernel-setup/advice.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <ktls.h>

#define TLS_1_3_SUITES                                                 \
	(KTLS_CAN_TLS_1_3_AES_128_GCM | KTLS_CAN_TLS_1_3_AES_256_GCM | \
	 KTLS_CAN_TLS_1_3_CHACHA20_POLY1305)

static void add(struct advice *a, const char *command, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct advice *a, const char *command, const char *fmt, ...)
{
	struct advice_item *item = &a->items[a->len];
	va_list args;

	if (a->len == ADVICE_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(item->what, sizeof(item->what), fmt, args);
	va_end(args);
	snprintf(item->command, sizeof(item->command), "%s", command);
	a->len++;
}

static void add_at_boot(struct advice *a, const struct system *s)
{
	if (!s->at_boot && s->container == NULL)
		add(a, "echo tls > /etc/modules-load.d/ktls.conf",
		    "the tls module is not loaded at boot");
}

static void add_not_loaded(struct advice *a, const struct system *s)
{
	if (s->container != NULL)
		add(a, "modprobe tls",
		    "the tls module is not loaded, and a container (%s) cannot load it: to be run "
		    "on its host",
		    s->container);
	else if (s->root)
		add(a, "modprobe -v tls",
		    "the tls module is there, but loading it failed: this says why");
	else
		add(a, "modprobe tls", "the tls module is not loaded");
	add_at_boot(a, s);
}

static void add_no_tls(struct advice *a, const struct ktls_probe *p, const struct system *s)
{
	char command[256];

	if (p->error != ENOENT) {
		add(a, "", "this kernel has no protocols above TCP (%s): is it Linux?",
		    strerror(p->error));
		return;
	}
	switch (s->tls) {
	case MODULE_ABSENT:
		snprintf(command, sizeof(command), "apt-get install %s", s->kernel_package);
		add(a, command,
		    "%s kernel was built without CONFIG_TLS: boot one that has it, as Debian's do",
		    s->container != NULL ? "the host's" : "this");
		break;
	case MODULE_BUILTIN:
	case MODULE_LOADED:
		add(a, "modprobe -v tls", "the tls module is there but does not serve");
		break;
	case MODULE_UNKNOWN:
		add(a, "modprobe tls",
		    "the tls module is not loaded; if there is none, the kernel was built without "
		    "CONFIG_TLS");
		add_at_boot(a, s);
		break;
	case MODULE_AVAILABLE:
		add_not_loaded(a, s);
		break;
	}
}

static void add_no_probe(struct advice *a, const struct ktls_probe *p)
{
	if (p->error == EMFILE || p->error == ENFILE)
		add(a, "ulimit -n 1024", "no descriptors left for the connections of the check");
	else if (p->error == ENETUNREACH || p->error == EADDRNOTAVAIL)
		add(a, "ip link set lo up", "the loopback interface is down");
	else
		add(a, "", "no connection over the loopback interface: %s", strerror(p->error));
}

/* Ciphers that our suites need; Linux finds their modules by itself, if they are there at all. */
static void add_ciphers(struct advice *a, const struct ktls_probe *p)
{
	static const struct {
		uint64_t bits;
		const char *name, *command, *config;
	} ciphers[] = {
		{ KTLS_CAN_TLS_1_3_AES_128_GCM | KTLS_CAN_TLS_1_2_AES_128_GCM, "AES-GCM-128",
		  "modprobe gcm", "CONFIG_CRYPTO_GCM" },
		{ KTLS_CAN_TLS_1_3_AES_256_GCM | KTLS_CAN_TLS_1_2_AES_256_GCM, "AES-GCM-256",
		  "modprobe gcm", "CONFIG_CRYPTO_GCM" },
		{ KTLS_CAN_TLS_1_3_CHACHA20_POLY1305 | KTLS_CAN_TLS_1_2_CHACHA20_POLY1305,
		  "CHACHA20-POLY1305", "modprobe chacha20poly1305",
		  "CONFIG_CRYPTO_CHACHA20POLY1305" },
	};

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if ((p->capabilities & ciphers[i].bits) != ciphers[i].bits)
			add(a, ciphers[i].command,
			    "%s does not work in every version and direction (%s)", ciphers[i].name,
			    ciphers[i].config);
	}
}

static void add_options(struct advice *a, const struct ktls_probe *p)
{
	if (p->rekey != 0)
		add(a, "",
		    "no KeyUpdate: a peer that changes its keys ends the connection (Linux has it "
		    "since 6.14)");
	if (p->poll != 0)
		add(a, "",
		    "poll() wakes for parts of a record, which cannot be read: poll edge-triggered "
		    "(Linux 6.12 wakes for whole ones)");
}

void advise(const struct ktls_probe *probe, const struct system *before, struct advice *out)
{
	*out = (struct advice){ .usable = (probe->capabilities & TLS_1_3_SUITES) != 0 };
	switch (probe->reason) {
	case KTLS_OK:
		if (before->tls != MODULE_BUILTIN)
			add_at_boot(out, before);
		add_ciphers(out, probe);
		add_options(out, probe);
		break;
	case KTLS_R_KERNEL_NO_TLS:
		add_no_tls(out, probe, before);
		break;
	case KTLS_R_SOCKET_ERROR:
		add_no_probe(out, probe);
		break;
	default:
		add(out, "", "the kernel refuses the TLS ULP to this process: %s",
		    strerror(probe->error));
	}
}
