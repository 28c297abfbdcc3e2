#!/bin/sh
# Lays out target/foreign/telemetry: installs what the services of this folder need (Debian 12, PyPI, npm).
set -eu
cd "$(dirname "$0")/../../../.."
to=$PWD/target/foreign/telemetry
for package in caddy nodejs npm prometheus python3; do
    command -v "${package%js}" >/dev/null || apt-get install -y --no-install-recommends "$package"
done
mkdir -p "$to/node" "$to/caddy" "$to/prometheus"
cp docs/guide/subjects/telemetry/node/server.js "$to/node/"
[ -d "$to/node/node_modules/prom-client" ] || (cd "$to/node" && npm install express@5.3.0 prom-client@15.1.3)
[ -x "$to/python/bin/uvicorn" ] || {
    python3 -m venv "$to/python"
    "$to/python/bin/pip" install -q fastapi uvicorn httpx prometheus-fastapi-instrumentator opentelemetry-distro \
        opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-fastapi opentelemetry-instrumentation-httpx \
        opentelemetry-instrumentation-logging
}
