"""Clients that send or read slowly, or hold connections open."""

import time

import wire


def drip(target, first, piece, every, bound):
    """Sends `first`, then `piece` every `every` seconds (never, when there is none). The server must end the connection within `bound` seconds."""
    start = time.monotonic()
    with target.connect() as sock:
        sock.sendall(first.replace(b"{}", target.path).replace(b"{post}", target.post))
        data = b""
        while time.monotonic() - start < bound:
            more, closed = wire.read_to_end(sock, min(every, start + bound - time.monotonic()))
            data += more
            if closed is not None:
                return True, f"{(wire.statuses(data) or ['no answer'])[0]}, closed after {time.monotonic() - start:.0f} s"
            if piece:
                try:
                    sock.sendall(piece)
                except OSError:
                    pass
    return False, f"{wire.statuses(data)}, open after {bound} s"


def slow_read(target):
    """Asks for many answers and reads 16 bytes every 2 seconds."""
    with target.connect(receive_buffer=2048) as sock:
        sock.setblocking(False)
        request, start = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target.large * 1000, time.monotonic()
        pending, asked = request, 0
        while time.monotonic() - start < 60:
            tick = time.monotonic()
            while time.monotonic() - tick < 2:
                try:
                    sent = sock.send(pending)
                    asked, pending = asked + sent, pending[sent:] or request
                except BlockingIOError:
                    time.sleep(0.05)
                except OSError:
                    return True, f"reset after {time.monotonic() - start:.0f} s"
            try:
                if not sock.recv(16):
                    return True, f"closed after {time.monotonic() - start:.0f} s"
            except BlockingIOError:
                pass
            except OSError:
                return True, f"reset after {time.monotonic() - start:.0f} s"
    return False, f"open after 60 s, {asked} bytes of requests sent"


def idle(target):
    with target.connect() as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target.path)
        data, closed = wire.read_to_end(sock, 80)
    return wire.statuses(data) == [200] and closed is not None, f"closed after {closed:.0f} s" if closed is not None else "open after 80 s"


def checks():
    get, post = b"GET {} HTTP/1.1\r\nhost: x\r\n", b"POST {post} HTTP/1.1\r\nhost: x\r\n"
    never = 5
    yield 1, "silent socket", lambda target: drip(target, b"", b"", never, 14)
    yield 2, "header drip, a line in 2 s", lambda target: drip(target, get, b"a: b\r\n", 2, 16)
    yield 3, "half a request line", lambda target: drip(target, b"GET /he", b"", never, 14)
    yield 7, "half an HTTP/2 preface", lambda target: drip(target, b"PRI * HTTP/2.0\r\n", b"", never, 14)
    yield 4, "body drip, a byte a second", lambda target: drip(target, post + b"content-length: 1000\r\n\r\n", b"x", 1, 16)
    yield 4, "body that never comes", lambda target: drip(target, post + b"content-length: 1000\r\n\r\n", b"", never, 16)
    yield 4, "chunk drip, a byte a second", lambda target: drip(target, post + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 1, 16)
    yield 5, "slow read, 16 bytes in 2 s", slow_read
    yield 6, "idle connection", idle
