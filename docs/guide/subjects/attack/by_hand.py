"""The attacks of `keel attack` by hand: bytes of this script's own on bare sockets, and what comes back, to be read by a person.

by_hand.py PORT [--h2 PORT] [--get PATH] [--post PATH] [--header 'NAME: VALUE'] [--json TEXT] [--unread REQUESTS] [--only WORD]

For each message the statuses that came, whether the connection was closed after it, and how long that took; for each crowd how many of
twenty requests from 127.0.0.3 were answered meanwhile, and the slowest. Loopback only. It shares nothing with the prover."""

import argparse
import gzip
import re
import socket
import struct
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--h2", type=int)
parser.add_argument("--get", default="/big.txt")
parser.add_argument("--post", default="/echo")
parser.add_argument("--header", action="append", default=[])
parser.add_argument("--json", default='{"a":1}')
parser.add_argument("--unread", type=int, default=40)
parser.add_argument("--only", default="")
to = parser.parse_args()
CROWD, LASTS, FRAMES = 1500, 10, 20_000
extra = "".join(f"{line}\r\n" for line in to.header).encode()


def connect(source="127.0.0.1", port=None, buffer=None):
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(5)
    sock.bind((source, 0))
    sock.connect(("127.0.0.1", port or to.port))
    return sock


def hear(sock, wait=2.0):
    """What comes until it closes or is silent for so long; and whether it closed."""
    heard, sock_wait = b"", time.time() + wait
    sock.settimeout(0.2)
    while time.time() < sock_wait:
        try:
            piece = sock.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return heard, "reset"
        if not piece:
            return heard, "closed"
        heard, sock_wait = heard + piece, time.time() + 0.7
    return heard, "open"


def statuses(heard):
    return " ".join(re.findall(rb"HTTP/1\.[01] (\d{3})", heard) and [s.decode() for s in re.findall(rb"HTTP/1\.[01] (\d{3})", heard)])


def show(what, message, look=b""):
    """Sends one message and prints what came; `look` is told when it is in the answer."""
    begun = time.time()
    sock = connect()
    try:
        sock.sendall(message)
    except OSError:
        pass
    heard, end = hear(sock)
    sock.close()
    found = f", has {look!r}" if look and look in heard else ""
    print(f"  {what}: {statuses(heard) or 'nothing'}, {end} after {time.time() - begun:.1f} s, {len(heard)} bytes{found}", flush=True)


def get(path=None, headers=b"", method=b"GET", host=b"Host: 127.0.0.1\r\n"):
    return method + b" " + (path or to.get).encode("latin-1") + b" HTTP/1.1\r\n" + host + headers + b"\r\n"


def post(headers, body, path=None):
    return b"POST " + (path or to.post).encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + extra + headers + b"\r\n" + body


def sized(body, headers=b""):
    return post(b"Content-Length: %d\r\n" % len(body) + headers, body)


