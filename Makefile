# SPDX-License-Identifier: MIT
#
#   make                 the libraries, ktlsd and the tools, in build/
#   make test            unit tests: no network, no root
#   make check           all tests, with the oldest supported kernel in a VM
#   make check-all       the VM tests on every supported kernel
#   make demo            a file served by kTLS, from nothing
#   make bench | fuzz | lint | install | uninstall
#
#   V=1 shows the commands; SAN=address,undefined builds with sanitizers (in a folder of its own)

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc

VERSION := 0.1.0
ABI     := 0

SAN ?=
comma := ,
BUILD ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wpointer-arith -Wvla -Wformat=2 -Wundef
HARDEN   = -fstack-protector-strong -fstack-clash-protection -fcf-protection \
           $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS  = -std=c11 -fPIC -fvisibility=hidden -MMD -MP -I. -Ilib/include -D_GNU_SOURCE \
              -DKTLS_VERSION='"$(VERSION)"' $(WARN) $(HARDEN) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack $(SANFLAGS) $(LDFLAGS)

SODIUM_LIBS  = -lsodium
CRYPTO_LIBS  = -lcrypto
INIH_LIBS    = -linih
NETLINK_LIBS = -lnl-genl-3 -lnl-3
# Of libktls-handshake; ktls_open_embedded() alone has netlink.
HANDSHAKE_LIBS = $(SODIUM_LIBS) $(CRYPTO_LIBS) $(NETLINK_LIBS)
JSON_LIBS    = -ljansson

CFLAGS_lib_netlink = -isystem $(firstword $(wildcard /usr/include/libnl3 /usr/local/include/libnl3) /usr/include/libnl3)

# ---- what is built of what: a new file in a folder needs no line here --------------------------

