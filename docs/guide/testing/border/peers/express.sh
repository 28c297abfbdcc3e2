#!/bin/sh
# Express with nothing configured but the address.
NODE_PATH=/usr/share/nodejs NODE_ENV=production exec /usr/bin/node docs/guide/testing/border/peers/hello.js
