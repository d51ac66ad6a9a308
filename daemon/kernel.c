/* SPDX-License-Identifier: MIT */
#include "daemon/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktls.h>

#include "daemon/log.h"
#include "lib/ktls/probe.h"

static void modprobe(void)
{
	char *const argv[] = { "modprobe", "-q", "tls", NULL };
	char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execve("/sbin/modprobe", argv, env);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

static const struct {
	uint64_t capability;
	const char *name;
	const char *config;
} wanted[] = {
	{ KTLS_CAN_TLS_1_3_AES_128_GCM, "AES-128-GCM", "CONFIG_CRYPTO_GCM" },
	{ KTLS_CAN_TLS_1_3_AES_256_GCM, "AES-256-GCM", "CONFIG_CRYPTO_GCM" },
	{ KTLS_CAN_TLS_1_3_CHACHA20_POLY1305, "CHACHA20-POLY1305",
	  "CONFIG_CRYPTO_CHACHA20POLY1305" },
};

static void log_capabilities(uint64_t capabilities)
{
	char text[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!(capabilities & wanted[i].capability)) {
			log_message(LOG_WARNING, "this kernel has no %s for TLS 1.3: it wants %s",
				    wanted[i].name, wanted[i].config);
			continue;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", wanted[i].name);
	}
	log_message(LOG_INFO, "kernel TLS 1.3:%s, %s", len > 0 ? text : " no cipher",
		    capabilities & KTLS_CAN_REKEY ? "rekey" : "no rekey");
}

uint64_t kernel_probe(void)
{
	struct ktls_probe probe;

	ktls_probe(KTLS_PROBE_SUITES, &probe);
	if (probe.reason == KTLS_R_KERNEL_NO_TLS && geteuid() == 0) {
		modprobe();
		ktls_probe(KTLS_PROBE_SUITES, &probe);
	}
	if (probe.reason == KTLS_OK)
		log_capabilities(probe.capabilities);
	else
		log_message(
			LOG_WARNING,
			"no kernel TLS, and requests that insist on it will be refused: %s (%s)",
			ktls_reason_text((int)probe.reason), strerror(probe.error));
	return probe.reason == KTLS_OK ? probe.capabilities : 0;
}
