"""A client of a service under attack: its latencies, and the requests that were not answered with 200."""

import collections
import threading
import time

import wire

# Requests a second, and the time for which an answer is waited for.
RATE, PATIENCE = 20, 5


def bystander(target, seconds, out):
    """The process of the bystander: latencies of those that were answered with 200, and the others by their status; 0 for no answer."""
    request = b"GET %s HTTP/1.1\r\nhost: x\r\n" % target.path
    times, failed, kept, lock, running = [], collections.Counter(), [], threading.Lock(), []

    def ask(due, fresh):
        status, sock = 0, None
        try:
            with lock:
                sock = None if fresh or not kept else kept.pop()
            sock = sock or target.connect(f"{target.network}.0.9")
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


def quantile(times, share):
    return times[min(len(times) - 1, round(share * (len(times) - 1)))] if times else float("inf")
