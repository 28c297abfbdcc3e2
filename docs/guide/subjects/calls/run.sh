#!/bin/sh
# Runs a proxy in the foreground in front of UPSTREAM (http://127.0.0.1:PORT/): run.sh envoy-retry|envoy-breaker|nginx|nginx-bare
set -eu
cd "$(dirname "$0")/../../../.."
port=${UPSTREAM##*:}
port=${port%%/*}
mkdir -p target/subjects/logs
case $1 in
envoy-*)
    sed "s/@PORT@/$port/" "docs/guide/subjects/calls/$1.yaml" >"target/subjects/$1.yaml"
    exec "$(echo target/peers/python/lib/python3*/site-packages/envoy/_bin/envoy)" -c "target/subjects/$1.yaml" --concurrency 2 \
        --use-dynamic-base-id --log-level error ;;
nginx*)
    sed "s/@PORT@/$port/" "docs/guide/subjects/calls/$1.conf" >"target/subjects/calls-$1.conf"
    exec nginx -e stderr -p "$PWD/target/subjects/" -c "$PWD/target/subjects/calls-$1.conf" ;;
esac
