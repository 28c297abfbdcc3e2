#!/bin/sh
# Examines the services of zero/services with only --run and --url:   zero.sh [NAME ...]
# ONLY=life.drain,see.logs examines these attributes. Reports are left in target/zero/reports.
set -u
cd "$(dirname "$0")/../../.."
sh docs/guide/subjects/zero/setup.sh || exit 1
W=$PWD/target/zero
mkdir -p "$W/reports"
grep -v '^#' docs/guide/subjects/zero/services | while IFS='|' read -r name port command; do
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    command=$(echo "$command" | sed "s#\$W#$W#g")
    # shellcheck disable=SC2086
    ${KEEL:-target/debug/keel} check ${ONLY:+--only $ONLY} --url "http://127.0.0.1:$port" --run "$command" \
        --json "$W/reports/$name.json" --output "$W/reports/$name.txt" </dev/null
    echo "$name: exit code $?"
done
