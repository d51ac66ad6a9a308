#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whether lint finds what it is there to find: a small tree without a fault, and one with many.

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

lint=$PWD/tests/lint/lint
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset KTLS_BUILD SAN

command -v clang-format >/dev/null || tap_skip_all 'clang-format is not installed'

mit='SPDX-License-Identifier: MIT'
mkdir "$tmp/clean" "$tmp/faulty"
cp .clang-format "$tmp/clean"
cp .clang-format "$tmp/faulty"

# put FILE: a file of the tree, from standard input.
put() {
	mkdir -p "$(dirname "$tree/$1")"
	cat >"$tree/$1"
}

c_file() {
	{ echo "/* $mit */"; cat; } | put "$1"
	clang-format -i "$tree/$1"
}

script() {
	{ printf '#!/bin/bash\n# %s\n' "$mit"; cat; } | put "$1"
}

function_of() {
	printf 'int f(int x);\n\nint f(int x)\n{\n'
	for _ in $(seq "$(($1 - 1))"); do printf '\tx++;\n'; done
	printf '\treturn x;\n}\n'
}

condition() {
	printf 'int f(int x);\n\nint f(int x)\n{\n\tif (%s)\n\t\tx++;\n\treturn x;\n}\n' "$1"
}

# ---- what must not be found

tree=$tmp/clean
c_file lib/wire/reader.h <<<'int reader(void);'
c_file lib/wire/reader.c <<<$'#include "lib/wire/reader.h"\n#include <string.h>\n#include <sys/types.h>'
c_file lib/crypto/aead.h <<<'#include <sodium.h>'
c_file lib/ktls/ulp.c <<<$'#include <linux/tls.h>\n#include <sys/socket.h>\n#include <ktls.h>'
c_file lib/handshake/engine.c <<<$'#include "lib/crypto/aead.h"\n#include "../wire/reader.h"'
c_file lib/x509/x.c <<<'#include <openssl/evp.h>'
c_file lib/conn/x.c <<<$'#include "lib/crypto/aead.h"\n#include <ktls.h>'
c_file tests/unit/x.c <<<'#include <openssl/evp.h>'
c_file lib/wire/long.c < <(function_of 80)
c_file lib/wire/longer.c < <(function_of 81)
{ echo "// $mit"; seq -f '// %.0f' 248; } | put Documentation/examples/long.go
printf '# %s\nlib/wire/longer*\ta table\n' "$mit" | put tests/lint/exempt
c_file lib/wire/if.c < \
	<(condition 'x <= 1 || x >= 2 || x != 3 || x == 4 || f("="[0]) == '"'='"' /* = */')
c_file lib/wire/words.c <<<'/* /tmp/x-XXXXXX, the framework/x, ../work */'
c_file lib/include/ktls.h <<'END'
/* A pair. */
int ktls_a(void) __attribute__((warn_unused_result));
int ktls_b(struct x { int y; } * z, void (*done)(int));

struct ktls {
	int (*call)(int x);
};

typedef int ktls_fn(int x);

/* Inline. */
static inline int ktls_c(void)
{
	return 1;
}
END
printf '/* %s */\nKTLS_0 {\nglobal:\n\tktls_*;\nlocal:\n\t*;\n};\n' "$mit" | put lib/libktls.map
script tests/run <<<'echo hello'
echo 'no comment can stand here' | put LICENSE
mkdir "$tree/build"
echo 'int ktls_x;' | cc -shared -fPIC -x c -o "$tree/build/libktls.so" -

check 'a clean tree' "$lint" "$tree"

# ---- what must be: each fault in a file of its own

tree=$tmp/faulty
expected=()

# fault PLACE TEXT NAME: what lint is to say of the file just put.
fault() {
	expected+=("$1|$2|$3")
}

# layer FILE INCLUDE TEXT NAME
layer() {
	c_file "$1" <<<"#include $2"
	fault "$1:2" "$3" "$4"
}

layer lib/handoff/a.c '"lib/crypto/aead.h"' 'lib/handoff may not include lib/crypto/aead.h' \
	'libktls does not include the engine'
layer lib/handshake/b.c '"lib/ktls/ulp.h"' 'may not include' 'the engine does not include lib/ktls'
layer lib/crypto/c.c '"lib/handoff/x.h"' 'may not include' 'nor does lib/crypto'
layer lib/x509/d.c '"lib/handshake/x.h"' 'may not include' 'lib/x509 stands beside the engine'
c_file lib/include/ktls.h <<<'struct ktls;'
layer lib/handshake/e.c '<ktls.h>' 'may not include' 'the engine does not know the daemon'
layer lib/wire/f.c '"lib/crypto/aead.h"' 'may not include' 'lib/wire includes nothing above it'
c_file lib/crypto/aead.h <<<'struct aead;'
layer lib/handoff/g.c '"../crypto/aead.h"' 'may not include' 'an include by relative path is seen'
layer lib/ktls/h.c '"daemon/log.h"' 'may not include' 'a library does not include the daemon'
layer lib/ktls/i.c '"tests/harness/harness.h"' 'may not include' 'nor the tests'
layer Documentation/examples/j.c '"lib/wire/reader.h"' 'may not include' 'examples see public headers only'
layer lib/unknown/k.c '"lib/wire/reader.h"' 'no layer' 'a folder without a layer'
layer lib/handshake/l.c '<sodium.h>' 'only in lib/crypto' 'libsodium only in lib/crypto'
layer lib/crypto/m.c '<openssl/evp.h>' 'only in lib/x509' 'libcrypto only in lib/x509'
layer daemon/n.c '<openssl/x509.h>' 'only in lib/x509' 'not in the daemon either'
layer daemon/o.c '<linux/tls.h>' 'only in lib/ktls' 'the kernel header only in lib/ktls'
layer daemon/p.c '<netlink/netlink.h>' 'only in lib/netlink' 'libnl only in lib/netlink'
layer lib/ktls/q.c '<curl/curl.h>' 'no owner' 'a library that nobody named'
layer lib/handshake/r.c '<sys/socket.h>' 'does no I/O' 'no I/O in the engine'
layer lib/handshake/s.c '<time.h>' 'does no I/O' 'no clock in the engine'

