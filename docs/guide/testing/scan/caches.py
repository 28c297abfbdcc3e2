"""Puts nginx and Varnish with a cache in front of the ledger, and tries to make them serve an answer of one person to another.

    caches.py [--only NAME] [--program target/debug/ledger]
    caches.py --control [--only NAME]

Both caches look up requests with cookies and credentials too, and keep answers that set a cookie where `Cache-Control` allows it, so that only what an
answer says keeps it out of them. Ann signs in and makes each request of
ATTACKS through the cache; then Bob, a stranger and a client without cookies make the same request and variants of it. Nothing that is Ann's may come: her
name, her cookie, or a text that she alone sent. The style of the page must come from the cache, as otherwise nothing was examined. `--control` puts the
same caches before a server that allows them to keep its pages: there Ann's page must come to Bob. The exit code is 1 otherwise."""

import argparse
import contextlib
import http.client
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import targets

# Age at which the ledger renews the cookie of a session, in seconds, and a little more.
RENEWAL = 62
# Ann's name, and a text that she sends in headers; neither may come to others.
ANN = "Ann-8f21c07d"
POISON = "poison-8f21c07d"
FOREIGN = {"X-Forwarded-Host": f"{POISON}.example", "X-Host": POISON, "X-Original-URL": f"/{POISON}", "X-Request-Id": POISON, "X-Forwarded-Prefix": f"/{POISON}"}

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=all:10m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_cache all;
      proxy_cache_key $host$request_uri;
      proxy_cache_methods GET HEAD;
      proxy_cache_revalidate on;
      proxy_ignore_headers Set-Cookie;
      proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""

VARNISH = """
vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{origin}"; }}
sub vcl_recv {{
  if (req.method == "GET" || req.method == "HEAD") {{ return (hash); }}
  return (pass);
}}
sub vcl_backend_response {{
  if (beresp.ttl > 0s && beresp.http.Cache-Control !~ "no-store|private") {{ return (deliver); }}
}}
sub vcl_deliver {{
  if (obj.hits > 0) {{ set resp.http.X-Cache = "HIT"; }} else {{ set resp.http.X-Cache = "MISS"; }}
}}
"""


class Attempts:
    """Requests through one cache, and the leaks that they found."""

    def __init__(self, port):
        self.port, self.leaks, self.sent, self.hits = port, [], 0, 0

    def send(self, path, method="GET", headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", errors="replace")
        finally:
            connection.close()
        self.sent += 1
        self.hits += answer.headers.get("X-Cache", "") == "HIT"
        return answer.status, answer.headers, text

    def sign_in(self, name):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        _status, headers, _text = self.send("/sign-in", "POST", form, urllib.parse.urlencode({"name": name}))
        return headers["Set-Cookie"].split(";")[0]

    def compare(self, what, path, secrets, first, others):
        """Ann's request, and those of others: none of their answers may hold a secret of hers."""
        for method in first.pop("methods", ["GET"]):
            self.send(path, method, first["headers"])
            # A cache may need the second request to keep an answer.
            self.send(path, method, first["headers"])
        for who, headers in others.items():
            for variant, method in [(path, "GET"), (path, "HEAD")]:
                status, answer, text = self.send(variant, method, headers)
                everything = text + "\n".join(f"{name}: {value}" for name, value in answer.items())
                for secret in secrets:
                    if secret in everything:
                        self.leaks.append(f"{what}: {method} {variant} of {who} is answered {status} with {secret!r}, X-Cache {answer.get('X-Cache')}")


def attack(port, account, aged):
    """Makes all attempts; returns what they saw. `aged` is a cookie that the next answer renews."""
    attempts = Attempts(port)
    ann, bob = attempts.sign_in(ANN), attempts.sign_in("Bob")
    secrets = [ANN, ann.split("=", 1)[1], POISON]
    others = {
        "Bob": {"Cookie": bob},
        "a stranger": {},
        "a stranger with a token": {"Authorization": "Bearer nothing"},
        "one with gzip": {"Accept-Encoding": "gzip"},
        "one who asks for a part": {"Range": "bytes=0-2000"},
    }
    hers = {"Cookie": ann}
    pages = ["/", "/?said=opened", "/?cursor=&said=opened", "/?said=opened&cursor=", f"/accounts/{account}", "/no-such-page", "/style.css"]
    # Names that look like a file which a cache keeps, behind a page of hers.
    pages += [f"/accounts/{account}/style.css", f"/accounts/{account}%2fstyle.css", f"/accounts/{account};style.css", "/?style.css", "/style.css/..%2f", "/style.css/../", "//", "/%2e/", "/STYLE.CSS"]
    for page in pages:
        attempts.compare(f"her page {page}", page, secrets, {"headers": hers}, others)
        attempts.compare(f"her page {page}, by HEAD first", page, secrets, {"headers": hers, "methods": ["HEAD", "GET"]}, others)
        attempts.compare(f"her page {page} in parts", page, secrets, {"headers": {**hers, "Range": "bytes=0-4000", "Accept-Encoding": "gzip"}}, others)
        attempts.compare(f"her page {page} with foreign headers", page, secrets, {"headers": {**hers, **FOREIGN}}, others)
        attempts.compare(f"her page {page} with a token", page, secrets, {"headers": {**hers, "Authorization": f"Bearer {POISON}", "Origin": f"https://{POISON}.example"}}, others)
    # Her tag must not make a cache tell others that they have her page.
    _status, headers, _text = attempts.send("/", "GET", hers)
    tag = headers.get("ETag")
    for condition in [{"If-None-Match": tag or "*"}, {"If-Modified-Since": "Fri, 01 Jan 2038 00:00:00 GMT"}]:
        status, _headers, _text = attempts.send("/", "GET", {"Cookie": bob, **condition})
        if status == 304:
            attempts.leaks.append(f"Bob's page is answered 304 with {condition}")
    # The answers to her forms: the cookie of a session, and the way on.
    for path in ["/sign-in", "/sign-out", "/accounts", "/transfers"]:
        attempts.send(path, "POST", {**hers, "Content-Type": "application/x-www-form-urlencoded"}, f"name={ANN}")
        for who, headers in others.items():
            _status, answer, text = attempts.send(path, "GET", headers)
            if any(secret in text + str(answer) for secret in secrets) or answer.get("Set-Cookie"):
                attempts.leaks.append(f"GET {path} of {who} is answered with what is hers")
    # A cookie that is renewed on the way must stay out of the style, which all may have. Each query is another answer to a cache.
    for who, headers in others.items():
        path = f"/style.css?for={urllib.parse.quote(who)}"
        attempts.send(path, "GET", {"Cookie": aged})
        _status, answer, _text = attempts.send(path, "GET", headers)
        if answer.get("Set-Cookie"):
            attempts.leaks.append(f"the style that {who} gets sets a cookie")
    return attempts


@contextlib.contextmanager
def nginx(folder, origin):
    port = targets.free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, origin=origin))
    # Its workers have another user.
    os.chmod(folder.parent, 0o755)
    os.chmod(folder, 0o777)
    with targets.running([program("nginx"), "-c", folder / "nginx.conf", "-e", folder / "error.log"], os.environ):
        wait(port)
        yield port


