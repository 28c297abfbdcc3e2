"""Start, end, output and metrics."""
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

from registry import check, counted, told


@check("life.kill")
def kill(s):
    seen = []
    for write in [one for one in s.writes() if one.get("read")][:1]:
        kept = []
        for _ in range(20):
            answer = s.send(write)
            kept.append((answer[0], s.filled({"path": write["read"]})[1] if "{key}" not in write["read"] else write["read"].replace("{key}", s.values["key"])))
        read_before = s.ask("GET", kept[-1][1])[0]
        s.stop()
        took = s.start()
        after = [s.ask("GET", path)[0] for _, path in kept]
        never = re.sub(r"[0-9a-f]{6,}|\d+", lambda found: "9" * len(found[0]), kept[-1][1])
        seen.append(f"20 of {write['name']} acknowledged {counted([status for status, _ in kept])}, read before {read_before}; kill -9; ready after {took and round(took, 1)} s; "
                    f"read after {counted(after)}; never made ({never}): {s.ask('GET', never)[0]}")
        kept = []

        def write_on():
            while s.process.poll() is None:
                answer = s.send(write, timeout=3)
                if answer[0] == 201 and isinstance(s.saved.get(next(iter(write.get("save", {})), "")), (int, str)):
                    try:
                        kept.append(json.loads(answer[2])[next(iter(write["save"].values()))[1:]])
                    except (ValueError, KeyError, TypeError):
                        return
        writers = [threading.Thread(target=write_on, daemon=True) for _ in range(4)]
        [one.start() for one in writers]
        time.sleep(2)
        s.stop()
        [one.join(5) for one in writers]
        s.start()
        name = next(iter(write.get("save", {})), "key")
        after = [s.ask("GET", write["read"].replace("{%s}" % name, str(id)))[0] for id in kept[-40:]]
        seen.append(f"four writers until kill -9: of the last {len(after)} acknowledged {counted(after)}")
    if not seen:
        s.stop()
        took = s.start()
        seen.append(f"kill -9, ready again after {took and round(took, 1)} s, the mix: {[told(answer) for _, answer in s.mix()]}")
    return "; ".join(seen)


