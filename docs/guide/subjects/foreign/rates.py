"""Answers /rates/CODE with a rate: the dependency of the services that are examined here."""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATES = {"EUR": 1.0, "USD": 1.08, "CHF": 0.95}


class Rates(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        code = self.path.rsplit("/", 1)[-1]
        known = code in RATES
        body = json.dumps({"code": code, "rate": RATES[code]} if known else {"error": "unknown code"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Rates).serve_forever()
