#!/usr/bin/env python3
"""Measures requests of the ledger beside sick sinks of its telemetry:   outages.py [--requests N] -- PROGRAM

Starts one ledger for each condition, with all exports on and each trace sampled: a collector that works, one that is dead, one that never answers, one
that lies, and an output that is not read. Each request goes to all of them in turn, so that other load on the machine meets all alike. Prints the
latency of each, the loss that its metrics tell, and its exit code and time after SIGTERM. It judges nothing."""
import argparse
import http.client
import http.server
import itertools
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

LIES = [(200, b"<html>It works</html>"), (500, b"none of it is true"), (429, b""), (200, b"\x0a\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f")]
LOST = ["traces_spans_lost_total", "otlp_logs_records_lost_total", "otlp_metrics_points_lost_total", "logs_dropped_total"]
LOG_FILLS = 4000  # requests that fill the pipe of the output that is not read


def collector(answer):
    """Serves on a free port; `answer` is called with the number of the export and returns a status and a body, or None for no answer."""
    numbers = itertools.count()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            answered = answer(next(numbers))
            if answered is None:
                time.sleep(600)
                return
            self.send_response(answered[0])
            self.send_header("Content-Length", str(len(answered[1])))
            self.end_headers()
            self.wfile.write(answered[1])

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Ledger:
    def __init__(self, program, name, endpoint, read=True):
        self.name, self.port, self.admin, self.folder = name, free_port(), free_port(), tempfile.TemporaryDirectory()
        env = dict(os.environ, HOST="127.0.0.1", PORT=str(self.port), ADMIN_ADDR=f"127.0.0.1:{self.admin}", RAIL_URL="http://127.0.0.1:9",
                   DATABASE_URL=f"sqlite:{self.folder.name}/ledger.db", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_TRACES_SAMPLER="always_on",
                   OTEL_METRIC_EXPORT_INTERVAL="1000", RUST_LOG="info" if read else "debug", LOG_RATE="100" if read else "0")
        self.process = subprocess.Popen(program, env=env, stdout=subprocess.DEVNULL if read else subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.latencies, self.failed = [], 0
        for _ in range(300):
            if self.get(self.admin, "/readyz")[0] == 200:
                break
            time.sleep(0.1)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, port, path):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""

    def ask(self):
        began = time.perf_counter()
        self.connection.request("GET", "/v1/accounts")
        answer = self.connection.getresponse()
        answer.read()
        self.latencies.append((time.perf_counter() - began) * 1000)
        self.failed += answer.status != 200

    def end(self):
        text = self.get(self.admin, "/metrics")[1]
        lost = {name: int(float(re.search(rf"(?m)^{name} (\S+)", text).group(1))) for name in LOST}
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.latencies.sort()
        p50, p99 = (self.latencies[int(len(self.latencies) * share)] for share in (0.5, 0.99))
        told = ", ".join(f"{name} {count}" for name, count in lost.items() if count) or "nothing lost"
        print(f"{self.name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms of {len(self.latencies)}, {self.failed} not 200; {told}; exit code {code} "
              f"after {time.perf_counter() - began:.2f} s", flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--requests", type=int, default=2000)
parser.add_argument("program", nargs="+")
arguments = parser.parse_args()
works = collector(lambda _: (200, b""))
ledgers = []
try:
    for name, endpoint, read in [("works", works, True), ("works, too", works, True), ("dead", f"http://127.0.0.1:{free_port()}", True),
                                 ("slow", collector(lambda _: None), True), ("lies", collector(lambda n: LIES[n % len(LIES)]), True),
                                 ("output not read", works, False)]:
        ledgers.append(Ledger(arguments.program, name, endpoint, read))
    for ledger in ledgers:
        for _ in range(LOG_FILLS if ledger.process.stdout else 50):
            ledger.ask()
        ledger.latencies.clear()
    for number in range(arguments.requests):
        first = number % len(ledgers)
        for ledger in ledgers[first:] + ledgers[:first]:
            ledger.ask()
        time.sleep(0.005)
    for ledger in ledgers:
        ledger.end()
finally:
    for ledger in ledgers:
        ledger.process.kill()
