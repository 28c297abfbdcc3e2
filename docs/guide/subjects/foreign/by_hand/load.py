"""Bursts, crowds, slow clients and overload."""
import os
import re
import socket
import threading
import time

from registry import at_once, check, counted, told


@check("border.rate-limit")
def burst(s):
    method, path, headers, _ = s.filled(s.read())
    began = time.time()
    statuses = sum(at_once(lambda: [s.ask(method, path, headers)[0] for _ in range(100)], 20), [])
    return f"2,000 requests from one address in {time.time() - began:.1f} s: {counted(statuses)}"


@check("border.connections")
def crowd(s):
    head, clients, failed = s.head(s.read()), [], ""
    for _ in range(1500):
        try:
            client = s.connect(2, "127.0.0.2")
            client.sendall(head)
            clients.append(client)
        except OSError as error:
            failed = f", then {error!r}"
            break
    method, path, headers, _ = s.filled(s.read())
    other = s.ask(method, path, headers, timeout=5, source="127.0.0.3")
    served = 0
    for client in clients[-20:]:
        try:
            client.sendall(b"\r\n")
            served += client.recv(99).startswith(b"HTTP/1")
        except OSError:
            pass
    return f"{len(clients)} of 1,500 half-sent requests from one address{failed}; another address: {told(other)}; of the newest 20 ended {served} answered"


@check("border.slow-clients")
def slow(s, seconds=105):
    seen, read = [], s.read()
    write = (s.writes() or [read])[0]

    def held(name, first, more):
        client, began, end = s.connect(1), time.time(), "still held"
        try:
            client.sendall(first)
            while time.time() - began < seconds:
                if more:
                    client.sendall(more)
                try:
                    came = client.recv(4096)
                    if not came:
                        end = "closed"
                        break
                    if name != "idle after an answer":
                        end = f"answered {came[9:12].decode('latin-1')}"
                        break
                except TimeoutError:
                    pass
        except OSError as error:
            end = repr(error)
        seen.append(f"{name} {end} after {time.time() - began:.0f} s")

    def unread():
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(s.at)
        client.settimeout(5)
        own, began = client.getsockname()[1], time.time()
        try:
            client.sendall((s.head(read) + b"\r\n") * 20000)
        except OSError:
            pass
        line = re.compile(f":{s.at[1]:04X} [0-9A-F]+:{own:04X} 01 (?!00000000)")
        while time.time() - began < seconds and any(line.search(text) for file in ("/proc/net/tcp", "/proc/net/tcp6") for text in open(file)):
            time.sleep(1)
        seen.append(f"a reader that never reads held (with unsent bytes) for {time.time() - began:.0f} s")
    body = s.head(write, "Content-Length: 100000\r\n\r\n") if "Content" not in str(write.get("headers")) else s.head(write, "Content-Length: 100000\r\n\r\n")
    kinds = [("head", s.head(read) + b"X: ", b"a"), ("body", body, b" "), ("silence", b"", b""), ("idle after an answer", s.head(read) + b"\r\n", b"")]
    threads = [threading.Thread(target=held, args=kind) for kind in kinds] + [threading.Thread(target=unread)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    return "; ".join(seen)


@check("life.steady")
def spent(s):
    s.stop()
    s.start(before="ulimit -n 96; ")
    s.mix()
    head, clients = s.head(s.read()), []
    before = s.cpu()
    time.sleep(2)
    rest = (s.cpu() - before) / 2
    for _ in range(300):
        client = socket.socket()
        client.settimeout(0.1)
        try:
            client.connect(s.at)
            client.sendall(head)
        except OSError:
            pass
        clients.append(client)
    time.sleep(1)
    before, written = s.cpu(), os.fstat(s.output.fileno()).st_size
    time.sleep(3)
    used, logged = (s.cpu() - before) / 3, (os.fstat(s.output.fileno()).st_size - written) / 3
    most = max((len(os.listdir(f"/proc/{pid}/fd")) for pid in s.pids()), default=0)
    [client.close() for client in clients]
    time.sleep(2)
    after = told(s.send(s.read()))
    s.stop()
    s.start()
    s.mix()
    return f"with {most} of 96 descriptors open: {100 * used:.0f} % of a core at rest ({100 * rest:.0f} % before), {logged / 1000:.1f} KB/s of log; after: {after}"


@check("prove.attack")
def bystander(s):
    method, path, headers, _ = s.filled(s.read())
    def median():
        took = []
        for _ in range(11):
            began = time.time()
            status = s.ask(method, path, headers, timeout=5, source="127.0.0.3")[0]
            took.append((time.time() - began, status))
        return f"{sorted(took)[5][0] * 1000:.0f} ms {counted([status for _, status in took])}"
    seen, write = [f"before {median()}"], (s.writes() or [s.read()])[0]
    for name, begin in {"300 slow heads": s.head(s.read()), "300 slow bodies": s.head(write, "Content-Length: 4096\r\n\r\n") + b" ", "300 silent": b""}.items():
        clients = []
        for _ in range(300):
            try:
                client = s.connect(0.2, "127.0.0.2")
                client.sendall(begin)
                clients.append(client)
            except OSError:
                pass
        seen.append(f"beside {name} {median()}")
        [client.close() for client in clients]
        time.sleep(1)
    return "; ".join(seen)


@check("border.shed", "prove.stress")
def overload(s):
    request = next((one for one in s.requests if one.get("method", "GET") == "GET" and one.get("uses")), s.read())
    method, path, headers, _ = s.filled(request)
    began = time.time()
    done = sum(at_once(lambda: [s.ask(method, path, headers)[0] for _ in range(25)], 16), [])
    able = sum(200 <= status < 400 for status in done) / (time.time() - began)
    results = []

    def one():
        began = time.time()
        status, head, _ = s.ask(method, path, headers, timeout=5)
        results.append((status, time.time() - began, "retry-after" in head))
    began, number = time.time(), 0
    while (now := time.time() - began) < 5:
        while number < now * 2 * able:
            threading.Thread(target=one, daemon=True).start()
            number += 1
        time.sleep(0.005)
    time.sleep(6)
    timely = sum(200 <= status < 400 and took < 1 for status, took, _ in results)
    refused = [(status, said) for status, _, said in results if status in (429, 503)]
    return (f"{request['name']}: {able:.0f} a second by 16 clients; {number} sent in 5 s: {timely / 5:.0f} a second within 1 s ({100 * timely / 5 / max(able, 1):.0f} %), "
            f"statuses {counted([status for status, _, _ in results])}, refused {len(refused)}, with Retry-After {sum(said for _, said in refused)}")
