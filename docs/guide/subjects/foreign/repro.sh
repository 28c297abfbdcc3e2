#!/bin/sh
# Runs the script of each finding that falls short in target/foreign/reports/NAME.json:   repro.sh NAME [ID ...]
# A script that ends with 1 shows the fault. What each printed is left in target/foreign/repro/NAME.
cd "$(dirname "$0")/../../../.." || exit 1
name=$1
report=target/foreign/reports/$name.json
to=target/foreign/repro/$name
mkdir -p "$to"
shift
for id in ${*:-$(python3 -c 'import json,sys; print(*[f["id"] for f in json.load(open(sys.argv[1]))["findings"] if f["verdict"] == "falls_short"])' "$report")}; do
    if ${KEEL:-target/debug/keel} repro "$id" --report "$report" > "$to/$id.py" 2> "$to/$id.err"; then
        timeout 300 python3 "$to/$id.py" > "$to/$id.out" 2>&1
        echo "$name $id: exit $?, $(tail -n 1 "$to/$id.out" | cut -c 1-150)"
    else
        echo "$name $id: no script, $(head -n 1 "$to/$id.err" | cut -c 1-200)"
    fi
done
