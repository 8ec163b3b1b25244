#!/bin/sh
# The law of the house, for the tree at ROOT: what may include what, where
# Dovecot's and LMDB's headers may be seen, what stands at the top. Prints each
# violation as FILE:LINE: TEXT and exits 1 when there is any.

set -eu
LC_ALL=C
export LC_ALL
root=${1:?usage: law.sh ROOT}
cd "$root"

sources() {
	for folder in shared postfix-policyd dovecot-plugin tests; do
		[ ! -d "$folder" ] || find "$folder" -name '*.[ch]' -type f
	done | sort
}

# Includes and conditionals, file by file. A file of tests is bound by the names
# of folders only, not by the order among them; tests/bench measures bare LMDB.
check_sources() {
	sources | while read -r file; do
		awk -v path="$file" '
		function complain(text) {
			printf "%s:%d: %s\n", path, NR, text
		}
		function door(file) {
			return substr(file, 1, index(file, "/"))
		}
		function shared_rank(file, part) {
			split(file, part, "/")
			return rank[part[2]]
		}
		function check_order(to) {
			if (to ~ /^tests\//)
				complain("only tests include " to)
			else if (to ~ /^shared\//) {
				if (path ~ /^shared\// &&
				    shared_rank(to) > shared_rank(path))
					complain("stands above " to)
			} else if (path ~ /^shared\//)
				complain("shared includes no door: " to)
			else if (door(to) != door(path))
				complain("the doors are apart: " to)
		}
		function check_quoted(to, ignored) {
			if (to ~ /^(shared|postfix-policyd|dovecot-plugin|tests)\//) {
				if (to ~ /\/\.\.?\//)
					complain("leaves its folder: " to)
				if (path !~ /^tests\//)
					check_order(to)
			} else if (to == "gatepost-config.h") {
				if (path ~ /^dovecot-plugin\//)
					complain(to " is not for plugins")
			} else if (path !~ /^dovecot-plugin\//)
				complain("names no folder of the house: " to)
			else if ((getline ignored < ("dovecot-plugin/" to)) >= 0)
				complain("names no folder: " to)
		}
		BEGIN {
			count = split("base net rules map settings tools",
				      order, " ")
			for (i = 1; i <= count; i++)
				rank[order[i]] = i
			if (path ~ /^shared\// && !shared_rank(path)) {
				NR = 1
				complain("no folder of shared")
			}
			if (path ~ /(^|\/)util[^\/]*$/) {
				NR = 1
				complain("no file is called util")
			}
		}
		/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
			to = $0
			sub(/^[^<"]*[<"]/, "", to)
			sub(/[>"].*/, "", to)
			if (to ~ /(^|\/)lmdb\.h$/) {
				if (path !~ /^(shared\/map|tests\/bench)\//)
					complain("only shared/map sees lmdb.h")
			} else if ($0 ~ /"/)
				check_quoted(to)
			else if (to ~ /^dovecot\// &&
				 path !~ /^dovecot-plugin\//)
				complain("only dovecot-plugin sees " to)
		}
		/^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)[^a-z]/ {
			if (path ~ /^dovecot-plugin\// &&
			    path != "dovecot-plugin/dovecot-api.h" &&
			    $0 !~ /^#ifndef GP_[A-Z0-9_]+_H$/)
				complain("only dovecot-api.h knows versions")
		}' "$file"
	done
}

# What stands at the top. Without git (an unpacked tarball) what configure and
# make put there is overlooked, but no folder and no source is.
top_names() {
	if [ -e .git ] && git ls-files >/dev/null 2>&1; then
		git ls-files | sed 's|/.*||' | sort -u
	else
		for name in *; do
			case $name in
			build*|_build|_inst|autom4te.cache) ;;
			*.c|*.h.in|*.py|*.sh|*.md|*.txt) echo "$name" ;;
			gatepost-config.h) ;;
			*.h) echo "$name" ;;
			*) [ ! -d "$name" ] || echo "$name" ;;
			esac
		done | grep -v '^gatepost-config\.h\.in$' || :
	fi
}

check_top() {
	top_names | while read -r name; do
		case $name in
		dovecot-plugin|postfix-policyd|shared|tests|packaging) ;;
		configure.ac|Makefile.am|README|bootstrap|LICENSE|NEWS) ;;
		.*) ;;
		*) echo "$name:1: does not belong at the top" ;;
		esac
	done
}

violations=$(check_sources; check_top)
[ -n "$violations" ] || exit 0
printf '%s\n' "$violations"
exit 1
