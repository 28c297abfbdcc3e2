#!/bin/sh
# Examines the services of docs/guide/foreign-b.md:   check-b.sh [NAME ...]   (ONLY=life.*,border.limits for some attributes)
# Reports are left in target/foreign/reports.
set -u
cd "$(dirname "$0")/../../../.."
sh docs/guide/subjects/foreign/setup.sh || exit 1
mkdir -p target/foreign/reports
for name in ${*:-express fastify axum actix nats webhook haproxy}; do
    ${KEEL:-target/debug/keel} check --config "docs/guide/subjects/foreign/$name/keel.toml" ${ONLY:+--only "$ONLY"} \
        --json "target/foreign/reports/$name.json" --output "target/foreign/reports/$name.txt"
    echo "$name: exit code $?"
done
