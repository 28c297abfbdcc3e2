"""A server of personal pages that allows shared caches to keep them: `careless.py PORT`. It is the control of caches.py."""

import http.server
import sys
import urllib.parse


class Careless(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.headers.get("Cookie", "name=nobody").split("=", 1)[1]
        self.answer(f"<p>hello {name}</p>", {"Cache-Control": "public, max-age=60"})

    do_HEAD = do_GET

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        self.answer("welcome", {"Set-Cookie": f"name={form.get('name', ['nobody'])[0]}; Path=/"})

    def answer(self, text, headers):
        self.send_response(200)
        for name, value in {"Content-Type": "text/html", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Caches break connections off."""


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Careless).serve_forever()
