"""A dependency that is silent, fails or answers badly."""
import socket
import threading
import time
import urllib.parse

from registry import at_once, check, counted, told
from subject import StandIn, relay


def with_dependency(s, address, request=None, timeout=15):
    s.stop()
    s.dependency_at = address
    ready = s.start(patience=15)
    seen = []
    for one in ([request] if request else s.requests):
        began = time.time()
        answer = s.send(one, timeout=timeout)
        seen.append(f"{one['name']} {told(answer)} after {time.time() - began:.1f} s")
    s.stop()
    s.dependency_at = None
    s.start()
    return ("" if ready else "(not ready) ") + ", ".join(seen)


def real(s):
    url = urllib.parse.urlsplit(s.dependency["url"])
    return url.hostname, url.port


@check("border.deadline", "call.timeout")
def silent(s):
    gate, first = threading.Event(), real(s)
    gate.set()
    stand = relay(first, gate)
    s.stop()
    s.dependency_at = stand.at
    s.start(patience=15)
    s.mix()
    seen = []
    for times in (1, 8):
        gate.clear()
        for one in s.users():
            began = time.time()
            answers = at_once(lambda: (told(s.send(one, timeout=15)), round(time.time() - began, 1)), times)
            seen.append(f"{one['name']} x{times} {sorted(answers)[-1]}")
        gate.set()
        time.sleep(1)
    s.stop()
    s.dependency_at = None
    s.start()
    drips = ""
    if s.dependency["url"].startswith("http"):
        def drip(_, client):
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(60):
                client.sendall(b"a")
                time.sleep(1)
        drips = "; a dependency that drips: " + with_dependency(s, StandIn(drip).at)
    return "a silent dependency: " + ", ".join(seen) + drips


@check("call.fallback")
def without(s):
    if not s.dependency["url"].startswith("http"):
        # It may need the dependency to start.
        gate = threading.Event()
        gate.set()
        stand = relay(real(s), gate)
        s.stop()
        s.dependency_at = stand.at
        s.start(patience=30)
        s.mix()
        stand.close()
        seen = [f"{one['name']} {told(s.send(one, timeout=15))}" for one in s.users()]
        s.stop()
        s.dependency_at = None
        s.start()
        return "a dependency that has closed its connections and refuses: " + ", ".join(seen)
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    return "a dependency that refuses: " + with_dependency(s, closed.getsockname())


@check("call.bad-answers")
def bad_answers(s):
    big = b"[" + b"0," * (40 << 20) + b"0]"

    def flood(_, client):
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(big) + big)

    def garbage(_, client):
        client.recv(65536)
        client.sendall(b"this is not the protocol")

    def error(_, client):
        client.recv(65536)
        client.sendall(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    seen = []
    for name, manner in {"garbage": garbage, "500": error, "80 MiB": flood}.items():
        s.stop()
        s.dependency_at = StandIn(manner).at
        s.start(patience=10)
        for one in s.users()[:1]:
            before, most, answer = s.memory(), 0, []
            asking = threading.Thread(target=lambda: answer.append(s.send(one, timeout=15)))
            asking.start()
            while asking.is_alive():
                most = max(most, s.memory())
                time.sleep(0.01)
            seen.append(f"{name}: {told(answer[0])}, memory {before:.0f} to {most:.0f} MB")
    s.stop()
    s.dependency_at = None
    s.start()
    return "; ".join(seen)


def failing(first_only):
    """Answers 503; after the first call as the real one when `first_only`."""
    def manner(stand, client):
        client.recv(65536)
        good = b'{"code": "USD", "rate": 1.08}'
        if first_only and len(stand.calls) > 1:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(good) + good)
        else:
            client.sendall(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return StandIn(manner)


@check("call.retry", "call.breaker")
def failures(s):
    seen = []
    for first_only, times in ((True, 1), (False, 100)):
        stand = failing(first_only)
        s.stop()
        s.dependency_at = stand.at
        s.start(patience=10)
        stand.calls.clear()
        statuses = [s.send(s.users()[0])[0] for _ in range(times)]
        seen.append(f"{'503 once' if first_only else '503 always'}: {times} requests {counted(statuses)} caused {len(stand.calls)} calls")
    s.stop()
    s.dependency_at = None
    s.start()
    return "; ".join(seen)


@check("call.bulkhead", "call.deadline")
def waiting(s):
    stand = StandIn(lambda _, client: [None for _ in iter(lambda: client.recv(65536), b"")])
    s.stop()
    s.dependency_at = stand.at
    s.start(patience=10)
    stand.calls.clear()
    stand.ended.clear()
    s.send(s.users()[0], timeout=1)
    began = time.time()
    while time.time() - began < 12 and not stand.ended:
        time.sleep(0.1)
    left = f"the caller left after 1 s, its call ended {[round(took, 1) for took in stand.ended] or 'not within 13 s'} after it began ({len(stand.calls)} calls)"
    one = s.users()[0]
    for _ in range(256):
        threading.Thread(target=lambda: s.send(one, timeout=20), daemon=True).start()
    time.sleep(1)
    method, path, headers, _ = s.filled(s.read())
    took = []
    for _ in range(6):
        began = time.time()
        took.append((s.ask(method, path, headers, timeout=5)[0], round(time.time() - began, 2)))
    s.stop()
    s.dependency_at = None
    s.start()
    return f"{left}; with 256 requests in flight, {path}: {took}"
