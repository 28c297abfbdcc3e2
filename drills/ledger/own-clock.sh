#!/bin/sh
# A command with a clock of its own: own-clock.sh FOLDER COMMAND. FOLDER/offset holds how far it is from the real one.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
library=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -1)
[ -n "$library" ] || { echo "libfaketime is not installed: run make setup, or apt-get install faketime" >&2; exit 1; }
echo "+0" >"$folder/offset"
# The monotonic clock is left alone, as when an operator or NTP sets the clock.
export LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$folder/offset" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    DONT_FAKE_MONOTONIC=1
exec "$2"
