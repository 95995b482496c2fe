# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the demonstrations share: three namespaces, and a pleasant way to tell of
# steps. To be sourced by a script that has set "top".

work=$(mktemp -d "${TMPDIR:-/tmp}/pilot-demo.XXXXXX") || exit 1
n1=node1 n2=node2 r=router
. "$top/selftests/net.sh"

if [ -n "${COLOUR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
	bold='' dim='' red='' green='' plain=''
fi

# ---- output

results=()
failed=0
step() { # title
	printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

say() {
	printf '   %s\n' "$*"
}

quote() { # shows what a command printed
	sed "s/^/   $dim| /; s/\$/$plain/"
}

held() { # what, figure
	results+=("$1|$2|$green  ok  $plain")
	printf '   %sok%s: %s: %s\n' "$green" "$plain" "$1" "$2"
}

broke() { # what, why
	results+=("$1|$2|$red FAIL $plain")
	printf '   %sFAIL%s: %s: %s\n' "$red" "$plain" "$1" "$2"
	failed=$((failed + 1))
}

logs() {
	local i
	for i in 1 2; do
		say "last lines of pilotd of node $i:"
		tail -n 15 "$work/pilotd$i.log" 2>/dev/null | quote
	done
}

summary() { # what to say if all is well
	local entry what figure mark
	printf '\n%s== Summary%s\n' "$bold" "$plain"
	for entry in "${results[@]}"; do
		IFS='|' read -r what figure mark <<<"$entry"
		printf '%s %-34s %s\n' "$mark" "$what" "$figure"
	done
	printf '\n'
	if [ $failed -eq 0 ]; then
		printf '%s%s%s, in %d s.\n' "$bold" "${1-Every step held}" "$plain" $SECONDS
	else
		printf '%s%d step(s) failed.%s\n' "$red" $failed "$plain"
	fi
}

give_up() {
	logs
	summary
	exit 1
}

cleanup() {
	local job ns
	for job in $(jobs -p); do
		kill -KILL "$job" 2>/dev/null
	done
	wait 2>/dev/null
	for ns in $n1 $n2 $r; do
		del_ns $ns
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

now() {
	date +%s.%N
}

since() { # seconds since $1
	awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'
}
