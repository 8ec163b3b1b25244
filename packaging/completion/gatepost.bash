# Completion for gatepost(1) and gatemap(1) in bash. Options come from the
# command's own --help, so that there is one list of them.

_gatepost_options() {
	"$@" --help 2>/dev/null |
		sed -n 's/^ \{2,6\}\(-.*\)/\1/p' |
		sed 's/  .*//' | grep -oE -- '--?[a-z][a-z-]*'
}

_gatepost_values() {
	case $1 in
	imap=*|pop3=*|submission=*|sieve=*|webmail=*|clients=*|all=*)
		echo "off trusted implicit tls cleartext inherit" ;;
	tls_min=*)	echo "1.0 1.1 1.2 1.3" ;;
	tls=*)		echo "none 1.0 1.1 1.2 1.3 unknown" ;;
	mode=*)		echo "enforce trial" ;;
	implicit=*|auth=*)	echo "yes no" ;;
	allow_nets=*)	echo "any" ;;
	*_nets=*)	echo "none" ;;
	until=*)	echo "12h 7d 30d 12w" ;;
	esac
}

_gatepost_attributes="imap= pop3= submission= sieve= webmail= clients= all=
	tls_min= allow_nets= trusted_nets= cleartext_nets=
	unauthenticated_nets= profile= same_as= message= help= note= mode=
	from= until= lock"
_gatepost_services="imap pop3 submission sieve webmail"
_gatepost_commands="explain impact refused list set unset edit history undo
	back kick check metrics diff"

# The words that may follow, one a line, for COMMAND, the word before, and the
# word at hand.
_gatepost_words() {
	case $2 in
	--service)	printf '%s\n' $_gatepost_services; return ;;
	--until)
		if [ "$1" = set ]; then
			printf '%s\n' 12h 7d 30d 12w
		fi
		return ;;
	--by|--only|--note|--profile|--expiring|--since|--at|--domain|\
	--policyd-user|--number)
		return ;;
	-n)	[ "$1" = kick ] || return ;;
	esac
	case $3 in
	-*)	_gatepost_options gatepost "$1"; return ;;
	*=*)	for word in $(_gatepost_values "$3"); do
			printf '%s\n' "${3%%=*}=$word"
		done
		return ;;
	esac
	case $1 in
	set)	printf '%s\n' $_gatepost_attributes ;;
	unset)	for word in $_gatepost_attributes; do
			printf '%s\n' "${word%=}"
		done ;;
	explain)
		printf '%s\n' $_gatepost_services client= peer= server= tls= \
			implicit= auth= sender= at= ;;
	esac
}

_gatepost() {
	local current=${COMP_WORDS[COMP_CWORD]} IFS=$' \t\n'
	local before=${COMP_WORDS[COMP_CWORD-1]} strip=
	# bash cuts words at "=".
	if [ "$current" = "=" ]; then
		current=$before=
		strip=$before=
	elif [ "$before" = "=" ] && [ "$COMP_CWORD" -ge 2 ]; then
		strip=${COMP_WORDS[COMP_CWORD-2]}=
		current=$strip$current
	fi
	if [ "$COMP_CWORD" -le 1 ]; then
		COMPREPLY=($(compgen -W "$_gatepost_commands --help --version" \
			-- "$current"))
		return
	fi
	case $before in
	-c|--config|-m|--map|-f|--file|--html|--dovecot-config|\
	--postfix-config|--module-dir)
		COMPREPLY=($(compgen -f -- "$current")); return ;;
	--policyd-user)
		COMPREPLY=($(compgen -u -- "$current")); return ;;
	esac
	COMPREPLY=($(compgen -W "$(_gatepost_words "${COMP_WORDS[1]}" \
		"$before" "$current")" -- "$current"))
	if [ -n "$strip" ]; then
		COMPREPLY=("${COMPREPLY[@]#"$strip"}")
	fi
	case ${COMPREPLY[0]-} in
	*=)	[ "${#COMPREPLY[@]}" -ne 1 ] ||
			compopt -o nospace 2>/dev/null ;;
	'')	case ${COMP_WORDS[1]} in
		diff|impact|refused|edit)
			COMPREPLY=($(compgen -f -- "$current")) ;;
		esac ;;
	esac
}

_gatemap() {
	local current=${COMP_WORDS[COMP_CWORD]} IFS=$' \t\n'
	case $current in
	-*)	COMPREPLY=($(compgen -W "$(_gatepost_options gatemap)" \
			-- "$current")) ;;
	*)	COMPREPLY=($(compgen -f -- "$current")) ;;
	esac
}

complete -F _gatepost gatepost
complete -F _gatemap gatemap
