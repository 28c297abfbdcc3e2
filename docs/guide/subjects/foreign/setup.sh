#!/bin/sh
# Lays out target/foreign: installs what the services of this folder need (Debian 12, npm, crates.io) and copies them there.
set -eu
cd "$(dirname "$0")/../../../.."
here=docs/guide/subjects/foreign
to=$PWD/target/foreign
for package in haproxy nats-server nodejs npm python3 redis-server webhook; do
    command -v "${package%js}" >/dev/null || apt-get install -y --no-install-recommends "$package"
done
mkdir -p "$to/express" "$to/fastify" "$to/axum" "$to/actix" "$to/actix-data"
cp $here/rates.py "$to/"
cp $here/express/server.js "$to/express/"
cp $here/fastify/server.js "$to/fastify/"
[ -d "$to/express/node_modules/express" ] || (cd "$to/express" && npm install express@5.3.0)
[ -d "$to/fastify/node_modules/fastify" ] || (cd "$to/fastify" && npm install fastify@5.12.8 redis@6.3.1)
for service in axum actix; do
    mkdir -p "$to/source/$service"
    cp -r $here/$service/Cargo.toml $here/$service/src "$to/source/$service/"
    CARGO_TARGET_DIR=$to/rust cargo build --release --manifest-path "$to/source/$service/Cargo.toml"
done
cp "$to/rust/release/prices" "$to/axum/"
cp "$to/rust/release/notes" "$to/actix/"
