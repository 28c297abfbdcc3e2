#!/bin/sh
# The tests of a crate that expects Toxiproxy at port 8474, in a network namespace of their own.
#   own-tests.sh KEEL MANIFEST TARGET
set -u
# In a new namespace it is down.
ip link set lo up 2>/dev/null
said=$(mktemp -d)
trap 'kill "$server"; rm -rf "$said"' EXIT
mkfifo "$said/line"
"$1" proxy >"$said/line" &
server=$!
# It serves when it has said so.
read -r line <"$said/line"
echo "$line"
cargo test --offline --quiet --manifest-path "$2" --target-dir "$3" -- --test-threads=1
