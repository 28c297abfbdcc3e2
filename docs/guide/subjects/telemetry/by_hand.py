#!/usr/bin/env python3
"""Looks at logs, metrics, health and OTLP exports of a service without keel:   by_hand.py NAME

Starts the dependency and the service of NAME/keel.toml with a receiver of OTLP over HTTP, sends requests, and prints what was seen, a line
for each attribute. It judges nothing and shares nothing with the prover."""
import gzip
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

here = pathlib.Path(__file__).resolve().parent / sys.argv[1]
config = tomllib.loads((here / "keel.toml").read_text())
service, requests = config["service"], config["requests"]
dependencies = config.get("dependencies")
dependency = next(iter(dependencies.values())) if isinstance(dependencies, dict) else None
workdir = (here / service["workdir"]).resolve()
url = service["url"]
TRACE = "5ca1ab1e0ddba11d15ea5ed0b5e55ed1"
exports = {}


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        exports.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


class Slow(BaseHTTPRequestHandler):
    """Stands before the dependency, and is as slow as `delay`; with `broken` it answers 500."""
    delay, broken, traces = 0.0, False, []

    def do_GET(self):
        Slow.traces.append(self.headers.get("traceparent"))
        time.sleep(Slow.delay)
        status, body = 200, b""
        if Slow.broken:
            status = 500
        else:
            try:
                body = urllib.request.urlopen(dependency["url"] + self.path).read()
            except OSError:
                status = 502
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def get(path, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def series():
    """All samples of the metrics by name and labels."""
    lines = [line for line in get(service["metrics"])[1].splitlines() if line and line[0] != "#"]
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if re.match(r"[a-zA-Z_:]", line)}


def risen(before, after, by=None):
    return [(name, after[name] - before.get(name, 0)) for name in after
            if (after[name] - before.get(name, 0) == by if by else after[name] > before.get(name, 0))]


processes, output = [], []
env = dict(os.environ, **service.get("env", {}))
env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{serve(Receiver)}", "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_BLRP_SCHEDULE_DELAY": "200", "OTEL_BSP_SCHEDULE_DELAY": "200"}
try:
    if dependency:
        processes.append(subprocess.Popen(shlex.split(dependency["run"]), cwd=workdir, start_new_session=True))
        template = dependency.get("value", "http://{host}:{port}")
        env[dependency["env"]] = template.format(host="127.0.0.1", port=serve(Slow))
    subject = subprocess.Popen(shlex.split(service["run"]), cwd=workdir, env=env, start_new_session=True, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    processes.append(subject)
    threading.Thread(target=lambda: output.extend(iter(subject.stdout.readline, "")), daemon=True).start()
    for _ in range(600):
        if get(service["ready"])[0] == 200:
            break
        time.sleep(0.1)
    plain = next(spec for spec in requests if not spec.get("uses"))["path"]
    for spec in requests:
        get(spec["path"])

    status, body = get(service["health"])
    print(f"see.health: {service['health']} is answered {status}: {body.strip()[:80]!r}")

    before, at = series(), len(output)
    for _ in range(7):
        get(plain, **{"X-Request-Id": "by-hand-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    for number in range(20):
        get(f"/nothing-{number}-{time.time_ns()}")
    after = series()
    time.sleep(2)
    counts = [name for name, _ in risen(before, after, 7) if re.search(r"route|handler|path|uri|code|status", name)]
    errors = [name for name, _ in risen(before, after, 20) if "4" in name]
    print(f"see.metrics: after 7 and 20 requests {counts[:2] or 'no series with a label'} rose by 7, {errors[:1] or 'none with a 4'} by 20; "
          f"{len(after) - len(before)} new series of {len(after)}")
    json_lines = [line for line in output if line.lstrip().startswith("{")]
    found = sum("by-hand-1" in line or TRACE in line for line in output[at:])
    print(f"see.logs: {len(json_lines)} of {len(output)} lines begin like JSON; {found} have the id that was sent; last: {output[-1].strip()[:90] if output else ''!r}")

    if dependency:
        user = next(spec for spec in requests if spec.get("uses"))["path"]
        before, Slow.delay = series(), 0.3
        for _ in range(6):
            get(user)
        after, Slow.delay = series(), 0.0
        buckets = [name for name, _ in risen(before, after, 6) if "_bucket" in name and "+Inf" not in name]
        first = sorted(buckets, key=lambda name: float(re.search(r'le="([^"]+)"', name).group(1)))[:2]
        print(f"see.metrics: 6 requests of 0.3 s first count in {first or 'no bucket'}")
        for sent in [f"00-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b7", f"00-{'0' * 32}-00f067aa0ba902b7-01", None]:
            Slow.traces.clear()
            get(user, **({"traceparent": sent} if sent else {}))
            print(f"see.traces: with the traceparent {sent} its dependency gets {Slow.traces}")
        before, Slow.broken = series(), True
        statuses = [get(user)[0] for _ in range(5)]
        print(f"see.slo: 5 requests with a broken dependency: {statuses}; by 5 rose {[name for name, _ in risen(before, series(), 5)][:2]}")
    time.sleep(2)
    logs = b"".join(exports.get("/v1/logs", []))
    print(f"see.metrics, see.logs: OTLP exports {({path: len(bodies) for path, bodies in exports.items()})}; "
          f"trace id among log records: {bytes.fromhex(TRACE) in logs}")
finally:
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