mkdir "$tree/build"
echo 'int ktls_x, other;' | cc -shared -fPIC -x c -o "$tree/build/libktls.so" - -Wl,--no-as-needed -lm
fault build/libktls.so:0 'needs libm' 'libktls.so needs libc only'
fault build/libktls.so:0 'exports other' 'libktls.so exports ktls_ names only'
printf '/* %s */\nKTLS_0 {\nglobal:\n\tktls_*;\n\tother;\n};\n' "$mit" | put lib/libktls.map
fault lib/libktls.map:5 'other' 'a symbol list with a foreign name'
fault lib/libktls.map:1 'hide' 'a symbol list that hides nothing'

echo 'int x;' | put lib/wire/spdx.c
fault lib/wire/spdx.c:1 'no SPDX' 'no licence'
printf '#!/bin/sh\necho\n' | put tests/spdx
fault tests/spdx:2 'no SPDX' 'no licence in a script'
echo "/* ${mit%MIT}GPL-2.0 */" | put lib/wire/gpl.c
fault lib/wire/gpl.c:1 'not the licence' 'another licence'
printf '/* %s */\nint  x;\n' "$mit" | put lib/wire/layout.c
fault lib/wire/layout.c:2 'clang-format' 'layout'
c_file lib/wire/long.c < <(function_of 81)
fault lib/wire/long.c:4 'f has 81 lines' 'a function of 81 lines'
seq -f 'extern int x%.0f;' 499 | c_file lib/wire/file.c
fault lib/wire/file.c:1 'has 500 lines' 'a file of 500 lines'
{ echo "// $mit"; seq -f '// %.0f' 249; } | put Documentation/examples/long.go
fault Documentation/examples/long.go:1 'has 250 lines' 'an example of 250 lines'
printf '# %s\nlib/none*\ta table\n' "$mit" | put tests/lint/exempt
fault tests/lint/exempt:1 'no file any more' 'an exemption of nothing'
c_file lib/wire/if1.c < <(condition '(x = 1)')
fault lib/wire/if1.c:6 'assignment' 'an assignment in if'
c_file lib/wire/if2.c < <(condition $'x == 1 &&\n(x += f(2)) > 0')
fault lib/wire/if2.c:6 'assignment' 'in its second line'
c_file lib/wire/star.c <<<$'/*\n *x\n */'
fault lib/wire/star.c:3 'no blank' 'a star at a word'
n=0
for word in 'TO''DO' 'FIX''ME: x' 'X''XX' '/wo''rk/x' '/ro''ot/x' '/ho''me/me'; do
	c_file lib/wire/word$((++n)).c <<<"/* $word */"
	fault lib/wire/word$n.c:2 ': a [pn][ao]t[eh] of' "the word $word"
done
ln -s /etc/passwd "$tree/link"
fault link:1 'outside the tree' 'a link to a place of this machine'
head -c 300000 /dev/zero | put tests/fuzz/corpus/x/large
fault tests/fuzz/corpus/x/large:1 'has 300000 bytes' 'a large file'
script tests/blanks <<<'echo '
fault tests/blanks:3 'blanks' 'blanks at the end of a line'
c_file lib/include/other.h <<<$'/* Opens. */\nint ktls_open(void);\n\nvoid ktls_close(int x);'
fault lib/include/other.h:5 'ktls_close has no comment' 'an undocumented function'
script tests/broken <<<'if true; then'
fault tests/broken:4 'syntax error' 'a broken script'
printf '# %s\ndef f(:\n' "$mit" | put tests/broken.py
fault tests/broken.py:2 'syntax' 'a broken Python script'

"$lint" "$tree" >"$tmp/said"
check 'faults are told by the status' [ $? -eq 1 ]

said() {
	grep -F -- "$1: " "$tmp/said" | grep -q -- "$2" || { grep -F "${1%%:*}:" "$tmp/said"; return 1; }
}

for line in "${expected[@]}"; do
	IFS='|' read -r place text what <<<"$line"
	check "$what" said "$place" "$text"
done

# What the shell checker adds about a script that is broken anyhow is not counted.
only_these() {
	grep -v '^tests/broken:' "$tmp/said" >"$tmp/counted"
	[ "$(grep -c ':[0-9]*: ' "$tmp/counted")" -eq $((${#expected[@]} - 1)) ] ||
		{ cat "$tmp/counted"; return 1; }
}

check 'and nothing else is found' only_these
tap_done
