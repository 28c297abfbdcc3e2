"""Requests of HTTP/1.1 that must be refused. Each is sent once, and everything until the close is read."""

import socket
import threading

import wire

# What may happen: a status, or CLOSE for a connection that ends without an answer.
CLOSE = 0
GET, POST = b"GET {} HTTP/1.1\r\n", b"POST {} HTTP/1.1\r\nhost: x\r\n"
HOST = b"host: x\r\n"
END = b"connection: close\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
# A second request that a server must not find inside of the first one.
HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n"

# The row of the list of attacks, the name, the request, and the right answers.
REQUESTS = [
    (8, "target of 16 KiB", b"GET {}?" + b"a" * 16384 + b" HTTP/1.1\r\n" + HOST + END, {414, 431}),
    (8, "headers of 64 KiB", GET + HOST + (b"a: " + b"b" * 8192 + b"\r\n") * 8 + END, {431}),
    (8, "500 headers", GET + HOST + b"".join(b"h%d: 1\r\n" % n for n in range(500)) + END, {431}),
    (9, "Content-Length of 10 GB, no body", POST + b"content-length: 10000000000\r\n\r\n", {413}),
    (14, "two different Content-Length", POST + b"content-length: 4\r\ncontent-length: 40\r\n\r\nbody" + HIDDEN, {400}),
    (14, "list of Content-Length", POST + b"content-length: 4, 40\r\n\r\nbody" + HIDDEN, {400}),
    (14, "Content-Length +4", POST + b"content-length: +4\r\n\r\nbody", {400}),
    (14, "Content-Length 0x4", POST + b"content-length: 0x4\r\n\r\nbody", {400}),
    (14, "Content-Length -1", POST + b"content-length: -1\r\n\r\n", {400}),
    (14, "Content-Length of 2^64 + 4", POST + b"content-length: 18446744073709551620\r\n\r\nbody", {400, 413}),
    (14, "Content-Length and Transfer-Encoding", POST + b"content-length: 40\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN, {400, 405}),
    (14, "Transfer-Encoding and Content-Length", POST + CHUNKED + b"content-length: 40\r\n\r\n0\r\n\r\n" + HIDDEN, {400, 405}),
    (14, "Transfer-Encoding gzip, chunked", POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    (14, "Transfer-Encoding xchunked", POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400, 501}),
    (14, "Transfer-Encoding chunked, identity", POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN, {400, 501}),
    (14, "Transfer-Encoding chunked twice", POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n", {400, 501}),
    (14, "Transfer-Encoding in HTTP/1.0", b"POST {} HTTP/1.0\r\nhost: x\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN, {400, 501, CLOSE}),
    (15, "bare CR in a header", GET + HOST + b"a: b\rc: d\r\n" + END, {400}),
    (15, "NUL in a header", GET + HOST + b"a: b\0c\r\n" + END, {400}),
    (15, "folded header", GET + HOST + b"a: b\r\n c\r\n" + END, {400}),
    (15, "space before the colon", GET + HOST + b"a : b\r\n" + END, {400}),
    (15, "empty header name", GET + HOST + b": b\r\n" + END, {400}),
    (16, "no Host", GET + END, {400}),
    (16, "two Hosts", GET + HOST + b"host: y\r\n" + END, {400}),
    (16, "ill-formed Host", GET + b"host: x/y\r\n" + END, {400}),
    (16, "Host unlike the absolute target", b"GET http://y{} HTTP/1.1\r\n" + HOST + END, {400}),
    (17, "TRACE", b"TRACE {} HTTP/1.1\r\n" + HOST + END, {405, 501}),
    (17, "CONNECT", b"CONNECT x:80 HTTP/1.1\r\n" + HOST + END, {400, 404, 405, 501}),
    (17, "unknown method", b"FOO {} HTTP/1.1\r\n" + HOST + END, {405, 501}),
    (17, "method of 64 KiB", b"G" * 65536 + b" {} HTTP/1.1\r\n" + HOST + END, {400, 405, 414, 431, 501}),
    (17, "lower-case get", b"get {} HTTP/1.1\r\n" + HOST + END, {400, 405, 501}),
    (18, "encoded dot segments", b"GET /a/%2e%2e{} HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "dot segments", b"GET /a/..{} HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "encoded NUL", b"GET {}%00 HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "encoded line feed", b"GET {}%0a HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "encoded slash", b"GET {}%2fa HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "backslash", b"GET {}%5ca HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "malformed percent encoding", b"GET {}%zz HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "path that is not UTF-8", b"GET {}%ff HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "empty segment", b"GET /{} HTTP/1.1\r\n" + HOST + END, {400}),
    (18, "semicolon", b"GET {};a=b HTTP/1.1\r\n" + HOST + END, {400}),
    (19, "unknown Expect", GET + HOST + b"expect: a-miracle\r\n" + END, {417}),
    (19, "HTTP/0.9", b"GET {}\r\n\r\n", {400, 505, CLOSE}),
    (19, "HTTP/9.9", b"GET {} HTTP/9.9\r\n" + HOST + END, {400, 505}),
    (19, "TLS on the clear port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300, {400, CLOSE}),
    (33, "PROXY header from a stranger", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + HOST + END, {400}),
]

# Bodies that no server may read to the end. A route that takes no body refuses the request by 405, and must end the connection all the same.
BODIES = [
    (14, "chunk size that overflows", b"fffffffffffffffff\r\n" + HIDDEN),
    (14, "negative chunk size", b"-1\r\n" + HIDDEN),
    (14, "chunk size 0x4", b"0x4\r\nbody\r\n0\r\n\r\n" + HIDDEN),
    (14, "chunk without its line end", b"4\r\nbodyX0\r\n\r\n" + HIDDEN),
    (14, "chunk extension of 64 KiB", b"4;a=" + b"b" * 65536 + b"\r\nbody\r\n0\r\n\r\n" + HIDDEN),
    (14, "1000 trailers", b"4\r\nbody\r\n0\r\n" + b"".join(b"t%d: 1\r\n" % n for n in range(1000)) + b"\r\n" + HIDDEN),
]

# Requests that are right, or that the standard lets a server take: one answer each.
TAKEN = [
    (15, "bare LF ends lines", b"GET {} HTTP/1.1\nhost: x\nconnection: close\n\n", {200, 400}),
    (17, "method override", GET + HOST + b"x-http-method-override: DELETE\r\n" + END, {200}),
    (19, "upgrade to h2c", GET + HOST + b"upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\nconnection: upgrade, http2-settings, close\r\n\r\n", {200, 400}),
    (14, "two equal Content-Length", b"GET {} HTTP/1.1\r\n" + HOST + b"content-length: 0\r\ncontent-length: 0\r\n" + END, {200, 400}),
    (33, "X-Forwarded-For from a stranger", GET + HOST + b"x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.1\r\n" + END, {200}),
]


def answer_to(target, request):
    with target.connect() as sock:
        try:
            sock.sendall(request.replace(b"{}", target.path))
        except OSError:
            pass
        return wire.read_to_end(sock, 10)


def refused(target, request, right):
    data, closed = answer_to(target, request)
    seen = wire.statuses(data) or [CLOSE]
    said = f"{' and '.join(str(code) if code else 'no answer' for code in seen)}, {'closed' if closed is not None else 'open'}"
    return len(seen) == 1 and seen[0] in right and (closed is not None), said


def body_refused(target, body):
    data, closed = answer_to(target, POST.replace(b"{}", target.post) + CHUNKED + b"\r\n" + body)
    seen = wire.statuses(data)
    return len(seen) <= 1 and all(code >= 400 for code in seen) and closed is not None, f"{seen or 'no answer'}, {'closed' if closed is not None else 'open'}"


def checks():
    for row, name, request, right in REQUESTS + TAKEN:
        yield row, name, lambda target, request=request, right=right: refused(target, request, right)
    for row, name, body in BODIES:
        yield row, name, lambda target, body=body: body_refused(target, body)
    yield 20, "5000 pipelined requests", pipelined
    yield 20, "half-close after a request", half_closed
    yield 27, "headers of an answer", headers
    yield 27, "an error is a problem document", problem


def pipelined(target):
    request = b"GET {} HTTP/1.1\r\nhost: x\r\n\r\n".replace(b"{}", target.path)
    with target.connect() as sock:
        sender = threading.Thread(target=lambda: sock.sendall(request * 4999 + request[:-2] + b"connection: close\r\n\r\n"), daemon=True)
        sender.start()
        data, closed = wire.read_to_end(sock, 60)
    answers = len(wire.statuses(data))
    return answers == 5000, f"{answers} answers"


def half_closed(target):
    with target.connect() as sock:
        sock.sendall(b"GET {} HTTP/1.1\r\nhost: x\r\n\r\n".replace(b"{}", target.path))
        sock.shutdown(socket.SHUT_WR)
        data, closed = wire.read_to_end(sock, 15)
    # Without an answer: the server took the end for that of the client, and cancelled the request.
    return wire.statuses(data) in ([200], []) and closed is not None, f"{wire.statuses(data)}, {'closed' if closed is not None else 'open'}"


def headers(target):
    data, _ = answer_to(target, GET + HOST + END)
    head = data.split(b"\r\n\r\n")[0].lower()
    wanted = [b"x-content-type-options: nosniff", b"cache-control: ", b"referrer-policy: ", b"x-frame-options: ", b"content-security-policy: "]
    missing = [name.decode() for name in wanted if name not in head] + [name.decode() for name in (b"\r\nserver:", b"x-powered-by") if name in head]
    return not missing, f"wrong: {', '.join(missing).strip()}" if missing else "all there, no Server"


def problem(target):
    data, _ = answer_to(target, GET.replace(b"{}", b"/no-such-route") + HOST + END)
    return b"content-type: application/problem+json" in data.lower(), f"{wire.statuses(data)}"
