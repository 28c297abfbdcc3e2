#!/bin/sh
# Runs httpbin in gunicorn with four workers, alone or behind HAProxy: run.sh gunicorn|haproxy-sheds|haproxy-queues
set -eu
cd "$(dirname "$0")/../../../.."
serve() {
    exec /usr/bin/python3 /usr/bin/gunicorn --workers 4 --bind "127.0.0.1:$1" --log-level error httpbin:app
}
case $1 in
gunicorn) serve 18623 ;;
haproxy-*)
    serve 18620 &
    gunicorn=$!
    haproxy -db -f "docs/guide/subjects/overload/$1.cfg" &
    haproxy=$!
    trap 'kill "$haproxy" "$gunicorn" 2>/dev/null; wait; exit 0' TERM INT
    wait "$haproxy"
    kill "$gunicorn"
    exit 1 ;;
esac
