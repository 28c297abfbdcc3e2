"""A service of keel.toml, started and asked with Python's standard library alone: what by_hand.py examines."""
import http.client
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import tomllib
import urllib.parse
import uuid

COUNT = itertools.count(1)


class Subject:
    def __init__(self, file):
        told = tomllib.loads(pathlib.Path(file).read_text())
        self.file = pathlib.Path(file).resolve()
        self.service = told["service"]
        self.folder = (self.file.parent / self.service.get("workdir", ".")).resolve()
        url = urllib.parse.urlsplit(self.service["url"])
        self.at = (url.hostname, url.port)
        self.requests = told.get("requests", [])
        dependencies = told.get("dependencies", {})
        self.dependency = next(iter(dependencies.values())) if isinstance(dependencies, dict) and dependencies else None
        self.saved, self.process, self.helper, self.output = {}, None, None, None
        # Where the service is told that its dependency is; None for the real one.
        self.dependency_at = None

    def environment(self):
        env = {**os.environ, **self.service.get("env", {})}
        if self.dependency:
            real = urllib.parse.urlsplit(self.dependency["url"])
            host, port = self.dependency_at or (real.hostname, real.port)
            address = urllib.parse.urlunsplit(real._replace(netloc=f"{host}:{port}"))
            value = self.dependency.get("value", "{url}")
            env[self.dependency["env"]] = value.format(url=address, host=host, port=port)
        return env

    def start_dependency(self):
        if self.dependency and "run" in self.dependency and not self.helper:
            env = {**os.environ, **self.dependency.get("run_env", {})}
            self.helper = subprocess.Popen("exec " + self.dependency["run"], shell=True, cwd=self.folder, env=env,
                                           start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            port = urllib.parse.urlsplit(self.dependency["url"]).port
            until = time.time() + 15
            while time.time() < until and socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.05)

    def start(self, env={}, before="", patience=60, output=None, wait=True):
        """Seconds from exec to the first ready answer; None when that does not come."""
        self.start_dependency()
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(before + "exec " + self.service["run"], shell=True, cwd=self.folder,
                                        env={**self.environment(), **env}, start_new_session=True, stdin=subprocess.DEVNULL,
                                        stdout=output or self.output, stderr=subprocess.STDOUT)
        began = time.time()
        while wait and time.time() - began < patience and self.process.poll() is None:
            if self.ask("GET", self.service.get("ready", "/"), timeout=5)[0] // 100 in (2, 3):
                return time.time() - began
            time.sleep(0.02)

    def stop(self, signal_number=signal.SIGKILL):
        if self.process:
            try:
                os.killpg(self.process.pid, signal_number)
            except ProcessLookupError:
                pass
            self.process.wait(60)

    def end(self):
        self.stop()
        if self.helper:
            os.killpg(self.helper.pid, signal.SIGCONT)
            os.killpg(self.helper.pid, signal.SIGKILL)
            self.helper.wait(10)
            self.helper = None

    def printed(self):
        self.output.seek(0)
        return [line for line in self.output.read().decode("utf-8", "replace").splitlines() if line.strip()]

    def pids(self):
        return [int(pid) for pid in subprocess.run(["pgrep", "-g", str(self.process.pid)], capture_output=True, text=True).stdout.split()]

    def memory(self):
        """Megabytes of resident memory of all its processes."""
        pages = 0
        for pid in self.pids():
            try:
                pages += int(open(f"/proc/{pid}/statm").read().split()[1])
            except OSError:
                pass
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu(self):
        ticks = 0
        for pid in self.pids():
            ticks += sum(map(int, open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def ask(self, method, path, headers={}, body=None, timeout=20, source=None):
        """Status (0 for none), headers in lower case, body."""
        try:
            client = http.client.HTTPConnection(*self.at, timeout=timeout, source_address=source and (source, 0))
            client.request(method, path, body, headers)
            answer = client.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except Exception as error:
            return 0, {"error": repr(error)}, b""

    def filled(self, request):
        """Method, path, headers and body."""
        values = {"key": str(uuid.uuid4()), "n": str(next(COUNT)), **self.saved}

        def fill(value):
            if isinstance(value, str):
                whole = value[1:-1] if value[:1] + value[-1:] == "{}" else None
                if whole in self.saved:
                    return self.saved[whole]
                for name, known in values.items():
                    value = value.replace("{%s}" % name, str(known))
                return value
            if isinstance(value, dict):
                return {name: fill(inner) for name, inner in value.items()}
            return [fill(inner) for inner in value] if isinstance(value, list) else value

        headers = fill(request.get("headers", {}))
        body = request.get("body") and fill(request["body"])
        if "json" in request:
            body = json.dumps(fill(request["json"]))
            headers = {"Content-Type": "application/json", **headers}
        self.values = values
        return request.get("method", "GET"), fill(request["path"]), headers, body

    def send(self, request, **more):
        answer = self.ask(*self.filled(request), **more)
        for name, pointer in request.get("save", {}).items():
            try:
                value = json.loads(answer[2])
                for part in pointer.split("/")[1:]:
                    value = value[int(part)] if isinstance(value, list) else value[part]
                self.saved[name] = value
            except (ValueError, KeyError, TypeError):
                pass
        return answer

    def mix(self):
        return [(request["name"], self.send(request)) for request in self.requests]

    def writes(self):
        return [one for one in self.requests if one.get("method", "GET") in ("POST", "PUT", "PATCH") and one.get("read")] or \
               [one for one in self.requests if one.get("method", "GET") in ("POST", "PUT", "PATCH")]

    def read(self):
        """The first request that reads and uses nothing, or else the readiness."""
        for request in self.requests:
            if request.get("method", "GET") == "GET" and not request.get("uses"):
                return request
        return {"name": "ready", "path": self.service.get("ready", "/")}

    def users(self):
        return [one for one in self.requests if one.get("uses")]

    def head(self, request, lines=""):
        method, path, headers, _ = self.filled(request)
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\nHost: {self.at[0]}:{self.at[1]}\r\n{told}{lines}".encode()

    def connect(self, timeout=5, source="127.0.0.1"):
        client = socket.socket()
        client.settimeout(timeout)
        client.bind((source, 0))
        client.connect(self.at)
        return client


class StandIn:
    """Takes the place of a dependency: `manner` gets each connection on a thread of its own."""

    def __init__(self, manner):
        self.server, self.calls, self.ended, self.clients = socket.create_server(("127.0.0.1", 0), backlog=500), [], [], []
        self.at = self.server.getsockname()

        def serve(client):
            began = time.time()
            self.calls.append(began)
            self.clients.append(client)
            try:
                manner(self, client)
            except OSError:
                pass
            client.close()
            self.ended.append(time.time() - began)

        def accept():
            while True:
                try:
                    threading.Thread(target=serve, args=self.server.accept()[:1], daemon=True).start()
                except OSError:
                    return
        threading.Thread(target=accept, daemon=True).start()

    def close(self):
        """Takes no connection any more, and closes those that there are."""
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for client in self.clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def relay(real, gate):
    """A stand-in that passes bytes on while `gate` is set."""
    def manner(_, client):
        server = socket.create_connection(real)

        def pump(one, other):
            try:
                while data := one.recv(65536):
                    gate.wait()
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        pump(client, server)
        back.join()
    return StandIn(manner)
