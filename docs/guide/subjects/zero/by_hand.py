#!/usr/bin/env python3
"""Shows a finding of ../../zero-configuration.md without keel:   by_hand.py MODE PORT PATH COMMAND...

transfer    takes PATH slowly over SIGTERM and counts its bytes
unread      sends requests on accepted connections while the service is frozen, then SIGTERM
stalled     asks until nobody is answered, with output on a pipe of 4 KiB that nobody reads
gone        asks after the reading end of its output was closed
taken       starts it on a port that is taken
spent       takes its descriptors by half-sent requests, and measures its CPU time
"""
import fcntl, os, signal, socket, subprocess, sys, time

mode, port, path, command = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
REQUEST = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


def connect(buffer=None):
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.settimeout(5)
    client.connect(("127.0.0.1", port))
    return client


def start(**streams):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **streams)
    for _ in range(200):
        try:
            connect().close()
            return process
        except OSError:
            time.sleep(0.1)
    sys.exit("it does not listen")


def heard(client):
    try:
        got = client.recv(200)
        return got.split(b"\r\n")[0].decode() if got else "closed"
    except OSError as error:
        return str(error)


def ticks(process):
    pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
    total = 0
    for pid in pids:
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == process.pid:
            total += int(fields[11]) + int(fields[12])
    return total


quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
if mode == "transfer":
    process = start(**quiet)
    client = connect(4096)
    client.sendall(REQUEST)
    got = client.recv(4096)
    time.sleep(0.3)
    process.terminate()
    time.sleep(0.7)
    how = "closed"
    try:
        while piece := client.recv(65536):
            got += piece
            head, _, body = got.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if length and len(body) >= int(length[0].split(b":")[1]):
                how = "whole"
                break
    except OSError as error:
        how = str(error)
    body = len(got.partition(b"\r\n\r\n")[2])
    print(f"{body} bytes of body came: {how}")
elif mode == "unread":
    process = start(**quiet)
    clients = [connect() for _ in range(8)]
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGSTOP)
    for client in clients:
        client.sendall(REQUEST)
    process.terminate()
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGCONT)
    print([heard(client) for client in clients])
elif mode in ("stalled", "gone"):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, 1031, 4096)
    process = start(stdout=writer, stderr=writer)
    os.close(writer)
    if mode == "gone":
        os.close(reader)
    answered = failed = 0
    while answered < 3000 and failed < 3:
        try:
            client = connect()
            client.settimeout(3)
            client.sendall(REQUEST)
            came = heard(client)
        except OSError as error:
            came = str(error)
        answered, failed = (answered + 1, 0) if came.startswith("HTTP/1") else (answered, failed + 1)
    print(f"answered {answered}, then {failed} failed in a row ({came}); exit {process.poll()}")
    if mode == "stalled":
        os.read(reader, 1 << 16)
        client = connect()
        client.sendall(REQUEST)
        print("after its output was read:", heard(client))
elif mode == "taken":
    holder = socket.create_server(("127.0.0.1", port))
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        print("exit", process.wait(15), f"after {time.monotonic() - began:.1f} s")
    except subprocess.TimeoutExpired:
        print("still runs after 15 s")
elif mode == "spent":
    command[:0] = ["sh", "-c", 'ulimit -n 40 && exec "$@"', "sh"]
    process = start(**quiet)
    clients = []
    try:
        while len(clients) < 60:
            client = connect()
            client.sendall(REQUEST[:-2])
            clients.append(client)
    except OSError:
        pass
    time.sleep(1)
    before, began = ticks(process), time.monotonic()
    time.sleep(3)
    used = (ticks(process) - before) / os.sysconf("SC_CLK_TCK")
    print(f"{used:.2f} s of CPU in {time.monotonic() - began:.1f} s, with {len(os.listdir(f'/proc/{process.pid}/fd'))} descriptors of 40")
try:
    os.killpg(process.pid, signal.SIGKILL)
except OSError:
    pass
