"""Runs the four attacks of slowhttptest on the ledger: slow headers, slow bodies, slow reading, overlapping ranges.

    slowhttptest.py [--seconds 60] [--connections 400] [--only WORD] [--program target/debug/ledger]
    slowhttptest.py [--seconds 60] [--connections 400] [--only WORD] HOST:PORT      attacks a running server (on this machine alone)

Each attack opens its connections within four seconds and is clean when slowhttptest ends with 0, its probe finds the service available in
every second, and every connection was closed before the time limit. Connections that read slowly need not be: slowhttptest asks for ten answers at
most, which the kernel holds for a client where the service is done with them. The exit code is 1 when an attack is not clean."""

import argparse
import csv
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

import service
import wire

PROBE = 3
ALL_CLOSED = "No open connections left"
# Name, mode, path, options, and whether every connection must be closed.
ATTACKS = [
    ("slow headers", "-H", "/", ["-i", "5", "-x", "24"], True),
    ("slow bodies", "-B", "/v1/accounts", ["-i", "5", "-x", "10", "-s", "8192", "-f", "application/json"], True),
    ("slow reading", "-X", "/openapi.json", ["-w", "10", "-y", "20", "-n", "5", "-z", "32", "-k", "10"], False),
    ("overlapping ranges", "-R", "/", ["-a", "10", "-b", "3000", "-t", "GET"], True),
]


def attack(url, folder, name, mode, path, options, all_closed, seconds, connections):
    """Runs one attack. Returns whether it was clean, and what was seen."""
    prefix = folder / mode.strip("-")
    command = ["slowhttptest", mode, "-u", url + path, "-c", str(connections), "-r", str(connections // 4), "-l", str(seconds), "-p", str(PROBE), "-g", "-o", str(prefix), *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    except subprocess.TimeoutExpired:
        return False, f"slowhttptest did not end within {seconds + 60} s"
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    ended = re.findall(r"Exit status:\s*(.*)", text)
    if done.returncode != 0:
        return False, f"exit code {done.returncode}: {' '.join(text.split()[-20:])}"
    with open(f"{prefix}.csv") as file:
        rows = list(csv.DictReader(file))
    away = [row["Seconds"] for row in rows if int(row["Service Available"]) == 0]
    last = rows[-1] if rows else {"Seconds": 0, "Closed": 0, "Pending": 0, "Connected": 0}
    left = int(last["Pending"]) + int(last["Connected"])
    # The last row may be older than the end.
    status = ended[-1].strip() if ended else "no exit status"
    clean = rows and not away and (not all_closed or left == 0 or status == ALL_CLOSED)
    said = f"exit code {done.returncode}, {status}; {last['Closed']} connections closed after {last['Seconds']} s, {left} not; "
    return bool(clean), said + (f"unavailable in seconds {', '.join(away)}" if away else f"available in all {len(rows)} looks")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=400)
    parser.add_argument("--program", default="target/debug/ledger")
    parser.add_argument("--only", default="", help="run the attacks whose name contains this word")
    parser.add_argument("address", nargs="?")
    given = parser.parse_args()
    if given.address and not given.address.startswith("127."):
        parser.error("only a server on a loopback address is attacked")
    process = None
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if given.address:
            address = given.address
        else:
            process, port = service.start([str(pathlib.Path(given.program).resolve())], folder)
            address = f"127.0.0.1:{port}"
            service.wait(wire.Target("127.0.0.1", port, b"/", b"", b""), process)
        try:
            failed = 0
            for one in [one for one in ATTACKS if given.only in one[0]]:
                clean, said = attack(f"http://{address}", folder, *one, given.seconds, given.connections)
                failed += not clean
                print(f"{'ok  ' if clean else 'FAIL'} {one[0]}: {said}", flush=True)
            status = urllib.request.urlopen(f"http://{address}/", timeout=10).status
            print(f"the server still answers: {status}")
        finally:
            if process:
                service.stop(process)
    return 1 if failed else 0


sys.exit(main())
