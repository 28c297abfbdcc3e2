#!/bin/sh
# Flask under gunicorn with nothing configured but the address.
exec /usr/bin/gunicorn --log-level critical --bind "127.0.0.1:$PORT" --chdir docs/guide/testing/border/peers hello:app
