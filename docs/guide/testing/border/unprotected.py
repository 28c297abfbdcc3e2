"""Servers without protection, for the controls of attacks.py: PORT is the port.

    unprotected.py one-at-a-time     reads one connection at a time: a client that sends half a head keeps all others out
    unprotected.py threads           a thread for each connection, and a large answer in memory for each request"""

import http.server
import os
import signal
import sys

LARGE = 4 << 20


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        # The slow readers of attacks.py ask for this path.
        body = b"x" * (LARGE if self.path == "/large" else 5)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Quiet:
    """Clients that leave are part of the attack."""

    request_queue_size = 1024

    def handle_error(self, *_):
        pass


class OneAtATime(Quiet, http.server.HTTPServer):
    pass


class Threads(Quiet, http.server.ThreadingHTTPServer):
    pass


def main():
    kind = {"one-at-a-time": OneAtATime, "threads": Threads}[sys.argv[1]]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    kind(("127.0.0.1", int(os.environ["PORT"])), Answers).serve_forever()


if __name__ == "__main__":
    main()
