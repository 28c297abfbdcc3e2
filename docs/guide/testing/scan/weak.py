"""A server that each scanner must object to: `weak.py PORT FOLDER`, with tls.crt and tls.key in the folder.

It takes a suite without forward secrecy, sends no header for browsers, and its one operation fails although its OpenAPI document has no such answer."""

import http.server
import json
import pathlib
import ssl
import sys

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "weak", "version": "1"},
    "paths": {"/things": {"get": {"parameters": [], "responses": {"200": {"description": "Things"}}}}},
}


class Weak(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind, status, body = "text/html", 200, b"<script src=http://example.com/a.js></script>"
        if self.path == "/openapi.json":
            kind, body = "application/json", json.dumps(DOCUMENT).encode()
        elif self.path.startswith("/things"):
            status, body = 500, b"Traceback"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Scanners break connections off."""


def main():
    port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    server = Server(("127.0.0.1", port), Weak)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0")
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