@check("life.drain")
def drain(s):
    seen = []
    for write in s.writes()[:1]:
        method, path, headers, body = s.filled(write)
        client, data = s.connect(20), body.encode()
        client.sendall(s.head(write, f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n") + data[:len(data) // 2])
        time.sleep(0.3)
        s.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        try:
            client.sendall(data[len(data) // 2:])
            came = client.recv(99)
            seen.append(f"half sent at SIGTERM: {came[9:12].decode('latin-1') or 'closed'}")
        except OSError as error:
            seen.append(f"half sent at SIGTERM: {error!r}")
        try:
            seen.append(f"exit {s.process.wait(40)}")
        except subprocess.TimeoutExpired:
            seen.append("still runs after 40 s")
        s.stop()
        s.start()
    s.process.send_signal(signal.SIGTERM)
    looks = []
    for _ in range(40):
        looks.append(s.ask("GET", s.service.get("ready", "/"), timeout=3)[0])
        time.sleep(0.02)
    try:
        seen.append(f"idle: readiness after SIGTERM {counted(looks)} (0 is none), exit {s.process.wait(40)}")
    except subprocess.TimeoutExpired:
        seen.append("idle: still runs after 40 s")
    return "; ".join(seen)


@check("life.manager")
def notify(s):
    s.stop()
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(folder + "/notify")
        listener.settimeout(0.5)
        s.start(env={"NOTIFY_SOCKET": folder + "/notify", "WATCHDOG_USEC": "1000000"})
        heard, until, ended = [], time.time() + 4, False
        while time.time() < until + 3:
            if time.time() > until and not ended:
                s.process.send_signal(signal.SIGTERM)
                ended = True
            try:
                heard.append(listener.recv(4096).decode().strip())
            except TimeoutError:
                pass
    return f"on NOTIFY_SOCKET in 4 s and after SIGTERM: {heard}"


@check("life.start", "ship.config")
def starts(s):
    took, seen = [], []
    for _ in range(5):
        s.stop()
        took.append(s.start())
    s.stop()
    holder = None
    for _ in range(50):
        try:
            holder = holder or socket.create_server(s.at)
        except OSError:
            time.sleep(0.2)
    s.start(wait=False)
    try:
        seen.append(f"taken port: exit {s.process.wait(15)}")
    except subprocess.TimeoutExpired:
        seen.append("taken port: still runs after 15 s")
    seen.append(f"printed {str(s.printed()[-2:])[:160]}")
    holder.close()
    s.stop()
    for name in [s.dependency["env"]] if s.dependency else []:
        for value in ["//not a valid value//", "%keel garbage%"]:
            ready = s.start(env={name: value}, patience=8)
            seen.append(f"{name}={value!r}: {f'ready after {ready:.1f} s' if ready else 'not ready in 8 s'}, exit {s.process.poll()}, names it: {any(name in line or value in line for line in s.printed())}")
            s.stop()
    s.start()
    return f"five starts to ready {[one and round(one, 2) for one in took]} s; " + "; ".join(seen)


@check("see.logs", "access.secrets")
def output(s):
    s.mix()
    s.ask("GET", "/?password=handmade1&access_token=handmade2", {"Authorization": "Bearer handmade3", "Cookie": "session=handmade4"})
    for request in s.requests:
        method, path, headers, body = s.filled(request)
        s.ask(method, path + ("&" if "?" in path else "?") + "access_token=handmade2", headers, body)
    time.sleep(1)
    lines = s.printed()
    objects = sum(line.lstrip().startswith("{") for line in lines)
    where = {"password=": "handmade1", "access_token=": "handmade2", "Authorization": "handmade3", "Cookie": "handmade4"}
    s.stop()
    read, write = os.pipe()
    fcntl.fcntl(write, 1031, 4096)
    s.start(output=write)
    full = []
    while len(full) < 600 and full[-5:] != [0] * 5:
        full.append(s.send(s.requests[0] if s.requests else s.read(), timeout=2)[0])
    os.close(write)
    os.close(read)
    time.sleep(0.3)
    gone = [s.send(s.read(), timeout=3)[0] for _ in range(5)]
    state = s.process.poll()
    s.stop()
    s.start()
    return (f"{len(lines)} lines, {objects} JSON objects, such as {lines[-1][:90] if lines else None!r}; printed: {[name for name, value in where.items() if any(value in line for line in lines)]}; "
            f"a full pipe of 4 KiB: {counted(full)}; its reader gone: {counted(gone)}, exit {state}")


@check("see.metrics")
def metrics(s):
    path = s.service.get("metrics", "/metrics")

    def look():
        text = s.ask("GET", path)[2].decode("utf-8", "replace")
        return {name: float(value) for name, value in re.findall(r"(?m)^([a-zA-Z_:][^\n]*?) ([-+.eE0-9]+)$", text)}
    s.send(s.read())
    s.ask("GET", "/nothing-0")
    before = look()
    if not before:
        return f"{path}: {s.ask('GET', path)[0]}"
    [s.send(s.read()) for _ in range(7)]
    [s.ask("GET", f"/nothing-{n}") for n in range(20)]
    after = look()
    return f"after 7 of {s.read()['path']} and 20 unknown paths, rose by 7: {[n for n in after if after[n] - before.get(n, 0) == 7]}; by 20: {[n for n in after if after[n] - before.get(n, 0) == 20]}; new series {len(after) - len(before)}"[:700]


@check("ship.make", "ship.supply-chain")
def repository(s):
    return f"in the folder of the service: {sorted(path.name for path in s.file.parent.iterdir())}"


@check("data.location")
def location(s):
    began = time.time()
    for _ in range(10):
        s.mix()
    time.sleep(1)
    opened = sorted({os.readlink(f"/proc/{pid}/fd/{fd}") for pid in s.pids() for fd in os.listdir(f"/proc/{pid}/fd")})
    opened = [path for path in opened if path.startswith("/") and not path.startswith(("/dev", "/proc", "/sys"))]
    changed = [str(path) for path in list(s.folder.glob("*")) + list(pathlib.Path("/tmp").glob("*")) if path.is_file() and path.stat().st_mtime > began]
    return f"open files {opened}; changed in its folder and /tmp {changed}"
