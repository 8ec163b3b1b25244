#!/bin/sh
# The law of the house holds for this tree, and the checker of it notices when
# it does not: each violation is planted in a small tree of its own.

set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
law=$top/tests/unit/house/law.sh
lab=$(mktemp -d "${TMPDIR:-/tmp}/test-house-XXXXXX") || exit 99
trap 'rm -rf "$lab"' EXIT
trap 'exit 99' HUP INT TERM
count=0

report() {
	count=$((count + 1))
	echo "$1 $count - $2"
}

# A tree that keeps the law.
plant_tree() {
	rm -rf "$lab/tree"
	mkdir -p "$lab/tree" && cd "$lab/tree" || exit 99
	mkdir -p shared/base shared/net shared/rules shared/map \
		shared/settings shared/tools postfix-policyd dovecot-plugin \
		tests/unit tests/bench packaging build
	touch README NEWS LICENSE bootstrap configure.ac Makefile.am
	echo '#include <stdio.h>' >shared/base/text.h
	echo '#include "shared/base/text.h"' >shared/net/netset.h
	printf '%s\n' '#include <lmdb.h>' '#include "shared/net/netset.h"' \
		>shared/map/reader.c
	echo '#include "shared/map/reader.h"' >postfix-policyd/policy.c
	printf '%s\n' '#ifndef GP_API_H' '#ifdef HAVE_NEW' '#include "lib.h"' \
		>dovecot-plugin/dovecot-api.h
	printf '%s\n' '#ifndef GP_FACTS_H' '#define GP_FACTS_H' \
		>dovecot-plugin/facts.h
	echo '#include "dovecot-plugin/dovecot-api.h"' >dovecot-plugin/auth.c
	echo '#include "postfix-policyd/policy.h"' >tests/unit/test-policy.c
	echo '#include <lmdb.h>' >tests/bench/bare.c
}

# must_find NAME FILE TEXT: a line of TEXT in FILE is a violation there.
must_find() {
	plant_tree
	mkdir -p "$(dirname "$2")"
	printf '%s\n' "$3" >>"$2"
	if found=$(sh "$law" "$lab/tree"); then
		report "not ok" "$1"
		echo "# the law was broken in $2, and nothing was said"
	else
		case $found in
		"$2:"*|"${2%%/*}:1: does not"*) report ok "$1" ;;
		*) report "not ok" "$1"; echo "# $found" ;;
		esac
	fi
}

if found=$(sh "$law" "$top"); then
	report ok "the law holds"
else
	report "not ok" "the law holds"
	echo "$found" | sed 's/^/# /'
fi

plant_tree
if found=$(sh "$law" "$lab/tree"); then
	report ok "a lawful tree is lawful"
else
	report "not ok" "a lawful tree is lawful"
	echo "$found" | sed 's/^/# /'
fi

must_find "an include without its folder" \
	shared/net/netset.c '#include "netset.h"'
must_find "an include without its folder, in the plugin" \
	dovecot-plugin/auth.c '#include "facts.h"'
must_find "an include of the folder above" \
	shared/net/netset.c '#include "../base/text.h"'
must_find "a way around through the folder above" \
	shared/net/netset.c '#include "shared/net/../map/reader.h"'
must_find "net includes rules" \
	shared/net/netset.c '#include "shared/rules/line.h"'
must_find "base includes net" \
	shared/base/text.c '  #  include "shared/net/netset.h"'
must_find "rules include map" \
	shared/rules/line.c '#include "shared/map/reader.h"'
must_find "map includes settings" \
	shared/map/reader.c '#include "shared/settings/settings.h"'
must_find "settings include tools" \
	shared/settings/conf.c '#include "shared/tools/gatepost.h"'
must_find "shared includes a door" \
	shared/tools/gatepost.c '#include "postfix-policyd/policy.h"'
must_find "the Postfix door includes the Dovecot door" \
	postfix-policyd/policy.c '#include "dovecot-plugin/facts.h"'
must_find "the Dovecot door includes the Postfix door" \
	dovecot-plugin/auth.c '#include "postfix-policyd/policy.h"'
must_find "code includes a test" \
	postfix-policyd/policy.c '#include "tests/unit/cmocka-all.h"'
must_find "lmdb.h in the rules" \
	shared/rules/line.c '#include <lmdb.h>'
must_find "lmdb.h in a door" \
	postfix-policyd/policy.c '#include "lmdb.h"'
must_find "lmdb.h in a unit test" \
	tests/unit/test-policy.c '#include <lmdb.h>'
must_find "a header of Dovecot in shared" \
	shared/tools/gatepost.c '#include "lib.h"'
must_find "a header of Dovecot in the Postfix door" \
	postfix-policyd/policy.c '#include <dovecot/lib.h>'
must_find "our configuration in a plugin" \
	dovecot-plugin/auth.c '#include "gatepost-config.h"'
must_find "a version in the plugin" \
	dovecot-plugin/auth.c '#ifdef DOVECOT_PREREQ'
must_find "a version in a header of the plugin" \
	dovecot-plugin/facts.h '#if DOVECOT_VERSION_MAJOR > 2'
must_find "a new folder in shared" \
	shared/helpers/string.c '#include <stdio.h>'
must_find "a file called util" \
	shared/base/util.c '#include <stdio.h>'
must_find "a new folder at the top" \
	docs/index 'text'
must_find "a source at the top" \
	main.c '#include <stdio.h>'

# In a checkout the names are git's.
plant_tree
if git init -q . 2>/dev/null; then
	touch stray untracked
	git add -A . && git rm -q --cached untracked
	found=$(sh "$law" "$lab/tree")
	if [ "$found" = "stray:1: does not belong at the top" ]; then
		report ok "a tracked file at the top"
	else
		report "not ok" "a tracked file at the top"
		echo "# $found"
	fi
else
	report ok "a tracked file at the top # SKIP no git here"
fi

echo "1..$count"
