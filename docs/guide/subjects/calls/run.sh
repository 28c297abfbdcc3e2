#!/bin/sh
# Runs a proxy in the foreground in front of BACKEND and OTHER (http://127.0.0.1:PORT/), with the file of this folder that has
# its name: run.sh NAME
set -eu
cd "$(dirname "$0")/../../../.."
port() {
    port=${1##*:}
    echo "${port%%/*}"
}
config=$(echo "docs/guide/subjects/calls/$1".*)
filled=$PWD/target/subjects/calls/${config##*/}
mkdir -p target/subjects/calls target/subjects/logs
sed "s/@BACKEND@/$(port "$BACKEND")/; s/@OTHER@/$(port "$OTHER")/; s|@ROOT@|$PWD|" "$config" >"$filled"
case $1 in
envoy*)
    exec "$(echo target/peers/apps/lib/python3*/site-packages/envoy/_bin/envoy)" -c "$filled" --concurrency 2 \
        --use-dynamic-base-id --log-level error ;;
nginx*) exec nginx -e stderr -p "$PWD/target/subjects/" -c "$filled" ;;
haproxy*) exec haproxy -f "$filled" -db ;;
caddy*) XDG_CONFIG_HOME=$PWD/target/subjects XDG_DATA_HOME=$PWD/target/subjects exec caddy run --adapter caddyfile --config "$filled" ;;
apache*) exec /usr/sbin/apache2 -f "$filled" -DFOREGROUND ;;
esac
