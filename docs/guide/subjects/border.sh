#!/bin/sh
# Examines nginx, Caddy, HAProxy, axum, Flask under gunicorn and Express with the probes of overload and of connections, and compares the
# verdicts with the table of ../border-peers.md. Reports go to target/subjects/border.   border.sh [NAME ...]   (ONLY=border.limits for some)
set -u
cd "$(dirname "$0")/../../.."
sh .ci/install nginx-light caddy haproxy gunicorn python3-flask nodejs node-express
out=target/subjects
mkdir -p "$out/logs" "$out/source" "$out/border"
cp -r docs/guide/subjects/border/axum "$out/source/"
CARGO_TARGET_DIR=$PWD/$out/rust cargo build --quiet --release --manifest-path "$out/source/axum/Cargo.toml" || exit 1
only=${ONLY:-border.shed,border.criticality,border.backpressure,border.limits,border.slow-clients,border.connections,border.deadline,border.bulkhead,border.problem}
names=${*:-nginx caddy haproxy axum flask express}
for name in $names; do
    rm -f "$out/border/$name.json"
    ${KEEL:-target/debug/keel} check --config "docs/guide/subjects/border/$name.toml" --only "$only" --json "$out/border/$name.json" --output "$out/border/$name.txt"
    echo "$name: exit code $?"
done
# shellcheck disable=SC2086
exec /usr/bin/python3 docs/guide/subjects/compare.py docs/guide/border-peers.md "$out/border" "Verdicts of keel" $names
