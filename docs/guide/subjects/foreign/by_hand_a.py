#!/usr/bin/env python3
"""Confirms findings of part A without keel: by_hand_a.py MODE PORT PATH [METHOD TYPE BODY] [-- COMMAND...]

half     SIGTERM while half of a body has been sent; the other half follows 0.2 s later
fresh    20 new connections in the second after SIGTERM
notify   what it says on NOTIFY_SOCKET until it is ready, and after SIGTERM
start    five starts: exec to the first answer below 500
taken    a start on a port that is taken
wire     requests that a server must refuse or close after
slow     a head that comes a byte a second, and a silent connection, for 105 s
burst    2,000 requests from one address
crowd    2,000 connections from one address, and a request on each of the newest 40
"""
import os, signal, socket, subprocess, sys, tempfile, threading, time

words = sys.argv[1:]
command = words[words.index("--") + 1:] if "--" in words else []
words = words[:words.index("--")] if "--" in words else words
mode, port, path = words[0], int(words[1]), words[2]
method, kind, body = (words[3:] + ["GET", "", ""][len(words) - 3:])[:3]


def connect(timeout=5):
    return socket.create_connection(("127.0.0.1", port), timeout)


def head(extra="", length=0):
    typed = f"Content-Type: {kind}\r\nContent-Length: {length}\r\n" if kind else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{typed}{extra}\r\n".encode()


def hear(client):
    """The status line, or how the connection ended."""
    try:
        came = client.recv(65536)
        return came.split(b"\r\n")[0].decode("latin-1") if came else "closed"
    except OSError as error:
        return repr(error)


def start(**more):
    process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    began = time.monotonic()
    while time.monotonic() - began < 60:
        try:
            client = connect()
            client.sendall(f"GET {ready} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            if hear(client).startswith("HTTP/"):
                return process, time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.02)
    sys.exit("it did not start")


ready = os.environ.get("READY", path)
if mode == "half":
    process, _ = start()
    client = connect(10)
    data = body.encode()
    client.sendall(head("Connection: close\r\n", len(data)) + data[:len(data) // 2])
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    try:
        client.sendall(data[len(data) // 2:])
        print("half sent at SIGTERM:", hear(client))
    except OSError as error:
        print("half sent at SIGTERM:", repr(error))
    print("exit", process.wait(40))
elif mode == "fresh":
    process, _ = start()
    process.send_signal(signal.SIGTERM)
    told = {}
    for _ in range(20):
        try:
            client = connect(3)
            client.sendall(head("Connection: close\r\n"))
            how = hear(client)
        except OSError as error:
            how = repr(error)
        told[how] = told.get(how, 0) + 1
        time.sleep(0.05)
    print("new connections after SIGTERM:", told, "exit", process.wait(60))
elif mode == "notify":
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(folder + "/notify")
        listener.settimeout(1)
        process, _ = start(env={**os.environ, "NOTIFY_SOCKET": folder + "/notify", "WATCHDOG_USEC": "1000000"})
        heard, until = [], time.monotonic() + 4
        process_ended = False
        while time.monotonic() < until + 3:
            if time.monotonic() > until and not process_ended:
                process.send_signal(signal.SIGTERM)
                process_ended = True
            try:
                heard.append(listener.recv(4096).decode())
            except TimeoutError:
                pass
        print("heard on NOTIFY_SOCKET:", heard, "exit", process.wait(40))
elif mode == "start":
    took = []
    for _ in range(5):
        process, seconds = start()
        took.append(f"{seconds:.1f}")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    print("seconds until the first answer:", took)
elif mode == "taken":
    holder = socket.create_server(("127.0.0.1", port))
    done = subprocess.run(command, timeout=30, capture_output=True)
    print("exit", done.returncode, (done.stdout + done.stderr)[-200:])
elif mode == "wire":
    p = path.encode()
    hidden = b"GET " + p + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for name, request in {
        "Content-Length and Transfer-Encoding": b"POST " + p + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
        "two lengths": b"POST " + p + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello1",
        "a URI of 64 KiB": b"GET " + p + b"?" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "1,100 headers of 1 kB": b"GET " + p + b" HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"b" * 1000) for i in range(1100)) + b"\r\n",
    }.items():
        client, came = connect(2), b""
        try:
            client.sendall(request)
            while piece := client.recv(65536):
                came += piece
            end = "closed"
        except TimeoutError:
            end = "open"
        except OSError as error:
            end = repr(error)
        print(name, [line.decode("latin-1") for line in came.split(b"\r\n") if line.startswith(b"HTTP/1")], end)
elif mode == "slow":
    def drip():
        client, began = connect(), time.monotonic()
        try:
            client.sendall(head()[:-2] + b"X: ")
            while time.monotonic() - began < 105:
                client.sendall(b"a")
                time.sleep(1)
            print("the head is still held after 105 s")
        except OSError as error:
            print("the head was cut", repr(error), f"{time.monotonic() - began:.0f} s")
    def silent():
        client, began = connect(105), time.monotonic()
        print("silence:", hear(client), f"after {time.monotonic() - began:.0f} s")
    for one in [threading.Thread(target=drip), threading.Thread(target=silent)]:
        one.start()
elif mode == "burst":
    told, began = {}, time.monotonic()
    def many():
        client = connect(20)
        for _ in range(100):
            client.sendall(head())
            how = hear(client)
            told[how] = told.get(how, 0) + 1
            if not how.startswith("HTTP"):
                client = connect(20)
    threads = [threading.Thread(target=many) for _ in range(20)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    print(told, f"in {time.monotonic() - began:.1f} s")
elif mode == "crowd":
    clients = []
    try:
        while len(clients) < 2000:
            clients.append(connect())
            clients[-1].sendall(head()[:-2])
    except OSError as error:
        print("after", len(clients), repr(error))
    for client in clients[-40:]:
        client.sendall(b"\r\n")
    told = {}
    for client in clients[-40:]:
        client.settimeout(10)
        how = hear(client)
        told[how] = told.get(how, 0) + 1
    print(len(clients), "connections; of the newest 40:", told)
if command and mode not in ("taken",):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass
