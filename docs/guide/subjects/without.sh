#!/bin/sh
# Examines the ledger once whole, and once without each guard of its calls (`WITHOUT=call.retry`): the probe that held must fall short
# then. Compares the verdicts with the table of the section "The ledger without a guard" in ../subjects.md; reports go to
# target/subjects/without.  without.sh [ATTRIBUTE ...]
set -u
cd "$(dirname "$0")/../../.."
cargo build --quiet -p keel-prover -p rail && cargo build --quiet -p ledger --features without-guards || exit 1
out=target/subjects/without page=docs/guide/subjects.md section="The ledger without a guard"
mkdir -p "$out"
attributes() {
    awk -F'|' -v section="## $section" '
        /^## / { inside = $0 == section }
        inside && $2 ~ /^ `without-/ { gsub(/ /, "", $3); print $3 }' "$page"
}
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(attributes)
[ $# -gt 0 ] || { echo "without.sh: the section \"$section\" of $page names no attribute" >&2; exit 2; }
names=""
for attribute in "$@"; do
    for name in "whole-$attribute" "without-$attribute"; do
        names="$names $name"
        without=""
        [ "$name" = "whole-$attribute" ] || without=$attribute
        rm -f "$out/$name.json"
        WITHOUT=$without target/debug/keel check --config keel.toml --only "$attribute" \
            --json "$out/$name.json" --output "$out/$name.txt"
        echo "$name: exit code $?"
    done
done
# shellcheck disable=SC2086
exec /usr/bin/python3 docs/guide/subjects/compare.py "$page" "$out" "$section" $names
