"""Answers, limits and lists."""
import gzip
import json
import re
import threading
import time

from registry import at_once, check, counted, told


@check("border.cacheable", "web.headers", "border.compress")
def answers(s):
    seen = []
    for request in [{"path": "/"}] + [one for one in s.requests if one.get("method", "GET") == "GET"]:
        method, path, headers, _ = s.filled(request)
        status, head, body = s.ask(method, path, headers)
        packed = s.ask(method, path, {**headers, "Accept-Encoding": "gzip"})[1]
        again = s.ask(method, path, {**headers, "If-None-Match": head["etag"]})[0] if "etag" in head else "no ETag"
        seen.append(f"{path} {status}: Cache-Control {head.get('cache-control')}, ETag again {again}, CSP {head.get('content-security-policy')}, "
                    f"nosniff {head.get('x-content-type-options')}, with gzip {packed.get('content-encoding')} Vary {packed.get('vary')}")
    for request in [one for one in s.writes() if "json" in one][:1]:
        method, path, headers, _ = s.filled(request)
        before = s.memory()
        bomb = gzip.compress(bytes(10 << 20))
        most, statuses = before, []
        sending = threading.Thread(target=lambda: statuses.extend(at_once(lambda: s.ask(method, path, {**headers, "Content-Encoding": "gzip"}, bomb)[0], 8)))
        sending.start()
        while sending.is_alive():
            most = max(most, s.memory())
            time.sleep(0.005)
        seen.append(f"eight bombs of 10 MiB: {counted(statuses)}, memory {before:.0f} to {most:.0f} MB")
    return "\n    ".join(seen)


@check("border.problem", "web.robots", "border.openapi", "see.health")
def paths(s):
    seen = []
    for path in ["/nothing-here", "/robots.txt", s.service.get("health", "/health"), s.service.get("openapi", "/openapi.json"), "/openapi.yaml", "/swagger.json", "/api-docs", "/docs/openapi.json"]:
        status, head, body = s.ask("GET", path)
        seen.append(f"{path} {status} {head.get('content-type')} {body[:70]!r}")
    for request in s.writes()[:1]:
        method, path, headers, _ = s.filled(request)
        status, head, body = s.ask(method, path, headers, "{")
        seen.append(f"{method} {path} with a broken body: {status} {head.get('content-type')} {body[:70]!r}")
    return "\n    ".join(seen)


@check("border.limits")
def wire(s):
    path, seen = s.filled(s.read())[1].encode(), []
    hidden = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for name, request in {
        "CL and TE": b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
        "two Hosts": b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
        "two lengths": b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello1",
        "URI of 64 KiB": b"GET " + path + b"?" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "1.1 MB of headers": b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"b" * 1000) for i in range(1100)) + b"\r\n",
    }.items():
        client, came, end = s.connect(3), b"", "open"
        try:
            client.sendall(request)
            while piece := client.recv(65536):
                came += piece
            end = "closed"
        except TimeoutError:
            pass
        except OSError as error:
            end = repr(error)
        seen.append(f"{name}: {[status.decode() for status in re.findall(rb'HTTP/1[.][01] ([0-9]{3})', came)]} {end}")
    for request in s.writes()[:1]:
        method, path, headers, body = s.filled(request)
        before = s.memory()
        big = s.ask(method, path, headers, (body[:-1] + ', "pad": "' + "a" * 70_000_000 + '"}') if "json" in request else b"a" * 70_000_000)
        deep = s.ask(method, path, headers, "[" * 100_000 + "]" * 100_000)
        seen.append(f"a body of 70 MB: {told(big)}, memory {before:.0f} to {s.memory():.0f} MB; 100,000 arrays: {told(deep)}")
    return "; ".join(seen)


@check("border.unenumerable")
def identifiers(s):
    return "; ".join(f"{one['name']}: {[json.loads(s.send(one)[2] or b'null') for _ in range(3)]}"[:300] for one in s.writes()[:2])


@check("border.pagination")
def lists(s):
    seen = []
    for one in [one for one in s.requests if one.get("list")]:
        for write in s.writes()[:1]:
            at_once(lambda: [s.send(write) for _ in range(110)], 10)
        path = one["path"].split("?")[0]
        for query in ["", "?limit=5", "?limit=1000000", "?_limit=1000000"]:
            status, head, body = s.ask("GET", path + query)
            try:
                page = json.loads(body)
                items = len(page if isinstance(page, list) else next(part for part in page.values() if isinstance(part, list)))
            except (ValueError, StopIteration):
                items = "no list"
            seen.append(f"{path}{query}: {status}, {items} items, Link {str(head.get('link'))[:80]}, end {body[-60:]!r}")
    return "\n    ".join(seen) or "no list is declared"
