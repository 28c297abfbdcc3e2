#!/bin/sh
# A command on a small volume of its own: small-disk.sh FOLDER SIZE COMMAND. The volume ends with it.
set -eu
mkdir -p "$1"
exec unshare --mount --propagation private sh -c '
    mount -t tmpfs -o size="$2",mode=1777 keel "$1" || { echo "mounting a volume needs root" >&2; exit 1; }
    echo $$ >"$1.pid"
    exec "$3"' small-disk "$@"
