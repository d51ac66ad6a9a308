#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whether the harness and the runner report what happened: a program whose tests pass, fail, skip,
# hang and crash on purpose is run, and what comes out is looked at. Its results are not counted.

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

child=${KTLS_BUILD:-build}/tests/tools/harness_child
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export KTLS_RESULTS=$tmp/results
unset V KTLS_TIMEOUT_FACTOR

"$child" >"$tmp/tap" 2>"$tmp/stderr"
status=$?

# said TEST: what stands in the TAP output between the result before TEST's and its own.
said() {
	awk -v name="$1" '/^(not )?ok/ { n = /^not/ ? $4 : $3
		if (n == name) { printf "%s%s\n", text, $0; exit } text = ""; next }
		{ text = text $0 "\n" }' "$tmp/tap"
}

has() {
	said "$1" | grep -qE -- "$2" || { said "$1"; return 1; }
}

lacks() {
	said "$1" | grep -q . || return 1
	! said "$1" | grep -E -- "$2"
}

passes() { has "$1" "^ok [0-9]+ $1\$"; }
fails() { has "$1" "^not ok [0-9]+ $1\$"; }

# gone TEST: the process whose number TEST printed is no more, or a zombie.
gone() {
	local pid

	pid=$(said "$1" | sed -n 's/^# started //p')
	[ -n "$pid" ] || return 1
	! grep -E '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" 2>/dev/null
}

results_are() {
	[ "$(grep -cE "^$1 [0-9]+ " "$tmp/tap")" -eq "$2" ]
}

# ---- the harness

check 'status 1 when a test failed' [ "$status" -eq 1 ]
check 'nothing on standard error' [ ! -s "$tmp/stderr" ]
check 'version line first' grep -qx 'TAP version 13' <(head -n 1 "$tmp/tap")
check 'as many results as planned' grep -qx "1..$(grep -cE '^(not )?ok ' "$tmp/tap")" "$tmp/tap"
check 'totals agree with the results' grep -qx \
	"# Totals: pass:9 fail:15 skip:2" <(tail -n 1 "$tmp/tap")
check 'nine and two are ok' results_are ok 11
check 'fifteen are not' results_are 'not ok' 15

for test in passes integers_compare_by_value pointers_and_text pretends leaves_a_process \
	forked_child_returns box.three.has_its_variant box.four.has_its_variant \
	box.three.asserts_three; do
	check "$test passes" passes $test
done
for test in fails_twice every_check_can_fail shows_bytes fails_then_skips checks_nothing hangs \
	crashes exits exits_with_status check_fails_in_forked_child check_fails_in_thread \
	box.four.asserts_three box.three.hangs broken.is_not_run; do
	check "$test fails" fails $test
done

check 'a failed check names file, line and values' has fails_twice \
	'harness_child.c:[0-9]+: expected 1 \(1\) == 2 \(2\)'
check 'the test goes on after EXPECT' has fails_twice '2 of 2 checks failed'
check 'each kind of check can fail' has every_check_can_fail '12 of 12 checks failed'
check 'bytes are shown in hex' has shows_bytes '616263>646566'
check 'a skip gives its reason' has skips '^ok [0-9]+ skips # SKIP no reason here$'
check 'a test without checks says so' has checks_nothing 'made no check'
check 'output cannot forge a result' has pretends '^# ok 1 forged$'
check 'a time-out is named' has hangs '^# timed out after 1 s$'
check 'a time-out kills the whole group' gone hangs
check 'what a test leaves running is killed' gone leaves_a_process
check 'a crash names its signal' has crashes '^# (killed by SIGSEGV|exited with status [1-9])'
check 'exit(0) before the end is seen' has exits '^# exited before its end$'
check 'exit status is reported' has exits_with_status '^# exited with status 3$'
check 'an ASSERT ends a forked child' lacks check_fails_in_forked_child 'not to be reached'
check 'an ASSERT in a thread ends the test' lacks check_fails_in_thread 'not to be reached'
check 'teardown sees what setup left' has box.four.has_its_variant '^# teardown 4$'
check 'teardown runs after a failed ASSERT' has box.four.asserts_three '^# teardown 4$'
check 'an ASSERT in a function ends the test' lacks box.four.asserts_three 'after the assertion'
check 'a failed setup runs no test' lacks broken.is_not_run 'broken (body|teardown)'
check 'a setup that skips runs no test' has absent.is_not_run \
	'^ok [0-9]+ absent.is_not_run # SKIP absent by setup$'
check 'and no body' lacks absent.is_not_run 'body'

count() {
	local want=$1

	shift
	[ "$("$child" "$@" | grep -cE '^(not )?ok ')" -eq "$want" ]
}

check '-l lists every test' [ "$("$child" -l | wc -l)" -eq 26 ]
check '-t selects by name' count 1 -t passes
check '-t selects by full name' count 1 -t box.three.has_its_variant
check '-f selects a fixture' count 3 -f box -v three
check '-v selects a variant' count 2 -f box -t 'h*_*' -v '*'
check 'status 0 when nothing failed' "$child" -t passes
check 'status 0 when skipped' "$child" -t skips
check 'no such test is an error' [ "$("$child" -t nosuch >/dev/null 2>&1; echo $?)" -eq 2 ]

# ---- the runner

program() {
	{ echo '#!/bin/bash'; cat; } >"$tmp/$1"
	chmod +x "$tmp/$1"
}

