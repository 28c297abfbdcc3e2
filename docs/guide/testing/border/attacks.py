"""Repeats each attack for some seconds while a bystander works, and prints what the bystander and the memory saw.

    attacks.py [--seconds 60] [--only WORD] [--path /] [--post PATH] [--large PATH] [--markdown] -- COMMAND ...

COMMAND is started with PORT set and a database of its own, and stopped at the end. The bystander sends 20 requests a second from an address of its own, half of
them on new connections; its latency counts from the time at which a request was due. An attack is borne when 99 of 100 of those are answered with 200
within the objective, none fails, and the memory of the process rises by no more than the bound of the attack. The exit code is 1 when one is not."""

import argparse
import collections
import itertools
import multiprocessing
import queue
import resource
import sys
import tempfile
import threading
import time

import caps
import http1
import http2
import service
import wire

MIB = 1 << 20
# Requests a second of the bystander, and how long one is waited for.
RATE, PATIENCE = 20, 5
# Time in which connections of an attack go away before the next one.
SETTLE = 2
BYSTANDER = "127.0.0.9"


def addresses():
    """Addresses that attackers take in turn; never that of the bystander."""
    return itertools.cycle(f"127.0.3.{n}" for n in range(1, 9))


def hold(target, until, first, piece, count, network=None):
    """Holds `count` connections that send `first` and then `piece` every second, and opens new ones for those that end."""
    source, open_ones = addresses() if network is None else itertools.cycle([network]), []
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
    source = addresses()
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
    source = addresses()
    while time.monotonic() < until:
        try:
            target.connect(next(source)).close()
        except OSError:
            time.sleep(0.01)


def malformed(target, until):
    requests = itertools.cycle(request for _, _, request, _ in http1.REQUESTS)
    source = addresses()
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
    source = addresses()
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
    source = addresses()
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
    many, open_ones, source = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target.large * 2000, [], addresses()
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
# Name, threads that do it, what they do, bound of memory in MiB: 16 of answers without a window, and the connection.
ATTACKS = [
    ("HTTP/2 window of 0, 200 streams", 1, window_zero, 18),
    ("slow heads", 1, lambda target, until: hold(target, until, GET % target.path, b"a: b\r\n", 1000), 64),
    ("slow bodies", 1, lambda target, until: hold(target, until, POST % target.post + b"content-length: 1000\r\n\r\n", b"x", 500), 64),
    ("slow readers", 1, slow_readers, 64),
    ("unread answers", 1, unread, 64),
    ("idle connections", 1, lambda target, until: hold(target, until, GET % target.path + b"\r\n", b"", 2000), 64),
    ("silent connections of one address", 1, lambda target, until: hold(target, until, b"", b"", 1500, "127.0.4.1"), 64),
    ("connections that are closed at once", 4, openers, 64),
    ("malformed requests", 8, malformed, 64),
    ("bodies without an end", 4, bodies, 64),
    ("flood of requests", 16, requests, 64),
    ("rapid reset", 2, of_http2(FLOODS["rapid reset"]), 64),
    ("MadeYouReset", 2, of_http2(FLOODS["MadeYouReset"]), 64),
    ("CONTINUATION flood", 2, of_http2(FLOODS["CONTINUATION flood, 8 KiB frames"]), 64),
    ("PING flood", 2, of_http2(FLOODS["PING flood"]), 64),
    ("SETTINGS flood", 2, of_http2(FLOODS["SETTINGS flood"]), 64),
    ("HPACK bombs", 2, bombs, 64),
]


