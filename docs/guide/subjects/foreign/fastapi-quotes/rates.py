"""The service of rates that quotes depends on: three currencies and 404 for others."""
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATES = {"EUR": 1.0, "CHF": 0.93, "USD": 1.1}


class Rates(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        rate = RATES.get(self.path.removeprefix("/rates/"))
        body = json.dumps({"rate": rate} if rate else {"error": "no such currency"}).encode()
        self.send_response(200 if rate else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512


Server(("127.0.0.1", int(os.environ.get("PORT", "18642"))), Rates).serve_forever()