program good <<<'echo "TAP version 13"; echo 1..2; echo "ok 1 a"; echo "ok 2 b"'
program skipping <<<'echo 1..2; echo "ok 1 a"; echo "ok 2 b # SKIP no such thing"'
program lacking <<<'echo 1..2; echo "ok 1 a"; echo "ok 2 b # SKIP not in that program: such a thing"'
program skipped <<<'echo "1..0 # SKIP nothing to do here"'
program bad <<<'echo 1..2; echo "ok 1 a"; echo "# why"; echo "not ok 2 b"; exit 1'
program liar <<<'echo 1..1; echo "not ok 1 a"'
program planless <<<'echo "ok 1 a"'
program short <<<'echo 1..3; echo "ok 1 a"'
program long <<<'echo 1..1; echo "ok 1 a"; echo "ok 2 b"'
program dies <<<'echo 1..1; echo "ok 1 a"; kill -SEGV $$'
program bails <<<'echo 1..1; echo "ok 1 a"; echo "Bail out! no more"'
program silent <<<''
program mute <<<'echo 1..1; printf "ok 1 a"'
program hangs <<<'echo 1..1; sleep 1000; echo "ok 1 a"'
program strays <<<'sleep 1000 & echo 1..1; echo "ok 1 a"'

# counts PASSED FAILED SKIPPED ARG...: what the runner makes of these arguments.
counts() {
	local want="stage $1 $2 $3" fails=$(($2 > 0)) got status

	shift 3
	rm -f "$KTLS_RESULTS"
	tests/harness/run "$@" >"$tmp/shown" 2>&1
	status=$?
	got=$(cut -d' ' -f1-4 "$KTLS_RESULTS")
	[ "$got" = "$want" ] && [ "$status" -eq "$fails" ] && return
	echo "$got with status $status, not $want"
	cat "$tmp/shown"
	return 1
}

cd "$tmp" || exit
ln -s "$OLDPWD/tests" tests
check 'two pass' counts 2 0 0 stage good
check 'a skip is a skip' counts 1 0 1 stage skipping
check 'and a failure with --no-skip' counts 1 1 0 --no-skip stage skipping
check 'what a program does not have is none' counts 1 0 1 --no-skip stage lacking
check 'a program may skip as a whole' counts 2 0 1 stage skipped good
check 'but not a stage' counts 0 1 1 stage skipped
check 'that too fails with --no-skip' counts 0 1 0 --no-skip stage skipped
check 'a failure is a failure' counts 1 1 0 stage bad
check 'its diagnostics are shown' grep -q '# why' shown
check 'whatever the exit status says' counts 0 1 0 stage liar
check 'no plan is a failure' counts 1 1 0 stage planless
check 'fewer tests than planned' counts 1 1 0 stage short
check 'more tests than planned' counts 2 1 0 stage long
check 'death by a signal' counts 1 1 0 stage dies
check 'the signal is named' grep -q 'SIGSEGV' shown
check 'bail out' counts 1 1 0 stage bails
check 'no output at all' counts 0 1 0 stage silent
check 'a program that is not there' counts 0 1 0 stage nosuch
check 'a stage without programs' counts 0 1 0 stage
check 'a last line without newline' counts 1 0 0 stage mute
check 'a stray process does not hold the runner up' counts 1 0 0 stage strays
check 'several programs' counts 4 1 1 stage good skipping bad
check 'several at once' counts 6 3 2 --parallel stage good skipping bad dies strays silent skipped
check 'are shown in their order' grep -qx 'good skipping bad dies strays silent skipped' <(
	sed -nE 's/^  ([a-z]+) .* s$/\1/p' shown | paste -sd' ')
check 'through a command' counts 4 1 1 stage -- tests/harness/run --stream good skipping bad
check 'a command without a failure' counts 4 0 0 stage -- \
	tests/harness/run --stream good good
check 'a command that says what failed' counts 1 1 0 stage -- \
	bash -c 'tests/harness/run --stream bad; exit 1'
check 'a command that fails by itself' counts 2 1 0 stage -- \
	bash -c 'tests/harness/run --stream good; exit 125'
check 'a command that runs nothing' counts 0 1 0 stage -- true
check 'a command that dies half-way' counts 0 2 0 stage -- \
	bash -c 'echo "## program good"; echo 1..1; echo "ok 1 a" >/dev/null; kill -KILL $$'
KTLS_PROGRAM_TIMEOUT=1 check 'a program that hangs' counts 0 1 0 stage hangs

summary_is() {
	printf '%s\n' "$1" >"$KTLS_RESULTS"
	[ "$(tests/harness/run --summary | tail -n 1)" = "$2" ]
}

summary_fails() {
	printf '%s\n' "$1" >"$KTLS_RESULTS"
	! tests/harness/run --summary
}

check 'the summary adds up' summary_is $'a 3 0 1 10\nb 4 2 0 2000' '7 passed, 2 failed, 1 skipped'
check 'a failure fails the summary' summary_fails 'a 3 1 0 10'
check 'nothing passed fails it too' summary_fails 'a 0 0 4 10'
check 'the summary says again what failed' grep -qx '  stage bad: not ok: b' <(
	tests/harness/run --new
	tests/harness/run stage good bad dies >/dev/null
	tests/harness/run --summary | tee again)
check 'and why' grep -qx '      # why' again
check 'a death, too' grep -q '^  stage dies: ended with status 139 (SIGSEGV)' again
check 'V=1 shows all output' grep -q '| ok 2 b' <(V=1 tests/harness/run stage good)
tests/harness/run --new
check '--new forgets' [ ! -e "$KTLS_RESULTS" ]
check 'what failed, too' [ ! -e "$KTLS_RESULTS.failed" ]

tap_done