def attackers(target, number, seconds):
    """The process of the attackers."""
    _, threads, act, _ = ATTACKS[number]
    until = time.monotonic() + seconds
    running = [threading.Thread(target=act, args=(target, until), daemon=True) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(seconds + 10)


def bystander(target, seconds, out):
    """The process of the bystander: latencies of those that were answered with 200, and the others by their status; 0 for no answer."""
    request = b"GET %s HTTP/1.1\r\nhost: x\r\n" % target.path
    times, failed, kept, lock, running = [], collections.Counter(), [], threading.Lock(), []

    def ask(due, fresh):
        status, sock = 0, None
        try:
            with lock:
                sock = None if fresh or not kept else kept.pop()
            sock = sock or target.connect(BYSTANDER)
            sock.settimeout(PATIENCE)
            sock.sendall(request + (b"connection: close\r\n\r\n" if fresh else b"\r\n"))
            data = b""
            while b"\r\n\r\n" not in data or len(data) < whole(data):
                piece = sock.recv(1 << 16)
                if not piece:
                    break
                data += piece
            status = (wire.statuses(data) or [0])[0]
        except OSError:
            pass
        took = time.monotonic() - due
        with lock:
            if status == 200:
                times.append(took)
                if not fresh and b"connection: close" not in data.lower():
                    kept.append(sock)
                    return
            else:
                failed[status] += 1
        if sock:
            sock.close()

    begin = time.monotonic()
    for n in range(int(seconds * RATE)):
        due = begin + n / RATE
        time.sleep(max(0, due - time.monotonic()))
        running.append(threading.Thread(target=ask, args=(due, n % 2 == 0), daemon=True))
        running[-1].start()
    for thread in running:
        thread.join(PATIENCE)
    with lock:
        out.put((sorted(times), dict(failed)))


def whole(data):
    """The length of the answer whose head has come; that of what has come, where the head says nothing."""
    head, _, _ = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(head) + 4 + (lengths[0] if lengths else 0)


def told(failed, good):
    """The requests that were not answered with 200, as people read them."""
    kinds = ", ".join(f"{count} with {status}" if status else f"{count} without an answer" for status, count in sorted(failed.items()))
    return f"{sum(failed.values())} of {good + sum(failed.values())}{f' ({kinds})' if kinds else ''}"


def quantile(times, share):
    return times[min(len(times) - 1, round(share * (len(times) - 1)))] if times else float("inf")


def one(target, number, seconds):
    """Runs one attack, or none, beside the bystander. Returns its figures."""
    out, before = multiprocessing.Queue(), caps.memory(target)
    working = multiprocessing.Process(target=bystander, args=(target, seconds, out))
    attacking = multiprocessing.Process(target=attackers, args=(target, number, seconds)) if number is not None else None
    working.start()
    if attacking:
        attacking.start()
    peak, end = before, time.monotonic() + seconds + PATIENCE + 10
    figures = None
    while figures is None and time.monotonic() < end:
        peak = max(peak, caps.memory(target))
        try:
            figures = out.get(timeout=0.1)
        except queue.Empty:
            pass
    if attacking:
        attacking.join(15)
        if attacking.is_alive():
            attacking.kill()
    working.join(5)
    times, failed = figures or ([], {0: int(seconds * RATE)})
    time.sleep(SETTLE)
    return times, failed, before, peak, caps.memory(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="", help="run the attacks whose name contains this word")
    parser.add_argument("--path", default="/", help="a path that answers GET with 200")
    parser.add_argument("--post", default="/", help="a path that takes a body by POST")
    parser.add_argument("--large", default="/", help="a path that answers GET with much")
    parser.add_argument("--objective", type=float, default=0.5, help="seconds within which 99 of 100 requests of the bystander are answered")
    parser.add_argument("--markdown", action="store_true", help="print a table of Markdown")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = [number for number, attack in enumerate(ATTACKS) if given.only.lower() in attack[0].lower()]
    failures = 0
    if given.markdown:
        print("| attack | bystander: p50 | p99 | longest | failed | memory before | most | after | |\n|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        process, port = service.start(given.command, folder)
        target = wire.Target("127.0.0.1", port, given.path.encode(), given.post.encode(), given.large.encode(), process.pid)
        try:
            service.wait(target, process)
            for number in [None, *wanted]:
                name, _, _, bound = ATTACKS[number] if number is not None else ("none", 0, None, 64)
                times, failed, before, peak, after = one(target, number, given.seconds)
                p99, grown = quantile(times, 0.99), (peak - before) / MIB
                borne = not failed and p99 <= given.objective and grown <= bound and process.poll() is None
                failures += not borne
                cells = [f"{quantile(times, 0.5) * 1000:.1f} ms", f"{p99 * 1000:.1f} ms", f"{quantile(times, 1) * 1000:.1f} ms", told(failed, len(times))]
                cells += [f"{size / MIB:.1f} MiB" for size in (before, peak, after)]
                word = "borne" if borne else "NOT BORNE"
                if given.markdown:
                    print(f"| {name} | {' | '.join(cells)} | {word} |", flush=True)
                else:
                    print(f"{word}: {name}: p50 {cells[0]}, p99 {cells[1]}, longest {cells[2]}, failed {cells[3]}; memory {cells[4]}, most {cells[5]}, after {cells[6]}", flush=True)
        finally:
            service.stop(process)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
