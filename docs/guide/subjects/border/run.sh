#!/bin/sh
# Runs one of the servers: run.sh nginx|caddy|haproxy|axum|flask|express. The proxies stand in front of the shop of flask/shop.py, which
# ends with them.
set -eu
cd "$(dirname "$0")/../../../.."
here=docs/guide/subjects/border
shop() {
    exec /usr/bin/python3 /usr/bin/gunicorn --workers "$2" --bind "127.0.0.1:$1" --log-level error --chdir $here/flask shop:app
}
beside() {
    shop "$1" 4 &
    shop=$!
    shift
    "$@" &
    proxy=$!
    trap 'kill "$proxy" "$shop" 2>/dev/null; wait; exit 0' TERM INT
    wait "$proxy" || true
    kill "$shop" 2>/dev/null
    exit 1
}
mkdir -p target/subjects/logs
case $1 in
nginx) beside 18751 /usr/sbin/nginx -e stderr -p "$PWD/target/subjects/" -c "$PWD/$here/nginx.conf" ;;
caddy) beside 18752 env XDG_CONFIG_HOME="$PWD/target/subjects" XDG_DATA_HOME="$PWD/target/subjects" caddy run --config $here/Caddyfile --adapter caddyfile ;;
haproxy) beside 18753 /usr/sbin/haproxy -db -f $here/haproxy.cfg ;;
axum) PORT=18744 exec target/subjects/rust/release/shop ;;
flask) shop 18745 4 ;;
express) PORT=18746 NODE_PATH=/usr/share/nodejs NODE_ENV=production exec /usr/bin/node $here/express/server.js ;;
*) echo "run.sh: $1 is no server of this folder" >&2; exit 2 ;;
esac
