#!/bin/sh
# nginx as Debian configures it, with one page.
set -eu
folder=$(mktemp -d)
cat >"$folder/nginx.conf" <<END
pid $folder/nginx.pid;
error_log stderr crit;
worker_processes auto;
events { worker_connections 768; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    sendfile on;
    server {
        listen 127.0.0.1:$PORT;
        location = /hello { default_type text/plain; return 200 hello; }
    }
}
END
exec nginx -p "$folder" -c "$folder/nginx.conf" -g 'daemon off;'
