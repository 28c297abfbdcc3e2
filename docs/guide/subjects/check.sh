#!/bin/sh
# Examines nginx, Caddy and Python's server of files, and compares the verdicts with the table in ../subjects.md.
set -u
cd "$(dirname "$0")/../../.."
sh docs/guide/subjects/setup.sh
out=target/subjects
check() {
    name=$1 port=$2 run=$3
    rm -f "$out/$name.json"
    target/debug/keel check --stateless --no-dependencies --url "http://127.0.0.1:$port" --run "$run" \
        --json "$out/$name.json" --output "$out/$name.txt"
    echo "$name: exit code $?"
}
check nginx 18501 "nginx -e stderr -p $PWD/$out/ -c $PWD/docs/guide/subjects/nginx.conf"
check caddy 18502 "caddy file-server --root $out/site --listen 127.0.0.1:18502"
check http.server 18503 "/usr/bin/python3 -m http.server 18503 --bind 127.0.0.1 --directory $out/site"
exec /usr/bin/python3 docs/guide/subjects/compare.py docs/guide/subjects.md "$out" "What was found"
