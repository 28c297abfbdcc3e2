#!/bin/sh
# Runs one of the services of ../load.sh in the foreground; what it writes is below target/subjects.
#   run.sh nginx|haproxy|envoy|apache|caddy|django|pushgateway | run.sh varnish SIZE | run.sh httpbin PORT [OPTION...]
set -eu
cd "$(dirname "$0")/../../../.."
here=docs/guide/subjects/load
out=$PWD/target/subjects
python=target/peers/apps/bin/python
mkdir -p "$out/logs"
nginx_of_ours() {
    # On their own, so that a run begins with an empty cache. nginx's workers are nobody in particular.
    # Many files go slowly on a busy disk, so they are out of the way first.
    mkdir -p "$out/cache" "$out/old"
    mv "$out/cache" "$out/old/$$"
    rm -rf "$out/old" &
    rm -rf "$out/dav"
    mkdir -p "$out/cache/endless" "$out/cache/bounded" "$out/dav"
    chmod 777 "$out/cache" "$out/cache"/* "$out/dav"
    echo "operator:$(openssl passwd -apr1 known)" >"$out/dav.htpasswd"
    [ -e "$out/site/page.bin" ] || head -c 20000 /dev/urandom >"$out/site/page.bin"
    cp "$here/nginx.conf" "$out/load-nginx.conf"
    exec nginx -e stderr -p "$out/" -c "$out/load-nginx.conf"
}
case $1 in
nginx) nginx_of_ours ;;
haproxy) exec haproxy -db -f "$here/haproxy.cfg" ;;
envoy)
    exec "$(echo target/peers/apps/lib/python3*/site-packages/envoy/_bin/envoy)" -c "$here/envoy.yaml" --concurrency 2 \
        --use-dynamic-base-id --log-level error ;;
apache)
    "$python" -m gunicorn --bind 127.0.0.1:18749 --workers 1 --threads 8 --log-level warning httpbin:app &
    FOLDER=$out exec apache2 -f "$PWD/$here/apache.conf" -DFOREGROUND ;;
caddy) exec caddy run --config "$here/Caddyfile" --adapter caddyfile ;;
django) exec /usr/bin/python3 "$here/django_admin.py" "$out/django" 18761 ;;
varnish)
    (nginx_of_ours) &
    exec varnishd -F -f "$PWD/$here/varnish.vcl" -a 127.0.0.1:18771 -n "$out/varnish" -s "$2" -t 604800 ;;
pushgateway)
    rm -f "$out/pushgateway.data"
    exec prometheus-pushgateway --web.listen-address=127.0.0.1:18781 --persistence.file="$out/pushgateway.data" \
        --push.disable-consistency-check --log.level=warn ;;
httpbin)
    port=$2
    shift 2
    exec "$python" -m gunicorn --bind "127.0.0.1:$port" --log-level warning "$@" httpbin:app ;;
esac
