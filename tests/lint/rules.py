# SPDX-License-Identifier: MIT
"""What lint holds: who may include what, and which files are measured differently."""

# Layers: which of our own headers the files of a folder may include, by the folder that they are
# in or by name. The longest folder that fits counts. Tests see everything.
OWN = {
    "lib/include": {"lib/include"},
    "lib/wire": {"lib/wire", "ktls-tls.h"},
    # libktls
    "lib/handoff": {"lib/wire", "lib/handoff", "lib/ktls", "ktls.h", "ktls-session.h", "ktls-tls.h"},
    "lib/ktls": {"lib/wire", "lib/ktls", "ktls.h", "ktls-tls.h"},
    # the library of ktlsrun
    "lib/run": {"lib/run", "lib/ktls/steady.h", "ktls.h", "ktls-session.h", "ktls-tls.h"},
    # libktls-handshake
    "lib/crypto": {"lib/wire", "lib/crypto", "ktls-tls.h"},
    "lib/handshake": {"lib/wire", "lib/crypto", "lib/handshake", "ktls-handshake.h", "ktls-record.h", "ktls-secrets.h", "ktls-tls.h"},
    "lib/x509": {"lib/wire", "lib/crypto", "lib/x509", "ktls-handshake.h", "ktls-tls.h"},
    # beside them, and above them
    "lib/netlink": {"lib/wire", "lib/netlink", "ktls.h", "ktls-tls.h"},
    "lib/conn": {
        "lib/wire", "lib/crypto", "lib/handshake", "lib/x509", "lib/ktls", "lib/handoff",
        "lib/netlink", "lib/conn", "lib/include",
        "lib/relay/thread.h",  # by what is ktlsd to ktls_open_embedded()
    },
    "lib/relay": {
        "lib/wire", "lib/crypto", "lib/handoff/relayed.h", "lib/conn", "lib/relay",
        "ktls-handshake.h", "ktls-record.h", "ktls-secrets.h", "ktls-tls.h",
    },
    "daemon": {"lib", "daemon"},
    "kernel-setup": {"lib/wire", "lib/ktls", "lib/netlink", "lib/include", "kernel-setup"},
    "Documentation/examples": {"Documentation/examples", "ktls.h", "ktls-session.h", "ktls-handshake.h", "ktls-record.h", "ktls-secrets.h", "ktls-tls.h"},
    "tests": {"lib", "daemon", "kernel-setup", "Documentation/examples", "tests"},
}

# Headers that are not the C library's or the compiler's: pattern, folders that may include them.
FOREIGN = [
    (r"sodium(/.*)?\.h", ["lib/crypto", "tests"]),
    (r"openssl/.*", ["lib/x509", "tests"]),
    (r"netlink/.*", ["lib/netlink"]),
    (r"linux/tls\.h", ["lib/ktls", "lib/netlink", "tests/kernel"]),
    (r"ini\.h", ["daemon"]),
    (r"jansson\.h", ["tests/bench/ktls-bench", "tests/unit"]),
    (r"valgrind/.*", ["tests"]),
    (r"(mbedtls|wolfssl)/.*", ["tests/interop/stacks"]),
    (r"liburing\.h", ["Documentation/examples"]),
]

# Headers of the C library, the compiler and the kernel, which anyone may include.
SYSTEM = r"""
    (sys|net|netinet|arpa|linux|asm)/[a-z0-9_]+\.h
    | (assert|byteswap|cpuid|ctype|dirent|dlfcn|elf|endian|err|errno|fcntl|fnmatch|ftw|getopt|glob
      |grp|ifaddrs|immintrin|inttypes|langinfo|libgen|limits|locale|malloc|math|netdb|paths|poll
      |pthread|pty|pwd|regex|sched|search|semaphore|setjmp|shadow|signal|spawn|stdalign|stdarg
      |stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|sysexits|syslog
      |termios|threads|time|uchar|ucontext|unistd|utime|wchar|wctype|wmmintrin|x86intrin)\.h
"""

# An engine without I/O: no descriptor, no clock, no log call.
NO_IO = ["lib/wire", "lib/crypto", "lib/handshake"]
IO = r"sys/(socket|epoll|un|stat|timerfd|eventfd|wait|uio)\.h|(unistd|fcntl|time|poll|stdio|syslog|netdb|signal)\.h"
# lib/crypto learns from the system what its CPU can do and what time it is (for the engine's
# ready-made operations, as random bytes are), and gets memory from it.
NO_IO_EXCEPT = {("lib/crypto", "unistd.h"), ("lib/crypto", "time.h")}

# Kernel modules are built against the kernel's own headers, in the kernel's own licence.
KERNEL_MODULES = ["kernel-setup/nicsim/"]

# What a shared library may need besides the C library.
NEEDS = {
    "libktls.so": set(),
    "libktls-handshake.so": {"libsodium", "libcrypto", "libnl-3", "libnl-genl-3"},
    "libktlsrun.so": set(),
}

# Has functions of libc's names, listed in its own map: programs are to call them.
BEFORE_LIBC = {"libktlsrun.so"}

# Sizes: lines of a function's body and of a file; the median and the ninth decile over all.
FUNCTION_MAX = 80
FILE_MAX = 500
# A reader can start from any of these, each by itself: lines of one, in that folder and not below.
EXAMPLE = r"Documentation/examples/[^/]*\.(c|py|go)"
EXAMPLE_MAX = 250
MEDIAN_MAX = 15
DECILE_MAX = 50

# Bytes of any file: nothing that was built or downloaded belongs in the tree.
BYTES_MAX = 200000

# No comment can stand in these, or they are others' words.
NO_SPDX = [
    r"LICENSE[^/]*", r"\.gitignore", r"(.*/)?\.gitattributes", r".*\.(json|pem|der|bin|hex|png|svg|txt)",
    r"tests/fuzz/corpus/.*",
]

# Machine paths, and notes of unfinished work. Written so that this file does not contain them.
FORBIDDEN = [
    (r"(?<![\w.])/(work|root)/(?=\w)", "a path of somebody's machine"),
    (r"(?<![\w.])/home/\w", "a path of somebody's machine"),
    (r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b", "a note of unfinished work"),
]

# The VM's init puts the new root on /root, as initramfs do.
ALLOWED = {("kernel-setup/vm/guest-init", "/root/")}
