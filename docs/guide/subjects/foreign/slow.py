#!/usr/bin/env python3
"""Tells for how long a service keeps slow clients:   slow.py SECONDS PORT [POST-PATH [GET-PATH]]

A head, and a body, that come a byte a second; a connection that sends nothing; one that sends nothing after its first answer.
At the end 600 connections from one address, of which the newest 20 ask. It shares nothing with the prover."""
import socket, sys, threading, time

seconds, port = float(sys.argv[1]), int(sys.argv[2])
post = sys.argv[3] if len(sys.argv) > 3 else "/"
get = sys.argv[4] if len(sys.argv) > 4 else "/"


def connect():
    client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(1)
    return client


def held(name, first, more):
    client, start, came = connect(), time.time(), b""
    try:
        client.sendall(first)
        while time.time() - start < seconds:
            if more:
                client.sendall(more)
            try:
                piece = client.recv(4096)
                if not piece:
                    break
                came += piece
            except TimeoutError:
                pass
    except OSError as error:
        came += repr(error).encode()
    took = time.time() - start
    print(f"{port} {name}: {'still held' if took >= seconds else 'cut'} after {took:.1f} s, {came[:40]!r}", flush=True)


ask = f"GET {get} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
kinds = [
    ("slow head", f"GET {get} HTTP/1.1\r\nHost: x\r\nX: ".encode(), b"a"),
    ("slow body", f"POST {post} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n".encode(), b" "),
    ("silent", b"", b""),
    ("idle after an answer", ask, b""),
]
threads = [threading.Thread(target=held, args=kind) for kind in kinds]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
crowd, refused = [], 0
for _ in range(600):
    try:
        crowd.append(connect())
    except OSError:
        refused += 1
served = 0
for client in crowd[-20:]:
    try:
        client.sendall(ask)
        served += client.recv(64).startswith(b"HTTP/1.1")
    except OSError:
        pass
print(f"{port} {len(crowd)} of 600 connections taken, {served} of the newest 20 answered")
