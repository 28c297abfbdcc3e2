#!/bin/sh
# Installs the services of zero/services (Debian 12, PyPI, npm) and lays out what they serve in target/zero.
set -eu
cd "$(dirname "$0")/../../../.."
here=docs/guide/subjects/zero
command -v npm >/dev/null || sh .ci/install nodejs npm
W=$PWD/target/zero
sh .ci/install python3 python3-venv nginx-light caddy apache2-bin lighttpd busybox webfs mini-httpd h2o \
    prometheus-pushgateway ruby ruby-webrick
mkdir -p "$W/site/docs" "$W/logs"
[ -e "$W/site/large.bin" ] || head -c 4000000 /dev/urandom >"$W/site/large.bin"
cp docs/guide/subjects/site/index.html "$W/site/docs/index.html"
echo '<!doctype html><title>Site</title><a href="large.bin">large.bin</a> <a href="docs/">docs</a>' >"$W/site/index.html"
for file in nginx.conf apache.conf lighttpd.conf h2o.conf; do
    sed "s#@W@#$W#g" "$here/$file" >"$W/$file"
done
cp "$here/app.py" "$here/server.js" "$W/"
chmod -R a+rX "$W"
[ -x "$W/python/bin/gunicorn" ] || {
    /usr/bin/python3 -m venv "$W/python"
    "$W/python/bin/pip" install --quiet --disable-pip-version-check flask==3.1.2 gunicorn==23.0.0
}
[ -e "$W/node/node_modules/http-server" ] ||
    npm install --silent --no-audit --no-fund --prefix "$W/node" http-server@14.1.1 >/dev/null
