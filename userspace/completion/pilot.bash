# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion of pilot(8) for bash.

# compgen expands words: a name that it would take for a command is left out.
_pilot_devices() {
	ip -o link show type pilot 2>/dev/null | sed -n -E 's/^[0-9]+: ([[:alnum:]_.-]+)[:@].*/\1/p'
}

# Needs CAP_NET_ADMIN, as pilot does; without it there are none.
_pilot_nodes() { # device
	pilot show "$1" dump 2>/dev/null | awk -F '\t' '$1 == "peer" { print $2 }'
}

# Keywords that were not given yet, or the values of the last one.
_pilot_pairs() { # number of words before the pairs, keyword...
	local first=$1 i word words=
	shift
	if (((${#args[@]} - first) % 2)); then
		case ${args[-1]} in
		unauth|on-demand) words='on off' ;;
		fwmark|beacon|endpoint|keepalive|aged-drop) words=off ;;
		path) words='direct relay auto' ;;
		replay-window) words='64 128 256 512 1024 2048 4096 8192' ;;
		esac
	else
		for word; do
			for ((i = first; i < ${#args[@]}; i += 2)); do
				[ "${args[i]}" != "$word" ] || continue 2
			done
			words+="$word "
		done
	fi
	echo "$words"
}

_pilot() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='show set peer key rekey identity monitor ping top help'
	local args=() options= words= files= command= i

	COMPREPLY=()
	# --color=WHEN comes in three words, "=" one of them.
	if [ "$prev $cur" = '--color =' ] || [ "${COMP_WORDS[COMP_CWORD - 2]} $prev" = '--color =' ]; then
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "${cur#=}")
		return
	fi
	# Words that are no options, nor values of those.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case $command:${COMP_WORDS[i]} in
		ping:-[cisW]|top:-[dns]|*:=) ((i++)) ;;
		*:-*) ;;
		:*) command=${COMP_WORDS[i]} ;;
		*) args+=("${COMP_WORDS[i]}") ;;
		esac
	done

	case $command:$prev in
	top:-s)
		mapfile -t COMPREPLY < <(compgen -W 'node state rx rx-packets tx tx-packets drops key heard' -- "$cur")
		return ;;
	ping:-[cisW]|top:-[dn])
		return ;;
	esac

	case $command in
	'')
		words=$commands options='--json --brief --prometheus --version' ;;
	help)
		[ ${#args[@]} != 0 ] || words=$commands ;;
	show)
		case ${#args[@]} in
		0) words=$(_pilot_devices) ;;
		1) words=dump ;;
		esac
		options='-b --brief -j --json --prometheus' ;;
	set)
		case ${#args[@]} in
		0) words=$(_pilot_devices) ;;
		*) words=$(_pilot_pairs 1 node-id network listen-port fwmark beacon replay-window \
			unauth on-demand max-peers decrypt-fail-threshold decrypt-fail-grace \
			outside-window-threshold outside-window-grace replay-threshold \
			replay-grace aged-drop rekey-after) ;;
		esac ;;
	peer)
		case ${#args[@]}:${args[0]-} in
		0:) words='add set del' ;;
		1:*) words=$(_pilot_devices) ;;
		2:set|2:del) words=$(_pilot_nodes "${args[1]}") ;;
		2:*|*:del) ;;
		*) words=$(_pilot_pairs 3 endpoint path allowed-ips keepalive) ;;
		esac ;;
	key)
		case ${#args[@]}:${args[0]-} in
		0:) words='set del show new' ;;
		*:new) ;;
		1:*) words=$(_pilot_devices) ;;
		2:*) words=$(_pilot_nodes "${args[1]}") ;;
		3:set) files=1 ;;
		3:del) words=id ;;
		*:set) [ "$prev" = id ] || words='id authenticated' ;;
		esac
		[ "${args[0]-}" = del ] || options='-j --json' ;;
	rekey|ping)
		case ${#args[@]} in
		0) words=$(_pilot_devices) ;;
		1) words=$(_pilot_nodes "${args[0]}") ;;
		esac
		[ "$command" = rekey ] || options='-c -i -s -W -q -j --json' ;;
	identity)
		case ${#args[@]} in
		0) words='new show' ;;
		1) files=1 ;;
		esac
		options='-j --json' ;;
	monitor)
		[ ${#args[@]} != 0 ] || words=$(_pilot_devices)
		options='-j --json' ;;
	top)
		[ ${#args[@]} != 0 ] || words=$(_pilot_devices)
		options='-b -d -n -s -r -j --json' ;;
	esac

	if [ -n "$files" ] && [[ $cur != -* ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	[[ $cur != -* ]] || words="$options --help --color="
	[[ $cur != --c* ]] || compopt -o nospace 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _pilot pilot
