"""Many connections and much memory. These checks run one after the other, when all others are over."""

import resource
import time

import http2
import wire


def family(pid):
    """A process and those that it started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [pid, *(one for child in children.read().split() for one in family(int(child)))]
    except OSError:
        return [pid]


def memory(target):
    """Resident bytes of the process and of those that it started; 0 where it is unknown."""
    total = 0
    for pid in family(target.pid) if target.pid else []:
        try:
            with open(f"/proc/{pid}/status") as status:
                total += next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS")), 0)
        except OSError:
            pass
    return total


def held(target, count, source, first):
    """Opens connections that send `first`. Returns them; refused ones are those with an answer or an end."""
    sockets = []
    for _ in range(count):
        try:
            sock = target.connect(source)
            sock.sendall(first)
            sockets.append(sock)
        except OSError:
            break
    time.sleep(1.5)
    refused = 0
    for sock in sockets:
        sock.setblocking(False)
        try:
            refused += 1 if sock.recv(65536) is not None else 0
        except BlockingIOError:
            pass
        except OSError:
            refused += 1
    return sockets, refused


def per_address(target):
    sockets, refused = held(target, 1500, "127.0.0.3", b"GET / HT")
    status, took = wire.get(target, "127.0.0.4")
    for sock in sockets:
        sock.close()
    return refused > 0 and status == 200 and took < 1, f"{refused} of {len(sockets)} refused; another address: {status} in {took * 1000:.0f} ms"


def accepting_goes_on(target):
    """Connections of several addresses, up to the cap in all; one of another address is still answered, if only by a refusal."""
    sockets, refused = [], 0
    for last in range(10, 14):
        more, less = held(target, 1000, f"127.0.0.{last}", b"GET / HT")
        sockets, refused = sockets + more, refused + less
    status, took = wire.get(target, "127.0.0.5")
    for sock in sockets:
        sock.close()
    return status in (200, 503) and took < 1, f"{len(sockets)} half-open, another address: {status} in {took * 1000:.0f} ms"


def window_zero_memory(target):
    """One client with a window of 0 and 200 streams; memory before and while it waits."""
    # What a process gets with its first request is no client's.
    first = http2.Client(target)
    first.request(1)
    first.run(5, lambda client: 1 in client.ended)
    first.sock.close()
    before = memory(target)
    client = http2.Client(target, window=0)
    client.run(0.3)
    client.send(b"".join(http2.frame(1, 5, 2 * n + 1, http2.head(target.large)) for n in range(200)))
    client.run(2)
    grown = memory(target) - before
    client.sock.close()
    return grown < 16 << 20, f"{grown / (1 << 20):.1f} MiB" if before else "no process to look at"


HELD = []


def per_connection(target, network, first, read):
    """Bytes of memory for each of 2,000 open connections that sent `first`. They stay open, so that the next check does not get their memory."""
    if not target.pid:
        return True, "no process to look at"
    rises = []
    for thousand in range(3):
        before = memory(target)
        for n in range(1000):
            sock = target.connect(f"127.0.{network}.{thousand * 4 + n // 250 + 1}")
            sock.sendall(first)
            if read:
                sock.recv(65536)
            HELD.append(sock)
        time.sleep(0.5)
        rises.append((memory(target) - before) // 1000)
    # The first thousand also fills what the process keeps for later.
    each = sum(rises[1:]) // 2
    return each <= 24 * 1024, f"{each} bytes a connection (2,000 after the first 1,000)"


def half_sent(target):
    result = per_connection(target, 2, b"GET /hello HTTP/1.1\r\nhost: x\r\na: " + b"b" * 100, False)
    while HELD:
        HELD.pop().close()
    return result


def first():
    """The check that needs a process that nothing else has grown."""
    yield 5, "memory of HTTP/2 window of 0, 200 streams", window_zero_memory


def checks():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield 26, "memory of an idle connection", lambda target: per_connection(target, 1, b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target.path, True)
    yield 26, "memory of a half-sent head", half_sent
    yield 26, "cap of connections of an address", per_address
    yield 26, "accepting goes on under a flood", accepting_goes_on
