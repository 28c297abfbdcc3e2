#!/bin/sh
# Examines prove.attack at nginx with the connections that it comes with, and with room for more. See ../../subjects.md, section
# Attacks. Reports go to target/subjects.
set -u
cd "$(dirname "$0")/../../../.."
sh .ci/install nginx-light
sh docs/guide/subjects/setup.sh
out=$PWD/target/subjects
for name in nginx:18521 nginx-roomy:18523; do
    conf=docs/guide/subjects/attack/${name%%:*}.conf
    target/debug/keel check --only prove.attack --stateless --no-dependencies --url "http://127.0.0.1:${name##*:}" \
        --run "nginx -e stderr -p $out/ -c $PWD/$conf" --json "$out/prove-attack-${name%%:*}.json" --output "$out/prove-attack-${name%%:*}.txt"
    echo "${name%%:*}: exit code $?"
done
