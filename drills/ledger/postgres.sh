#!/bin/sh
# A private PostgreSQL in the foreground: postgres.sh PORT FOLDER. As root it runs as the user of Debian's package.
set -eu
port=$1
folder=$2
binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$binaries" ] || { echo "PostgreSQL is not installed: run make setup" >&2; exit 1; }
as_owner=
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ "$(id -u)" = 0 ]; then
    # The user of the package may not be allowed into the folder, so the data is where everybody is.
    folder=/tmp/keel-postgres-$(echo "$folder" | cksum | cut -d' ' -f1)
    mkdir -p "$folder"
    chown postgres "$folder"
    as_owner="setpriv --reuid=postgres --regid=postgres --clear-groups"
    cd /tmp
fi
if [ ! -e "$folder/made" ]; then
    rm -rf "$folder/data"
    $as_owner "$binaries/initdb" --no-sync --auth=trust --username=test --encoding=UTF8 --no-locale -D "$folder/data" >/dev/null
    echo "create database ledger" | $as_owner "$binaries/postgres" --single -D "$folder/data" postgres >/dev/null
    touch "$folder/made"
fi
# After a kill, the processes of before take a moment to see that they are alone; and recovery comes before the port opens, so
# that whoever can connect is served.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    # A process that has ended and that nobody has waited for yet would count as a server that runs.
    before=$(head -1 "$folder/data/postmaster.pid" 2>/dev/null || true)
    if [ -n "$before" ] && ! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$before/status" 2>/dev/null; then
        rm -f "$folder/data/postmaster.pid"
    fi
    if $as_owner "$binaries/postgres" --single -D "$folder/data" ledger </dev/null >/dev/null 2>&1; then
        exec $as_owner "$binaries/postgres" -D "$folder/data" -p "$port" -c unix_socket_directories= -c listen_addresses=127.0.0.1 \
            -c log_min_messages=fatal
    fi
    sleep 0.2
done
echo "PostgreSQL in $folder cannot be started: remove the folder to begin anew" >&2
exit 1
