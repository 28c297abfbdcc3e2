#!/bin/sh
# Installs the services of part A (Debian 12, PyPI, npm), lays out their files in target/foreign, and starts a PostgreSQL of its own on port 18630.
set -eu
cd "$(dirname "$0")/../../../.."
W=$PWD/target/foreign
here=docs/guide/subjects/foreign
command -v npm >/dev/null || sh .ci/install nodejs npm
sh .ci/install python3 python3-venv postgresql radicale etcd-server prometheus-alertmanager
mkdir -p "$W/json-server" "$W/radicale" "$W/etcd" "$W/alertmanager"
[ -x "$W/python/bin/gunicorn" ] || {
    /usr/bin/python3 -m venv "$W/python"
    "$W/python/bin/pip" install --quiet --disable-pip-version-check flask==3.1.3 sqlalchemy==2.1.9 psycopg2-binary==2.9.13 \
        gunicorn==27.0.1 fastapi==0.165.0 uvicorn==0.54.0 httpx==0.28.1
}
[ -e "$W/node/node_modules/json-server" ] ||
    npm install --silent --no-audit --no-fund --prefix "$W/node" json-server@0.17.4 >/dev/null
cp "$here/json-server/db.json" "$W/json-server/db.json"
# A database of the orders: PostgreSQL refuses to run as root, so it runs as its own user, in a folder that this user can reach.
P=${FOREIGN_POSTGRES:-/tmp/foreign-postgres}
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
if [ ! -d "$P" ]; then
    install -d -o postgres -m 700 "$P"
    (cd / && su postgres -c "$bin/initdb -D $P/data --auth trust -U orders" >/dev/null)
fi
(cd / && su postgres -c "$bin/pg_ctl -D $P/data status" >/dev/null) ||
    (cd / && su postgres -c "$bin/pg_ctl -w -D $P/data -l $P/log -o '-p 18630 -k $P -h 127.0.0.1' start" >/dev/null)
(cd / && su postgres -c "psql -h 127.0.0.1 -p 18630 -U orders -d postgres -tc \"select 1 from pg_database where datname = 'orders'\"" | grep -q 1) ||
    (cd / && su postgres -c "createdb -h 127.0.0.1 -p 18630 -U orders orders")
# A calendar of tasks in Radicale, as its web page would make it.
tasks=$W/radicale/collections/collection-root/anyone/tasks
mkdir -p "$tasks"
echo '{"tag": "VCALENDAR", "D:displayname": "Tasks"}' >"$tasks/.Radicale.props"
