# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For selftests/pilot/*.sh: KTAP output, and all of net.sh. To be sourced. A
# test file is a list of "try NAME COMMAND..." and ends with "finish".

ksft_skip=4
lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(cd "$lib_dir/.." && pwd -P)
vectors=$lib_dir/vectors

# Two nodes, a host behind the second and a router; the process id keeps runs
# apart.
n1=pt$$-1 n2=pt$$-2 n3=pt$$-3 r=pt$$-r
namespaces="$n1 $n2 $n3 $r"

work=$(mktemp -d "${TMPDIR:-/tmp}/pilot-test.XXXXXX") || exit 1
tests=0 failures=0 finished=
. "$lib_dir/net.sh"

# ---- KTAP

diag() {
	sed 's/^/# /' <<<"$*"
}

ok() { # name
	tests=$((tests + 1))
	echo "ok $tests $1"
}

not_ok() { # name
	tests=$((tests + 1))
	failures=$((failures + 1))
	echo "not ok $tests $1"
}

skip() { # name, reason
	tests=$((tests + 1))
	echo "ok $tests $1 # SKIP $2"
}

# A test: passes if COMMAND does; what it printed is shown if not.
try() { # name, command...
	local name=$1 begun=$SECONDS
	shift
	if "$@" >"$work/try.out" 2>&1; then
		ok "$name"
	else
		diag "failed with status $?: $*"
		tail -n 100 "$work/try.out" | sed 's/^/# /'
		not_ok "$name"
	fi
	[ $((SECONDS - begun)) -lt 5 ] || diag "that took $((SECONDS - begun)) s"
}

# A test that must fail, with an error text that matches REGEX.
try_refused() { # name, regex, command...
	local name=$1 regex=$2 rc=0
	shift 2
	"$@" >"$work/try.out" 2>&1 || rc=$?
	if [ $rc = 0 ]; then
		diag "succeeded, but should have been refused: $*"
		not_ok "$name"
	elif [ $rc -ge 124 ]; then # of timeout, of the shell, and of signals
		diag "no refusal, but status $rc: $*"
		tail -n 40 "$work/try.out" | sed 's/^/# /'
		not_ok "$name"
	elif ! grep -q -i -E -- "$regex" "$work/try.out"; then
		diag "refused, but the message does not match '$regex':"
		sed 's/^/# /' "$work/try.out"
		not_ok "$name"
	else
		ok "$name"
	fi
}

skip_all() { # reason
	echo "TAP version 13"
	echo "1..0 # SKIP $1"
	finished=1
	exit $ksft_skip
}

# The plan comes last: without it the runner knows that the test died.
finish() {
	echo "1..$tests"
	finished=1
	[ $failures -eq 0 ]
	exit
}

# ---- end

on_exit() {
	local status=$? job
	[ -n "$finished" ] || diag "died with status $status"
	exec 2>/dev/null # bash would tell of each job
	for job in $(jobs -p); do
		kill -KILL "$job"
	done
	wait
	local ns
	for ns in $namespaces; do
		del_ns "$ns"
	done
	rm -rf "$work"
	exit $status
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP

# ---- what the tests need

# In the VM, to which the host's programs and the module built there belong, it is
# no reason to skip.
missing() { # text
	[ -n "${PILOT_VM:-}" ] || skip_all "$1"
	diag "$1"
	exit 1
}

[ "$(id -u)" = 0 ] || skip_all "needs root"
for tool in ip:iproute2 ping:iputils-ping jq:jq python3:python3 ss:iproute2; do
	command -v ${tool%:*} >/dev/null || missing "${tool%:*} is missing (package ${tool#*:})"
done
modprobe pilot || missing "there is no module pilot for kernel $(uname -r)"
command -v pilot >/dev/null || missing "the program pilot is missing"
echo "TAP version 13"
