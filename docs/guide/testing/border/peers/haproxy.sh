#!/bin/sh
# HAProxy with the timeouts of Debian's configuration, and one page of its own.
set -eu
folder=$(mktemp -d)
cat >"$folder/haproxy.cfg" <<END
defaults
    mode http
    timeout connect 5000
    timeout client 50000
    timeout server 50000
frontend hello
    bind 127.0.0.1:$PORT
    http-request return status 200 content-type text/plain string hello if { path /hello }
    http-request return status 404
END
exec haproxy -db -f "$folder/haproxy.cfg"