@contextlib.contextmanager
def varnish(folder, origin):
    port = targets.free_port()
    (folder / "default.vcl").write_text(VARNISH.format(origin=origin))
    os.chmod(folder.parent, 0o755)
    os.chmod(folder, 0o777)
    command = [program("varnishd"), "-F", "-a", f"127.0.0.1:{port}", "-T", "none", "-f", folder / "default.vcl", "-s", "malloc,16m", "-n", folder / "varnish", "-j", "none"]
    # It writes each step of its life there.
    with targets.running(command, os.environ, subprocess.DEVNULL):
        wait(port)
        yield port


CACHES = {"nginx": nginx, "varnish": varnish}


def program(name):
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") or sys.exit(f"{name} is not installed")


def wait(port):
    """Waits until the server answers; Varnish compiles its configuration first."""
    for _ in range(300):
        try:
            Attempts(port).send("/")
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


def account_of(port):
    headers = {"Idempotency-Key": "caches", "Content-Type": "application/json"}
    _status, _headers, text = Attempts(port).send("/v1/accounts", "POST", headers, '{"currency": "EUR", "overdraft": 0}')
    return text.split('"id":"')[1].split('"')[0] if '"id":"' in text else "acc_0"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=CACHES)
    parser.add_argument("--program", default="target/debug/ledger")
    parser.add_argument("--control", action="store_true")
    asked = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        origin = targets.free_port()
        settings = {**os.environ, "HOST": "127.0.0.1", "PORT": str(origin), "ADMIN_ADDR": f"127.0.0.1:{targets.free_port()}", "DATABASE_URL": f"sqlite:{folder / 'ledger.db'}", "RUST_LOG": "error"}
        careless = [sys.executable, str(pathlib.Path(__file__).with_name("careless.py")), str(origin)]
        with targets.running(careless if asked.control else [asked.program], settings):
            wait(origin)
            account, aged = account_of(origin), Attempts(origin).sign_in(ANN)
            if not asked.control:
                time.sleep(RENEWAL)
            for name in [asked.only] if asked.only else CACHES:
                of_cache = folder / name
                of_cache.mkdir()
                with CACHES[name](of_cache, origin) as port:
                    seen = attack(port, account, aged)
                kept = seen.hits > 0
                good = good and kept and bool(seen.leaks) == asked.control
                verdict = "nothing came from the cache, so nothing was examined" if not kept else f"{len(seen.leaks)} leaks" if seen.leaks else "no leak"
                print(f"{name}: {verdict}; {seen.sent} requests, {seen.hits} answered by the cache", flush=True)
                for leak in seen.leaks[: 3 if asked.control else None]:
                    print(f"  {leak}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
