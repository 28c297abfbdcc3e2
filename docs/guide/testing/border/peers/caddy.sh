#!/bin/sh
# Caddy with one page and nothing else configured.
set -eu
folder=$(mktemp -d)
cat >"$folder/Caddyfile" <<END
{
    admin off
    auto_https off
}
http://127.0.0.1:$PORT {
    bind 127.0.0.1
    respond /hello hello
}
END
XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder exec caddy run --config "$folder/Caddyfile" --adapter caddyfile
