#!/bin/sh
# Attacks nginx, Caddy, HAProxy and the ledger, one after the other, with all attacks, and orders.py with those that need an
# effect; reports go to target/subjects. Writes the tables of the section Attacks in ../subjects.md
# and says where a verdict was another one.
# `sh attack.sh caddy --only idle` attacks one of them with what is named.
set -eu
cd "$(dirname "$0")/../../.."
sh .ci/install nginx-light caddy haproxy gunicorn python3-flask curl
sh docs/guide/subjects/setup.sh
cargo build --quiet -p keel-prover -p ledger -p rail
here=docs/guide/subjects/attack out=target/subjects
/usr/bin/python3 -c "print('a line of nineteen.\n' * 1000, end='')" >$out/site/big.txt

started=""
# A program that ends with this script.
start() {
    "$@" >>"$out/logs/attack-servers.log" 2>&1 &
    started="$started $!"
}
stop() {
    [ -z "$started" ] || kill $started 2>/dev/null || true
    wait
    started=""
}
trap stop EXIT
trap 'exit 130' INT TERM
answers() {
    for _ in $(seq 100); do
        curl -s -o /dev/null "http://127.0.0.1:$1/$2" && return
        sleep 0.1
    done
    echo "nothing answers at port $1: see $out/logs/attack-servers.log" >&2
    exit 1
}
upstream() {
    start gunicorn --log-level warning --worker-class gthread --workers 2 --threads 32 --bind 127.0.0.1:18520 --chdir $here upstream:app
    answers 18520 ''
}
nginx_files() {
    start nginx -e stderr -p "$PWD/$out/" -c "$PWD/$here/nginx.conf"
    answers 18521 big.txt
}
attack() {
    name=$1
    shift
    code=0
    uptime
    rm -f "$out/attack-$name.json"
    target/debug/keel attack --json "$out/attack-$name.json" "$@" >"$out/attack-$name.txt" || code=$?
    stop
    echo "$name: exit code $code, $(tail -1 "$out/attack-$name.txt")"
}

only=${1:-all}
[ $# = 0 ] || shift
body='--body /echo --login /login'
password='{"password":"{password}"}'
for name in nginx caddy haproxy ledger orders; do
    [ "$only" = all ] || [ "$only" = $name ] || continue
    case $name in
    nginx)
        upstream
        nginx_files
        attack nginx --url http://127.0.0.1:18521/big.txt --h2-port 18522 $body --login-body "$password" "$@"
        ;;
    caddy)
        upstream
        start env XDG_CONFIG_HOME="$PWD/$out" XDG_DATA_HOME="$PWD/$out" caddy run --config $here/Caddyfile --adapter caddyfile
        answers 18523 big.txt
        attack caddy --url http://127.0.0.1:18523/big.txt $body --login-body "$password" "$@"
        ;;
    haproxy)
        upstream
        nginx_files
        start haproxy -db -f $here/haproxy.cfg
        answers 18524 big.txt
        attack haproxy --url http://127.0.0.1:18524/big.txt $body --login-body "$password" "$@"
        ;;
    ledger) attack ledger --config keel.toml "$@" ;;
    orders)
        sh .ci/peers app:asgi-idempotency-header==0.2.0 app:fastapi==0.165.0 app:redis==8.1.0 app:uvicorn==0.54.0
        attack orders --config $here/orders.toml --only cross-site,key-replay,key-race,id-enumeration "$@"
        ;;
    esac
done
[ "$only" != all ] || /usr/bin/python3 $here/table.py docs/guide/subjects.md $out