c_of = $(sort $(wildcard $(addsuffix /*.c,$(1))))
o_of = $(patsubst %.c,$(BUILD)/%.o,$(1))

WIRE_SRC      := $(call c_of,lib/wire)
KTLS_SRC      := $(WIRE_SRC) $(call c_of,lib/ktls lib/handoff)
HANDSHAKE_SRC := $(WIRE_SRC) $(call c_of,lib/crypto lib/handshake lib/x509 lib/netlink lib/conn \
                 lib/relay)
KTLSCTL_SRC   := $(sort daemon/ktlsctl.c $(wildcard daemon/explain_*.c daemon/status_*.c))
KTLSRUN_SRC   := $(sort $(wildcard daemon/ktlsrun*.c))
KTLSD_SRC     := $(filter-out $(KTLSCTL_SRC) $(KTLSRUN_SRC),$(call c_of,daemon))
RUN_SRC       := $(call c_of,lib/run)
SETUP_SRC     := $(call c_of,kernel-setup)
NETLINK_SRC   := $(call c_of,lib/netlink)
KTLS_BENCH_SRC := $(call c_of,tests/bench/ktls-bench)
HARNESS_SRC   := $(call c_of,tests/harness)
DAEMON_A      := $(if $(KTLSD_SRC),$(BUILD)/daemon.a)
KTLSCTL_A     := $(BUILD)/ktlsctl.a
KTLS_BENCH_A  := $(BUILD)/ktls-bench.a
SETUP_A       := $(BUILD)/setup.a
KTLS_BENCH    := $(BUILD)/ktls-bench
LIBSSL        := $(wildcard /usr/include/openssl/ssl.h)

LIBS_A   := $(BUILD)/libktls.a $(BUILD)/libktls-handshake.a
LIBS_SO  := $(BUILD)/libktls.so $(BUILD)/libktls-handshake.so
RUN_SO   := $(BUILD)/libktlsrun.so
PROGRAMS := $(if $(KTLSD_SRC),$(BUILD)/ktlsd) $(BUILD)/ktlsctl $(if $(SETUP_SRC),$(BUILD)/ktls-setup)
USERS_PROGRAMS := $(BUILD)/ktlsrun $(KTLS_BENCH)
GO       := $(shell command -v go)
URING    := $(wildcard /usr/include/liburing.h)
EXAMPLES := $(patsubst Documentation/examples/%.c,$(BUILD)/examples/%,\
              $(filter-out $(if $(URING),,%/uring.c),$(call c_of,Documentation/examples))) \
            $(BUILD)/examples/httpd $(if $(GO),$(BUILD)/examples/server)
HTTPD_SRC := $(call c_of,Documentation/examples/httpd)
TEST_SRC := $(call c_of,tests/unit tests/kernel tests/interop tests/bench tests/tools)
TESTS    := $(patsubst %.c,$(BUILD)/%,$(TEST_SRC))
UNIT     := $(filter $(BUILD)/tests/unit/%,$(TESTS))
# These run where the kernel has no TLS, too: over relays, some of them a second time.
ANYWHERE := $(patsubst %,$(BUILD)/tests/kernel/%,ktlsd ktlsd_release ktlsd_reload ktlsd_session \
              ktlsd_tickets)
TOOLS    := $(filter $(BUILD)/tests/tools/%,$(TESTS))
BENCH    := $(filter $(BUILD)/tests/bench/%,$(TESTS))
BOGO_SHIM := $(BUILD)/tests/bogo/shim
# Other TLS libraries, where they are installed.
STACKS   := $(foreach s,mbedtls wolfssl,$(if $(wildcard /usr/include/$s/ssl.h),\
            $(BUILD)/tests/interop/stacks/$s))
FUZZ_SRC := $(filter-out tests/fuzz/replay.c,$(call c_of,tests/fuzz))
REPLAY   := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SRC))
FUZZ     := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))
CT       := $(patsubst %.c,$(BUILD)/%,$(filter-out tests/ct/ct.c,$(call c_of,tests/ct)))

.PHONY: all libs programs examples tests
all: libs programs examples
libs: $(LIBS_A) $(LIBS_SO)
programs: $(PROGRAMS) $(USERS_PROGRAMS) $(RUN_SO)
examples: $(EXAMPLES)
	$(if $(URING),,$(call say,SKIP,'examples/uring: liburing-dev is not installed'))
tests: all $(TESTS) $(STACKS) $(BOGO_SHIM) $(KTLS_BENCH)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_$(subst /,_,$(<D))) -c -o $@ $<

$(BUILD)/libktls.a: $(call o_of,$(KTLS_SRC))
$(BUILD)/libktls-handshake.a: $(call o_of,$(HANDSHAKE_SRC))
$(LIBS_A):
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The symbols that each library exports are listed in lib/NAME.map.
$(BUILD)/libktls.so: $(call o_of,$(KTLS_SRC)) lib/libktls.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libktls.so.$(ABI) -Wl,--version-script=lib/libktls.map \
		-Wl,-z,defs $(ALL_LDFLAGS) -o $@ $(filter %.o,$^)
	$(Q)ln -sf libktls.so $@.$(ABI)

$(BUILD)/libktls-handshake.so: $(call o_of,$(HANDSHAKE_SRC)) lib/libktls-handshake.map $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libktls-handshake.so.$(ABI) \
		-Wl,--version-script=lib/libktls-handshake.map -Wl,-z,defs $(ALL_LDFLAGS) -o $@ \
		$(filter %.o,$^) $(BUILD)/libktls.a $(HANDSHAKE_LIBS)
	$(Q)ln -sf libktls-handshake.so $@.$(ABI)

# All of ktlsd, ktlsctl and ktls-setup but their main(), for the tests.
$(DAEMON_A): $(call o_of,$(filter-out daemon/main.c,$(KTLSD_SRC)))
$(KTLSCTL_A): $(call o_of,$(filter-out daemon/ktlsctl.c,$(KTLSCTL_SRC)))
$(SETUP_A): $(call o_of,$(filter-out kernel-setup/ktls-setup.c,$(SETUP_SRC)))
$(DAEMON_A) $(KTLSCTL_A) $(SETUP_A):
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/ktlsd: $(BUILD)/daemon/main.o $(DAEMON_A) $(BUILD)/libktls-handshake.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(HANDSHAKE_LIBS) $(INIH_LIBS) -lpthread

$(BUILD)/ktlsctl: $(BUILD)/daemon/ktlsctl.o $(KTLSCTL_A) $(BUILD)/libktls-handshake.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(SODIUM_LIBS) $(CRYPTO_LIBS)

# What it puts before libc's functions is listed in its map: libktls within it goes past them.
RUN_NAMES := $(shell sed -n 's/^\t\([a-z_0-9]*\);$$/\1/p' lib/run/ktlsrun.map)
RUN_OPENS := epoll_create1 eventfd socket timerfd_create
CFLAGS_lib_run = -U_FORTIFY_SOURCE

$(RUN_SO): $(call o_of,$(RUN_SRC)) $(BUILD)/libktls.a lib/run/ktlsrun.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,--version-script=lib/run/ktlsrun.map -Wl,-z,defs $(ALL_LDFLAGS) \
		$(patsubst %,-Wl$(comma)--wrap=%,$(RUN_NAMES) $(RUN_OPENS)) -o $@ $(filter %.o %.a,$^)

RUN_TESTED := $(call o_of,lib/run/rules.c daemon/ktlsrun_reach.c)

$(BUILD)/daemon/ktlsrun.o: CFLAGS_daemon = -DKTLS_RUN_FOLDER='"$(LIBDIR)/ktlsd"'
$(BUILD)/ktlsrun: $(call o_of,$(KTLSRUN_SRC) lib/run/rules.c) $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^

$(BUILD)/netlink.a: $(call o_of,$(NETLINK_SRC))
$(BUILD)/netlink.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/ktls-setup: $(BUILD)/kernel-setup/ktls-setup.o $(SETUP_A) $(BUILD)/netlink.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(NETLINK_LIBS)

# Kept, or the next make thought that the programs had to be made anew, under tests that run them.
.SECONDARY: $(call o_of,$(wildcard Documentation/examples/*.c))
$(BUILD)/examples/uring: EXAMPLE_LIBS = -luring
$(BUILD)/examples/%: $(BUILD)/Documentation/examples/%.o $(BUILD)/libktls-handshake.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(HANDSHAKE_LIBS) $(EXAMPLE_LIBS)

$(BUILD)/examples/httpd: $(call o_of,$(HTTPD_SRC)) $(LIBS_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libktls-handshake.a $(BUILD)/libktls.a \
		$(HANDSHAKE_LIBS)

$(BUILD)/examples/server: Documentation/examples/server.go
	$(call say,GO,$@)
	@mkdir -p $(@D)
	$(Q)GO111MODULE=off GOCACHE=$(abspath $(BUILD))/go $(GO) build -o $@ $^

# All of ktls-bench but its main(), for the tests too.
$(KTLS_BENCH_A): $(call o_of,$(filter-out %/main.c,$(KTLS_BENCH_SRC)))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

CFLAGS_tests_bench_ktls-bench = $(if $(LIBSSL),-DKTLS_BENCH_LIBSSL)

$(KTLS_BENCH): $(BUILD)/tests/bench/ktls-bench/main.o $(KTLS_BENCH_A) $(BUILD)/tests/harness/certs.o \
		$(BUILD)/libktls-handshake.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(if $(LIBSSL),-lssl) $(HANDSHAKE_LIBS) $(JSON_LIBS) \
		-lm -lpthread

# Tests and benchmarks see the libraries' insides; only benchmarks, their tests and interop peers use
# libssl.
$(TESTS): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(call o_of,$(HARNESS_SRC)) \
		$(RUN_TESTED) $(DAEMON_A) $(KTLSCTL_A) $(KTLS_BENCH_A) $(SETUP_A) \
		$(BUILD)/libktls-handshake.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(if $(filter bench interop,$(notdir $(@D))),-lssl) \
		$(if $(and $(filter bench_%,$(@F)),$(LIBSSL)),-lssl) $(HANDSHAKE_LIBS) $(INIH_LIBS) \
		$(JSON_LIBS) -lpthread -lm

$(BUILD)/tests/interop/stacks/mbedtls: STACK_LIBS = -lmbedtls -lmbedx509 -lmbedcrypto
$(BUILD)/tests/interop/stacks/wolfssl: STACK_LIBS = -lwolfssl
$(STACKS): %: %.o $(BUILD)/tests/interop/stacks/main.o
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(STACK_LIBS)

# Constant-time checks, for valgrind: see tests/ct/ct.h.
$(CT): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/tests/ct/ct.o $(call o_of,$(HARNESS_SRC)) \
		$(BUILD)/libktls-handshake.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -Wl,--wrap=secret_equal -o $@ $^ $(SODIUM_LIBS) $(CRYPTO_LIBS)

$(BOGO_SHIM): $(call o_of,$(call c_of,tests/bogo)) $(BUILD)/libktls-handshake.a $(BUILD)/libktls.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -Wl,--wrap=kernel_record_send,--wrap=kernel_record_recvmsg,--wrap=kernel_version \
		-o $@ $^ $(SODIUM_LIBS) $(CRYPTO_LIBS)

# Fuzz targets twice: with libFuzzer, and with a main that runs them over their corpus.
$(REPLAY): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(KTLSCTL_A) \
		$(DAEMON_A) $(KTLS_BENCH_A) $(LIBS_A)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(SODIUM_LIBS) $(CRYPTO_LIBS) $(JSON_LIBS) -lm

$(FUZZ): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(KTLSCTL_A) $(DAEMON_A) $(KTLS_BENCH_A) $(LIBS_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(SODIUM_LIBS) $(CRYPTO_LIBS) $(JSON_LIBS) -lm

# What reads requests is tested and fuzzed as a library's parsers are.
$(addprefix $(BUILD)/,tests/unit/http_request tests/fuzz/http_request fuzz/http_request): \
	$(BUILD)/Documentation/examples/httpd/request.o

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- tests ---------------------------------------------------------------------------------------

# A failed stage does not keep the next one from running: the summary has the verdict.
export KTLS_BUILD := $(BUILD)
stage = $(Q)tests/harness/run $(1) || :

# Tests that are scripts are executable; what they source is not.
scripts_of = $(sort $(shell find $(1) -maxdepth 1 -name '*.sh' -perm -u+x))

UNIT_TESTS    := $(UNIT) $(ANYWHERE) $(call scripts_of,tests/unit)
INTEROP_TESTS := $(filter $(BUILD)/tests/interop/%,$(TESTS)) $(call scripts_of,tests/interop)
KERNELS       ?= oldest backports newest

# Where everything that tests need has been installed, a skip hides something.
no_skip := $(if $(CI),--no-skip)

.PHONY: test test-ct check check-all check-packages lint bench bogo fuzz fuzz-targets demo clean
test: all $(UNIT) $(ANYWHERE) $(TOOLS) $(REPLAY) $(KTLS_BENCH)
	$(Q)tests/harness/run --new
	$(call stage,--parallel unit$(BUILD:build%=%) $(UNIT_TESTS))
	$(call stage,fuzz-corpus$(BUILD:build%=%) $(REPLAY))
	$(Q)tests/harness/run --summary

test-ct: $(CT)
	$(Q)tests/harness/run --parallel ct $(CT)

# run-vm boots the kernel and calls "tests/harness/run --stream" there.
vm_stages = $(Q)for k in $(1); do tests/harness/run vm-$$k -- tests/kernel/run-vm $$k || :; done

check: check-packages
	+$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory tests $(CT) $(REPLAY)
	$(Q)tests/harness/run --new
	$(call stage,--parallel unit $(UNIT_TESTS))
	$(call stage,fuzz-corpus $(REPLAY))
	$(call stage,--parallel $(no_skip) ct $(CT))
	$(Q)rm -rf $(BUILD)/stacks
	$(call stage,--parallel $(no_skip) interop $(INTEROP_TESTS))
	$(Q)tests/interop/table.py >$(BUILD)/stacks.md && cat $(BUILD)/stacks.md
	$(call vm_stages,oldest)
	$(Q)tests/harness/run --summary

check-all: check-packages
	+$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory tests
	$(Q)tests/harness/run --new
	$(call stage,vm-runner tests/vm/runner.sh)
	$(call vm_stages,$(KERNELS))
	$(Q)tests/harness/run --summary

check-packages:
	$(Q)kernel-setup/packages build test vm

# FUZZ_SECONDS for each target; findings are in build-fuzz/findings. What the fuzzer would learn of
# cryptography's branches is nothing, and learning it takes most of the time.
fuzz: fuzz_make = $(MAKE) $(if $(V),,-s) --no-print-directory CC=clang BUILD=build-fuzz \
	SAN=fuzzer-no-link,address,undefined CFLAGS_lib_crypto=-fno-sanitize=fuzzer-no-link
fuzz:
	+$(Q)$(fuzz_make) fuzz-targets
	$(Q)KTLS_BUILD=build-fuzz tests/fuzz/run $(patsubst $(BUILD)/%,build-fuzz/%,$(FUZZ))

fuzz-targets: $(FUZZ)

# BOGO_RUNNER is BoringSSL's test runner: tests/bogo/README.md.
bogo: $(BOGO_SHIM)
	$(Q)$(if $(BOGO_RUNNER),,$(error BOGO_RUNNER does not say where the runner is))
	$(Q)tests/bogo/run $(BOGO_RUNNER) $(BOGO_SHIM)

lint:
	$(Q)tests/lint/lint

bench: $(BENCH) $(KTLS_BENCH)
	$(Q)for b in $(BENCH); do $$b || exit 1; done

# ---- installing ----------------------------------------------------------------------------------

UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
MODULESDIR  ?= $(PREFIX)/lib/modules-load.d
DOCDIR      ?= $(PREFIX)/share/doc/ktlsd

HEADERS := ktls.h ktls-session.h ktls-tls.h ktls-handshake.h ktls-record.h ktls-secrets.h
LIBS    := libktls libktls-handshake
MAN     := $(sort $(wildcard Documentation/man/*.[1-8]))

D = $(DESTDIR)
fill = sed -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	-e 's|@SBINDIR@|$(SBINDIR)|' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|'

.PHONY: install uninstall
install: libs programs
	$(call say,INSTALL,$D$(PREFIX))
	$(Q)install -d $D$(SBINDIR) $D$(BINDIR) $D$(LIBDIR)/pkgconfig $D$(LIBDIR)/ktlsd $D$(INCLUDEDIR) $D$(UNITDIR) $D$(SYSUSERSDIR) \
		$D$(MODULESDIR) $D$(DOCDIR)/examples $D$(SYSCONFDIR)/ktlsd
	$(Q)install -m 755 $(PROGRAMS) $D$(SBINDIR)
	$(Q)install -m 755 $(USERS_PROGRAMS) $D$(BINDIR)
	$(Q)install -m 755 $(RUN_SO) $D$(LIBDIR)/ktlsd
	$(Q)install -m 644 $(HEADERS:%=lib/include/%) $D$(INCLUDEDIR)
	$(Q)install -m 644 $(LIBS_A) $D$(LIBDIR)
	$(Q)for l in $(LIBS); do install -m 755 $(BUILD)/$$l.so $D$(LIBDIR)/$$l.so.$(VERSION) && \
		ln -sf $$l.so.$(VERSION) $D$(LIBDIR)/$$l.so.$(ABI) && \
		ln -sf $$l.so.$(ABI) $D$(LIBDIR)/$$l.so && \
		$(fill) lib/$$l.pc.in >$D$(LIBDIR)/pkgconfig/$$l.pc || exit 1; done
	$(Q)$(fill) kernel-setup/ktlsd.service >$D$(UNITDIR)/ktlsd.service
	$(Q)install -m 644 kernel-setup/ktlsd.socket $D$(UNITDIR)/ktlsd.socket
	$(Q)install -m 644 kernel-setup/ktlsd.sysusers $D$(SYSUSERSDIR)/ktlsd.conf
	$(Q)install -m 644 kernel-setup/ktlsd.modules $D$(MODULESDIR)/ktlsd.conf
	$(Q)install -m 644 Documentation/ktlsd.conf $(wildcard Documentation/*.md) Documentation/explain.svg Documentation/benchmark.svg LICENSE $D$(DOCDIR)
	$(Q)install -m 644 $(addprefix Documentation/examples/*,.c .py .go .socket .service) $D$(DOCDIR)/examples
	$(Q)for m in $(MAN); do install -D -m 644 $$m $D$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done
	$(Q)[ -e $D$(SYSCONFDIR)/ktlsd/ktlsd.conf ] || \
		install -m 644 Documentation/ktlsd.conf $D$(SYSCONFDIR)/ktlsd/ktlsd.conf

# All but the configuration.
uninstall:
	$(call say,REMOVE,$D$(PREFIX))
	$(Q)rm -f $(patsubst $(BUILD)/%,$D$(SBINDIR)/%,$(PROGRAMS)) \
		$(patsubst $(BUILD)/%,$D$(BINDIR)/%,$(USERS_PROGRAMS)) $(RUN_SO:$(BUILD)/%=$D$(LIBDIR)/ktlsd/%) $(HEADERS:%=$D$(INCLUDEDIR)/%) \
		$(foreach l,$(LIBS),$D$(LIBDIR)/$l.a $D$(LIBDIR)/$l.so $D$(LIBDIR)/$l.so.$(ABI) \
			$D$(LIBDIR)/$l.so.$(VERSION) $D$(LIBDIR)/pkgconfig/$l.pc) \
		$D$(UNITDIR)/ktlsd.service $D$(UNITDIR)/ktlsd.socket $D$(SYSUSERSDIR)/ktlsd.conf $D$(MODULESDIR)/ktlsd.conf \
		$(foreach m,$(notdir $(MAN)),$D$(MANDIR)/man$(subst .,,$(suffix $m))/$m)
	$(Q)rm -rf $D$(DOCDIR) $D$(LIBDIR)/ktlsd

# ---- the rest ------------------------------------------------------------------------------------

demo:
	$(Q)kernel-setup/demo

clean:
	$(call say,CLEAN,$(BUILD))
	$(Q)rm -rf $(BUILD)
