/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/machine.h"

#include <cpuid.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/netlink/netlink.h"
#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/link.h"

/* The first line of a file, or "". */
static void read_line(const char *path, char *out, size_t size)
{
	char line[RESULT_LINE] = "";
	FILE *file = fopen(path, "re");

	if (file && fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
	result_text(out, size, "%s", line);
}

static void describe_kernel(struct result_machine *m)
{
	struct utsname name;

	if (uname(&name) == 0)
		result_text(m->kernel, sizeof(m->kernel), "%s %s %s", name.sysname, name.release,
			    name.version);
}

static void describe_model(struct result_machine *m)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[RESULT_LINE];

	while (file && fgets(line, sizeof(line), file)) {
		const char *value = strchr(line, ':');

		if (!value || strncmp(line, "model name", 10) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		result_text(m->cpu_model, sizeof(m->cpu_model), "%s", value + 2);
		break;
	}
	if (file)
		fclose(file);
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

static void read_at(const char *folder, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	read_line(path, out, size);
}

/* "performance, powersave": each once. */
static void add_governor(struct result_machine *m, unsigned int cpu, const char *folder)
{
	char name[64], line[RESULT_NAME];
	size_t len = strlen(m->governor);

	snprintf(name, sizeof(name), "cpu%u/cpufreq/scaling_governor", cpu);
	read_at(folder, name, line, sizeof(line));
	if (line[0] && !strstr(m->governor, line))
		result_text(m->governor + len, sizeof(m->governor) - len, "%s%s", len ? ", " : "",
			    line);
}

/* Of each CPU that the folder has. */
static void add_all_governors(struct result_machine *m, const char *folder)
{
	DIR *cpus = opendir(folder);
	struct dirent *entry;
	unsigned int cpu;
	char rest;

	while (cpus && (entry = readdir(cpus)))
		if (sscanf(entry->d_name, "cpu%u%c", &cpu, &rest) == 1)
			add_governor(m, cpu, folder);
	if (cpus)
		closedir(cpus);
}

void machine_frequency(struct result_machine *m, const struct cpu_list *cpus, const char *folder)
{
	char line[RESULT_NAME];

	for (uint32_t i = 0; i < cpus->len; i++)
		add_governor(m, cpus->cpus[i], folder);
	if (cpus->len == 0)
		add_all_governors(m, folder);
	read_at(folder, "intel_pstate/no_turbo", line, sizeof(line));
	if (line[0])
		m->turbo = line[0] == '0' ? RESULT_YES : RESULT_NO;
	read_at(folder, "cpufreq/boost", line, sizeof(line));
	if (line[0])
		m->turbo = line[0] == '1' ? RESULT_YES : RESULT_NO;
}

/* Not the load average: that has one's own last run in it for minutes. */
double machine_load(const char *stat)
{
	const struct timespec look = { .tv_nsec = MACHINE_LOOK_MS * 1000000L };
	const uint64_t own = clock_ns(CLOCK_PROCESS_CPUTIME_ID), before = busy_now(stat);
	const uint64_t began = wall_now();
	uint64_t busy, spent;

	nanosleep(&look, NULL);
	busy = busy_now(stat) - before;
	spent = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
	busy -= spent < busy ? spent : busy;
	return (double)busy / (double)(wall_now() - began);
}

/* Hypervisors say who they are in a leaf of their own. */
static void describe_hypervisor(struct result_machine *m)
{
	unsigned int eax, ebx, ecx, edx;
	char name[13] = "";

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & 1U << 31))
		return;
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	if (strcmp(name, "KVMKVMKVM") == 0)
		memcpy(name, "KVM", sizeof("KVM"));
	m->emulated = strcmp(name, "TCGTCGTCGTCG") == 0;
	result_text(m->hypervisor, sizeof(m->hypervisor), "%s",
		    m->emulated ? "QEMU, emulated" : name);
}

static uint32_t number_of(const char *device, const char *what)
{
	char path[128], line[RESULT_NAME];
	long value;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", device, what);
	read_line(path, line, sizeof(line));
	value = strtol(line, NULL, 10);
	return value > 0 && value < UINT32_MAX ? (uint32_t)value : 0;
}

static enum result_known known(const struct netlink_feature_state *state)
{
	return !state->known ? RESULT_UNKNOWN : state->on ? RESULT_YES : RESULT_NO;
}

static void describe_nic(struct result_machine *m, struct device *device)
{
	struct netlink_features features;
	char text[NETLINK_DRIVER_MAX];

	result_text(m->nic, sizeof(m->nic), "%s", device->name);
	if (device->name[0] == '\0')
		return;
	m->nic_mbit = number_of(device->name, "speed");
	m->nic_mtu = number_of(device->name, "mtu");
	if (!device->netlink)
		return;
	if (netlink_driver(device->netlink, device->name, text) == 0)
		result_text(m->nic_driver, sizeof(m->nic_driver), "%s", text);
	if (netlink_firmware(device->netlink, device->name, text) == 0)
		result_text(m->nic_firmware, sizeof(m->nic_firmware), "%s", text);
	if (netlink_features_get(device->netlink, device->index, &features) == 0) {
		m->nic_tls_tx = known(&features.states[NETLINK_TLS_TX]);
		m->nic_tls_rx = known(&features.states[NETLINK_TLS_RX]);
	}
}

static const char *build(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return "address sanitizer";
#elif defined(__SANITIZE_THREAD__)
	return "thread sanitizer";
#elif defined(__OPTIMIZE__)
	return "release";
#else
	return "not optimized";
#endif
}

void machine_describe(struct result_machine *machine, struct device *device,
		      const struct cpu_list *cpus_used)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(machine, 0, sizeof(*machine));
	describe_kernel(machine);
	describe_model(machine);
	machine_frequency(machine, cpus_used, CPUS_FOLDER);
	describe_hypervisor(machine);
	describe_nic(machine, device);
	machine->cpus = cpus > 0 ? (uint32_t)cpus : 0;
	result_text(machine->version, sizeof(machine->version), "%s", KTLS_VERSION);
	result_text(machine->build, sizeof(machine->build), "%s", build());
	result_text(machine->libssl, sizeof(machine->libssl), "%s", link_libssl_version());
}