class Bystander(threading.Thread):
    """Twenty requests from another address, one each half second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.good, self.slowest = 0, 0.0
        self.start()

    def run(self):
        for _ in range(20):
            begun = time.time()
            try:
                sock = connect("127.0.0.3")
                sock.sendall(get(headers=b"Connection: close\r\n"))
                heard, _ = hear(sock, 2.0)
                sock.close()
                self.good += b" 200 " in heard[:20]
            except OSError:
                pass
            self.slowest = max(self.slowest, time.time() - begun)
            time.sleep(max(0.0, 0.5 - (time.time() - begun)))

    def told(self):
        self.join()
        return f"bystander {self.good} of 20, slowest {self.slowest * 1000:.0f} ms"


def crowd(what, first, again=None, buffer=None, every=1.0):
    """Many connections that send `first`, and then `again` each second; how many are still open in the end."""
    socks, refused, cut, answered = [], 0, 0, {}
    for _ in range(CROWD):
        try:
            sock = connect(buffer=buffer)
            sock.sendall(first)
            socks.append(sock)
        except OSError:
            refused += 1
    bystander = Bystander()
    end = time.time() + LASTS
    while time.time() < end:
        time.sleep(every)
        for sock in socks if again else []:
            try:
                sock.sendall(again)
            except OSError:
                pass
    told = bystander.told()
    for sock in socks:
        sock.settimeout(0.0)
        try:
            heard = sock.recv(64)
            cut += not heard
            status = statuses(heard)
            answered[status] = answered.get(status, 0) + bool(heard)
        except BlockingIOError:
            pass
        except OSError:
            cut += 1
        sock.close()
    print(f"  {what}: {len(socks)} connected, {refused} refused, {cut} cut, answers {answered}; {told}", flush=True)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value):
    return bytes([len(value)]) + value


# GET of the path over http: indexed fields and literals without indexing (RFC 7541, 6.1 and 6.2.2).
HEAD = b"\x82\x86\x04" + text(to.get.encode()) + b"\x01" + text(b"127.0.0.1")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def h2(what, settings, frames):
    """One HTTP/2 connection that sends these frames as fast as they are taken, for ten seconds at most."""
    bystander = Bystander()
    sock = connect(port=to.h2 or to.port)
    heard, sent, why = [b""], 0, "all were taken"

    def listen():
        sock.settimeout(0.5)
        while len(heard) < 1_000_000:
            try:
                piece = sock.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                heard.append(b"")
                return
            if not piece:
                return
            heard.append(piece)

    sock.sendall(PREFACE + frame(4, 0, 0, settings))
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    end = time.time() + LASTS
    try:
        for piece in frames:
            sock.settimeout(5)
            sock.sendall(piece)
            sent += 1
            if time.time() > end:
                why = "time was over"
                break
    except OSError as error:
        why = f"{type(error).__name__} after {sent}"
    time.sleep(1)
    told = bystander.told()
    alive = listener.is_alive()
    sock.close()
    data, kinds, place, codes = b"".join(heard), {}, 0, []
    while place + 9 <= len(data):
        size, kind = int.from_bytes(data[place : place + 3], "big"), data[place + 3]
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind in (3, 7):
            codes.append(int.from_bytes(data[place + 9 + 4 * (kind == 7) : place + 13 + 4 * (kind == 7)], "big"))
        place += 9 + size
    names = {0: "DATA", 1: "HEADERS", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE"}
    came = ", ".join(f"{count} {names.get(kind, kind)}" for kind, count in sorted(kinds.items()))
    print(f"  {what}: {sent} sent, {why}; connection {'open' if alive else 'closed'}; came {came}; codes {sorted(set(codes))}; {told}", flush=True)


HIDDEN = b"GET /hidden-%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SMALL = to.json.encode()


def smuggled():
    """Messages whose end is told in two ways, or in a broken one, with a request in what may be behind it."""
    hidden, chunk = HIDDEN % 1, b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMALL), SMALL)
    te, cl = b"Transfer-Encoding: chunked\r\n", b"Content-Length: %d\r\n"
    yield "both lengths, the chunks end first", post(cl % (5 + len(hidden)) + te, b"0\r\n\r\n" + hidden)
    yield "both lengths, the Content-Length ends first", post(te + cl % 4, b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden))
    for name in (b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
                 b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: \"chunked\"", b"Transfer_Encoding: chunked", b"Transfer-Encoding\n: chunked"):
        yield repr(name)[2:-1], post(cl % (5 + len(hidden)) + name + b"\r\n", b"0\r\n\r\n" + hidden)
    for one, two in ((b"%d" % len(SMALL), b"%d" % (len(SMALL) + len(hidden))), (b"%d" % (len(SMALL) + len(hidden)), b"%d" % len(SMALL))):
        yield f"Content-Length {one.decode()} and {two.decode()}", post(b"Content-Length: " + one + b"\r\nContent-Length: " + two + b"\r\n", SMALL + hidden)
    for length in (b"+%d", b"0x%x", b"-%d", b"%d, 99", b"%d.0", b"%d 1", b"%d", b" \t%d"):
        yield f"Content-Length: {(length % len(SMALL)).decode()!r}", post(b"Content-Length: " + length % len(SMALL) + b"\r\n", SMALL + hidden)
    yield "Content-Length: 2^64 + 2", post(b"Content-Length: %d\r\n" % (2**64 + 2), b"{}" + hidden, to.get)
    size = b"%x" % len(SMALL)
    for what, body in (("0x before the size", b"0x" + chunk), ("+ before the size", b"+" + chunk), ("a space after the size", size + b" \r\n" + SMALL + b"\r\n0\r\n\r\n"),
                       ("a size of 2^64 and more", b"1" + b"0" * 15 + size.rjust(1, b"0") + b"\r\n" + SMALL + b"\r\n0\r\n\r\n"), ("an empty size", b"\r\n" + SMALL + b"\r\n0\r\n\r\n"),
                       ("LF alone after the size", size + b"\n" + SMALL + b"\r\n0\r\n\r\n"), ("LF alone after the data", size + b"\r\n" + SMALL + b"\n0\r\n\r\n"),
                       ("CR alone after the size", size + b"\r" + SMALL + b"\r\n0\r\n\r\n"), ("an extension with LF in it", size + b";a\nb\r\n" + SMALL + b"\r\n0\r\n\r\n"),
                       ("an extension of 64 KiB", size + b";" + b"a" * 65536 + b"\r\n" + SMALL + b"\r\n0\r\n\r\n"), ("a trailer that is a length", size + b"\r\n" + SMALL + b"\r\n0\r\nContent-Length: 99\r\n\r\n"),
                       ("data longer than its size", b"1\r\n" + SMALL + b"\r\n0\r\n\r\n"), ("right, for comparison", chunk)):
        yield f"chunks: {what}", post(te, body + HIDDEN % 2)
    for what, line in (("a folded header", b"X-A: b\r\n c\r\n"), ("a folded Transfer-Encoding", b"Transfer-Encoding:\r\n chunked\r\n"), ("a space before the first header", b" X-A: b\r\n")):
        yield what, post(line + cl % len(SMALL), SMALL + hidden)
    for what, line in (("CR within a value", b"X-A: b\rTransfer-Encoding: chunked\r\n"), ("CR within a name", b"X\r-A: b\r\n"), ("CR at the end of a line", b"X-A: b\rX-B: c\r\n"), ("NUL within a value", b"X-A: b\0c\r\n")):
        yield what, post(line + cl % len(SMALL), SMALL + hidden)
    yield "LF alone after headers", post(b"X-A: b\nX-B: c\n" + cl % len(SMALL), SMALL + hidden)
    yield "LF alone before a Transfer-Encoding", post(cl % (5 + len(hidden)) + b"X-A: b\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + hidden)
    yield "LF alone as the end of the head", post(b"", b"").replace(b"\r\n", b"\n")[:-1] + b"Content-Length: %d\n\n" % len(SMALL) + SMALL + hidden


def methods():
    for method in (b"TRACE", b"TRACK", b"CONNECT", b"get", b"GE\tT", b"G(T", b"FOO", b"DELETE", b"PUT", b"PATCH", b"OPTIONS", b"A" * 200):
        yield repr(method)[2:22], get(method=method), b"x-secret" if method in (b"TRACE", b"TRACK") else b""
    for header in (b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override"):
        yield header.decode() + ": DELETE", get(headers=header + b": DELETE\r\n"), b""


def hosts():
    for what, lines in (("no Host", b""), ("two", b"Host: 127.0.0.1\r\nHost: other.example\r\n"), ("an empty one", b"Host:\r\n"), ("a space in it", b"Host: a b\r\n"), ("a user in it", b"Host: 127.0.0.1@other.example\r\n"),
                        ("a path in it", b"Host: other.example/a\r\n"), ("a foreign one", b"Host: other.example\r\n"), ("a port of 99999", b"Host: 127.0.0.1:99999\r\n"),
                        ("a foreign X-Forwarded-Host", b"Host: 127.0.0.1\r\nX-Forwarded-Host: other.example\r\n"), ("folded", b"Host: 127.0.0.1\r\n other.example\r\n")):
        yield what, get(host=lines), b"other.example"
    yield "absolute-form of another", get(path="http://other.example" + to.get), b"other.example"


def run(name, messages):
    if to.only in name:
        print(name, flush=True)
        for what, message, *look in messages:
            show(what, message, *look)


run("logins", ((f"login {n}", post(b"Content-Length: 16\r\nConnection: close\r\n", b'{"password":"a"}', "/login")) for n in range(1, 21)))
run("methods", methods())
run("hosts", hosts())
run("smuggling", smuggled())
run("paths", ((path, get(path=path), b"root:") for path in ("/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/%252e%252e/etc/passwd", "/....//....//etc/passwd", "/..\\..\\etc\\passwd",
     "/%c0%ae%c0%ae/etc/passwd", "/a/..;/..;/etc/passwd", "/%00", "/\x00", "/a%0d%0aX-B:c", "//etc/passwd", "/./././etc/passwd", "/%5c..%5c..%5cetc/passwd")))
run("ranges", ((what, get(headers=b"Range: bytes=" + spec + b"\r\n")) for what, spec in (("one", b"0-9"), ("1,300 of a byte", b",".join(b"%d-%d" % (2 * n, 2 * n) for n in range(1300))),
     ("500 of all", b",".join([b"0-"] * 500)), ("backwards", b"9-0"), ("beyond", b"99999999999-"), ("2^64", b"0-18446744073709551616"), ("none", b"x"))))
run("sizes", (("a header of 1 MiB", get(headers=b"X-A: " + b"a" * (1 << 20) + b"\r\n")), ("a header of 16 KiB", get(headers=b"X-A: " + b"a" * (16 << 10) + b"\r\n")), ("10,000 headers", get(headers=b"X-A: b\r\n" * 10_000)),
     ("100,000 headers", get(headers=b"X-A: b\r\n" * 100_000)), ("a target of 64 KiB", get(path="/" + "a" * 65536)), ("a target of 1 MiB", get(path="/" + "a" * (1 << 20))),
     ("a length of 23 digits", post(b"Content-Length: " + b"9" * 23 + b"\r\n", SMALL)), ("a length of 2^40", post(b"Content-Length: 1099511627776\r\n", SMALL)), ("a negative length", post(b"Content-Length: -1\r\n", SMALL)),
     ("a body of 64 MiB", sized(b"[" + b"1," * (32 << 20) + b"1]")), ("64 MiB in chunks", post(b"Transfer-Encoding: chunked\r\n", (b"100000\r\n" + b" " * (1 << 20) + b"\r\n") * 64 + b"0\r\n\r\n"))))
run("json", (("100,000 levels", sized(b"[" * 100_000 + b"]" * 100_000)), ("30,000 fields", sized(b"{" + b",".join(b'"f%d":1' % n for n in range(30_000)) + b"}")), ("30,000 times one field", sized(b"{" + b",".join([b'"f":1'] * 30_000) + b"}")),
     ("300,000 numbers", sized(b"[" + b",".join([b"1"] * 300_000) + b"]")), ("a number of 100,000 digits", sized(b'{"a":' + b"9" * 100_000 + b"}")), ("100 MiB of gzip in 100 KiB", sized(gzip.compress(b" " * (100 << 20)), b"Content-Encoding: gzip\r\n")),
     ("gzip in gzip", sized(gzip.compress(gzip.compress(b" " * (100 << 20))), b"Content-Encoding: gzip, gzip\r\n"))))
if to.only in "crowds":
    print("crowds", flush=True)
    crowd("silent", b"")
    crowd("heads, a byte a second", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", b"a")
    crowd("bodies, a byte a second", post(b"Content-Length: 100000\r\n", b"{"), b"1")
    crowd("answers that nobody reads", get() * to.unread, None, 2048)
    begun, made, refused = time.time(), 0, 0
    flood = Bystander()
    while time.time() - begun < LASTS:
        try:
            connect().close()
            made += 1
        except OSError:
            refused += 1
    print(f"  connections one after the other: {made} made, {refused} refused; {flood.told()}", flush=True)
if to.only in "http2":
    print("http2", flush=True)
    opened = frame(1, 1, 1, HEAD)
    h2("a request", b"", [frame(1, 5, 1, HEAD)])
    h2("CONTINUATION, 16 KiB each", b"", [opened] + [frame(9, 0, 1, b"\x00\x03x-a\x7f\x80\x7e" + b"a" * 16255) for _ in range(1000)])
    h2("CONTINUATION, empty", b"", [opened] + [frame(9, 0, 1)] * FRAMES)
    h2("SETTINGS", b"", (frame(4, 0, 0, struct.pack(">HI", 4, 65535)) for _ in range(FRAMES)))
    h2("PING", b"", (frame(6, 0, 0, b"12345678") for _ in range(FRAMES)))
    h2("100 requests without a window", struct.pack(">HI", 4, 0), (frame(1, 5, 2 * n + 1, HEAD) for n in range(100)))
    h2("requests that are reset at once", b"", (frame(1, 5, 2 * n + 1, HEAD) + frame(3, 0, 2 * n + 1, b"\0\0\0\x08") for n in range(FRAMES)))
