#!/bin/sh
# Overloads httpbin alone and behind HAProxy; reports go to target/subjects. See ../subjects.md.
set -u
cd "$(dirname "$0")/../../.."
sh .ci/install gunicorn haproxy python3-httpbin
mkdir -p target/subjects
for name in haproxy-sheds haproxy-queues gunicorn; do
    target/debug/keel check --config "docs/guide/subjects/overload/$name.toml" --only border.shed --only border.backpressure \
        --only prove.stress --output "target/subjects/overload-$name.txt"
    echo "$name: exit code $?"
done
