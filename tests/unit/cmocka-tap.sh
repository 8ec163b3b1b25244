#!/bin/sh
# Runs a test program. cmocka says "not ok" of a case that was skipped, which
# makes it a failure for whoever reads the log.

said=$("$@")
status=$?
printf '%s\n' "$said" | sed 's/^not ok \([0-9]* # SKIP\)/ok \1/'
exit $status
