"""Sockets and outcomes that all checks share."""

import socket
import time


class Target:
    """The server under test: a path that answers GET, one that takes a body, one with a large answer, and its process."""

    def __init__(self, host, port, path, post, large, pid=None, network="127.0"):
        # `network`: the first half of the addresses of its clients.
        self.host, self.port, self.path, self.pid, self.network = host, port, path, pid, network
        # A server without such paths refuses the body, or gives its small answer.
        self.post, self.large = post or path, large or path

    def connect(self, source=None, receive_buffer=None):
        """`source` is a local address: checks of caps must not disturb the others."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            sock.bind((source, 0))
        sock.settimeout(20)
        sock.connect((self.host, self.port))
        return sock


def read_to_end(sock, seconds):
    """Reads until the server closes. Returns the bytes, and the seconds until the close; None when it did not close in time."""
    start, data = time.monotonic(), b""
    while (left := start + seconds - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            piece = sock.recv(65536)
        except socket.timeout:
            break
        except OSError:
            return data, time.monotonic() - start
        if not piece:
            return data, time.monotonic() - start
        data += piece
    return data, None


def statuses(data):
    """The status codes of all HTTP/1.1 answers in `data`."""
    return [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]


def get(target, source=None):
    """Sends one plain request. Returns its status and the seconds that it took."""
    start = time.monotonic()
    with target.connect(source) as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" % target.path)
        data, _ = read_to_end(sock, 20)
    return (statuses(data) or [0])[0], time.monotonic() - start
