#!/bin/sh
# Runs every fuzz target under libFuzzer with the sanitizers, one after the
# other, and keeps what it finds: usage: fuzz.sh SOURCE FOLDER SECONDS [TARGET].
# The build and the corpus are in FOLDER; it begins with the corpora of earlier
# hours, tests/fuzz/corpus. Ends with the first finding, which
# stands in FOLDER then; make it a seed when it is mended.
set -eu
source=$(cd "$1" && pwd)
folder=$2
seconds=$3
mkdir -p "$folder/build"
cd "$folder"
[ -f build/config.status ] || (cd build && CC=clang "$source/configure" \
	--enable-fuzzing --enable-sanitizers --disable-dovecot-plugin)
targets=${4-$(cd "$source/tests/fuzz" && echo fuzz-*.c | sed 's/\.c//g')}
make -C build libgatepost.la libpolicyd.la
for target in $targets; do
	name=${target#fuzz-}
	make -C build "tests/fuzz/$target"
	packed=$source/tests/fuzz/corpus/$name.tar.xz
	mkdir -p "corpus/$name"
	[ ! -f "$packed" ] || tar -C corpus -xJf "$packed"
	"build/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 \
		-print_final_stats=1 "corpus/$name" \
		"$source/tests/fuzz/seeds/$name"
done
