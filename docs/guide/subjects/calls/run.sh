#!/bin/sh
# Runs a proxy in the foreground in front of BACKEND and OTHER (http://127.0.0.1:PORT/), with the file of this folder that has
# its name: run.sh NAME. BACKEND can also be many,HOST:PORT,HOST:PORT,HOST:PORT or named,NAME,PORT,ADDRESS:PORT of a resolver.
set -eu
cd "$(dirname "$0")/../../../.."
port() {
    port=${1##*:}
    echo "${port%%/*}"
}
config=$(echo "docs/guide/subjects/calls/$1".*)
filled=$PWD/target/subjects/calls/${config##*/}
one=127.0.0.1:$(port "$BACKEND") two=127.0.0.1:$(port "$BACKEND") three=127.0.0.1:$(port "$BACKEND")
host=127.0.0.1 at=$(port "$BACKEND") resolver=127.0.0.1:53
IFS=, read -r how first second third <<END
$BACKEND
END
case $how in
many) one=$first two=$second three=$third ;;
named) host=$first at=$second resolver=$third ;;
esac
mkdir -p target/subjects/calls target/subjects/logs
sed "s/@BACKEND@/$(port "$BACKEND")/; s/@OTHER@/$(port "$OTHER")/; s|@ROOT@|$PWD|; s/@ONE@/$one/; s/@TWO@/$two/; s/@THREE@/$three/
    s/@HOST@/$host/; s/@PORT@/$at/; s/@RESOLVER@/$resolver/
    s/@ONE_PORT@/${one##*:}/; s/@ONE_HOST@/${one%:*}/; s/@TWO_PORT@/${two##*:}/; s/@TWO_HOST@/${two%:*}/
    s/@THREE_PORT@/${three##*:}/; s/@THREE_HOST@/${three%:*}/
    s/@RESOLVER_PORT@/${resolver##*:}/; s/@RESOLVER_HOST@/${resolver%:*}/" "$config" >"$filled"
case $1 in
envoy*)
    exec "$(echo target/peers/apps/lib/python3*/site-packages/envoy/_bin/envoy)" -c "$filled" --concurrency 2 \
        --use-dynamic-base-id --log-level error ;;
nginx*) exec nginx -e stderr -p "$PWD/target/subjects/" -c "$filled" ;;
haproxy*) exec haproxy -f "$filled" -db ;;
caddy*) XDG_CONFIG_HOME=$PWD/target/subjects XDG_DATA_HOME=$PWD/target/subjects exec caddy run --adapter caddyfile --config "$filled" ;;
apache*) exec /usr/sbin/apache2 -f "$filled" -DFOREGROUND ;;
esac
