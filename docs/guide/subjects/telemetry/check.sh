#!/bin/sh
# Examines the services of docs/guide/foreign-telemetry.md:   check.sh [NAME ...]   Reports are left in target/foreign/reports.
set -u
cd "$(dirname "$0")/../../../.."
sh docs/guide/subjects/telemetry/setup.sh || exit 1
mkdir -p target/foreign/reports
for name in ${*:-fastapi node caddy prometheus}; do
    ${KEEL:-target/debug/keel} check --config "docs/guide/subjects/telemetry/$name/keel.toml" --only "${ONLY:-see.*}" \
        --json "target/foreign/reports/telemetry-$name.json" --output "target/foreign/reports/telemetry-$name.txt"
    echo "$name: exit code $?"
done
