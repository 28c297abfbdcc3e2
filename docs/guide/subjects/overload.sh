#!/bin/sh
# Offers httpbin, alone and behind HAProxy, more than it can do, and compares the verdicts with the table of section "Overload" in
# ../subjects.md. Reports go to target/subjects.
set -u
cd "$(dirname "$0")/../../.."
sh .ci/install gunicorn haproxy python3-httpbin
out=target/subjects
mkdir -p "$out"
for name in haproxy-sheds haproxy-queues gunicorn; do
    rm -f "$out/$name.json"
    target/debug/keel check --config "docs/guide/subjects/overload/$name.toml" --only border.shed --only border.backpressure \
        --only prove.stress --json "$out/$name.json" --output "$out/$name.txt"
    echo "$name: exit code $?"
done
exec /usr/bin/python3 docs/guide/subjects/compare.py docs/guide/subjects.md "$out" Overload
