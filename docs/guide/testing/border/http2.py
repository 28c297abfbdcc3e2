"""HTTP/2 by hand: frames without a library, because no library sends the wrong ones."""

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header without indexing or Huffman coding."""
    return b"\0" + length(name) + name + length(value) + value


def length(text):
    if len(text) < 127:
        return bytes([len(text)])
    rest, out = len(text) - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest])


def head(path, method=b"GET", extra=b""):
    return literal(b":method", method) + literal(b":scheme", b"http") + literal(b":authority", b"x") + literal(b":path", path) + extra


class Client:
    """A connection that answers SETTINGS and PING, and counts frames."""

    def __init__(self, target, window=65535, source=None):
        self.sock = target.connect(source)
        self.path, self.buffer = target.path, b""
        self.settings, self.ended, self.reset, self.answered, self.data = {}, set(), {}, set(), 0
        self.goaway = self.closed = None
        self.pongs = self.acks = 0
        self.send(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, window)))

    def send(self, data):
        try:
            self.sock.settimeout(5)
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def request(self, stream, extra=b"", method=b"GET", flags=END_STREAM | END_HEADERS, path=None):
        return self.send(frame(HEADERS, flags, stream, head(path or self.path, method, extra)))

    def run(self, seconds, until=lambda client: False):
        """Reads frames until the connection ends, `until` is true or the time is over. Returns the seconds that it took."""
        start = time.monotonic()
        while self.closed is None and not until(self) and (left := start + seconds - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                piece = self.sock.recv(1 << 20)
            except socket.timeout:
                break
            except OSError:
                piece = b""
            if not piece:
                self.closed = time.monotonic() - start
            self.buffer += piece
            while len(self.buffer) >= 9 and len(self.buffer) >= 9 + (size := int.from_bytes(self.buffer[:3], "big")):
                kind, flags = self.buffer[3], self.buffer[4]
                stream, payload = int.from_bytes(self.buffer[5:9], "big"), self.buffer[9 : 9 + size]
                self.buffer = self.buffer[9 + size :]
                self.take(kind, flags, stream, payload)
        return time.monotonic() - start

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and flags & ACK:
            self.acks += 1
        elif kind == SETTINGS:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at : at + 6])
                self.settings[name] = value
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == RST:
            self.reset[stream] = int.from_bytes(payload, "big")
        elif kind == DATA:
            self.data += len(payload)
        if kind == HEADERS:
            self.answered.add(stream)
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)

    def over(self):
        return self.goaway is not None or self.closed is not None

    def told(self):
        parts = [f"GOAWAY {self.goaway}"] if self.goaway is not None else []
        parts += ["closed"] if self.closed is not None else []
        parts += [f"{len(self.reset)} streams reset"] if self.reset else []
        return ", ".join(parts) or "open"


def flood(target, pieces, seconds=15):
    """Sends pieces until the server ends the connection. Returns whether it did, and how."""
    client, sent = Client(target), 0
    client.run(0.2)
    for piece in pieces:
        if not client.send(piece):
            break
        sent += 1
        if sent % 50 == 0:
            client.run(0.005, Client.over)
            if client.over():
                break
    client.run(seconds, Client.over)
    return client.over(), f"{client.told()} after {sent} of the pieces"


def resets(path, count=3000):
    return (frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, head(path)) + frame(RST, 0, 2 * n + 1, struct.pack(">I", 8)) for n in range(count))


def made_you_reset(path, count=3000):
    return (frame(HEADERS, END_HEADERS, 2 * n + 1, head(path, b"POST")) + frame(WINDOW, 0, 2 * n + 1, struct.pack(">I", 0)) for n in range(count))


def continuations(path, size, count):
    yield frame(HEADERS, END_STREAM, 1, head(path))
    for n in range(count):
        yield frame(CONTINUATION, 0, 1, literal(b"a%d" % n, b"b" * size) if size else b"")


def small_data(path, size, count):
    yield frame(HEADERS, END_HEADERS, 1, head(path, b"POST"))
    for _ in range(count):
        yield frame(DATA, 0, 1, b"x" * size)


FLOODS = [
    (22, "rapid reset", lambda path: resets(path)),
    (22, "MadeYouReset", lambda path: made_you_reset(path)),
    (23, "CONTINUATION flood, empty frames", lambda path: continuations(path, 0, 3000)),
    (23, "CONTINUATION flood, 8 KiB frames", lambda path: continuations(path, 8192, 200)),
    (24, "PING flood", lambda _: (frame(PING, 0, 0, b"12345678") for _ in range(20000))),
    (24, "SETTINGS flood", lambda _: (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)) for _ in range(20000))),
    (24, "PRIORITY flood", lambda _: (frame(PRIORITY, 0, 2 * n + 1, struct.pack(">IB", 0, 1)) for n in range(20000))),
    (24, "flood of unknown frames", lambda _: (frame(0xFA, 0, 0, b"x") for _ in range(20000))),
    (24, "flood of WINDOW_UPDATE", lambda _: (frame(WINDOW, 0, 0, struct.pack(">I", 1)) for _ in range(20000))),
]


def header_error(target, extra, name):
    client = Client(target)
    client.request(1, extra)
    client.run(5, lambda client: client.over() or 1 in client.reset or 1 in client.answered)
    ok = client.over() or 1 in client.reset
    return ok, client.told() if ok else f"{name} was answered"


BAD_HEADS = [
    (25, "CR and LF in a header of HTTP/2", literal(b"a", b"b\r\nc: d")),
    (25, "upper-case name in HTTP/2", literal(b"Accept", b"x")),
    (25, "Transfer-Encoding in HTTP/2", literal(b"transfer-encoding", b"chunked")),
    (25, "Connection in HTTP/2", literal(b"connection", b"keep-alive")),
    (25, "second :path in HTTP/2", literal(b":path", b"/other")),
]


def hpack_bomb(target):
    client = Client(target)
    # One header of 4 KB in the dynamic table, and 3,000 references of one byte to it.
    bomb = b"\x40" + length(b"bomb") + b"bomb" + length(b"b" * 4000) + b"b" * 4000 + b"\xbe" * 3000
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, head(target.path) + bomb))
    client.run(5, lambda client: client.over() or 1 in client.reset or 1 in client.answered)
    return client.over() or 1 in client.reset or 200 not in client.reset and client.data < 6, client.told()


def settings(target):
    client = Client(target)
    client.run(2, lambda client: client.settings)
    client.sock.close()
    streams, heads = client.settings.get(3), client.settings.get(6)
    return bool(streams and streams <= 128 and heads and heads <= 128 * 1024), f"{streams} streams, header list of {heads} bytes"


def window_zero(target):
    """200 requests whose answers have no room; PINGs are answered."""
    client = Client(target, window=0)
    client.run(0.3)
    client.send(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, head(target.large)) for n in range(200)))
    took = client.run(110, lambda client: client.over() or len(client.reset) >= 200)
    return client.over() or len(client.reset) >= 200, f"{client.told()} after {took:.0f} s"


def stays(target, seconds, act):
    client = Client(target)
    client.run(0.3)
    act(client)
    took = client.run(seconds, lambda client: client.closed is not None)
    return client.closed is not None, f"{client.told()} after {took:.0f} s"


def checks():
    for row, name, pieces in FLOODS:
        yield row, name, lambda target, pieces=pieces: flood(target, pieces(target.path))
    for row, name, extra in BAD_HEADS:
        yield row, name, lambda target, extra=extra, name=name: header_error(target, extra, name)
    yield 25, "HPACK bomb", hpack_bomb
    yield 7, "settings of HTTP/2", settings
    yield 5, "HTTP/2 window of 0, 200 streams", window_zero
    yield 7, "HTTP/2 preface and silence", lambda target: stays(target, 80, lambda client: None)
    yield 7, "HTTP/2 idle after a request", lambda target: stays(target, 80, lambda client: client.request(1))
    yield 7, "HTTP/2 head that never ends", lambda target: stays(target, 80, lambda client: client.request(1, flags=END_STREAM))
