"""Runs the checks of connections and protocol on six servers, and prints a table of those that fell.

    peers.py [--at-a-time 2] [NAME ...]          the checks of checks.py
    peers.py --keel [NAME ...]                   keel check with the attributes of overload and of connections

Run it from the root of the repository. NAME is a script of peers/, without its end; hello is this repository's hello world."""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]
PEERS = ["hello", "nginx", "caddy", "haproxy", "axum", "flask", "express"]
SHOWN = {"hello": "this server", "nginx": "nginx", "caddy": "Caddy", "haproxy": "HAProxy", "axum": "bare axum", "flask": "Flask, gunicorn", "express": "Express"}
ATTRIBUTES = "shed criticality backpressure limits slow-clients connections deadline bulkhead problem".split()


def command(peer):
    return ["target/debug/examples/hello"] if peer == "hello" else ["sh", str(HERE / "peers" / f"{peer}.sh")]


def checked(peer):
    """The checks by name: whether they passed."""
    done = subprocess.run([sys.executable, str(HERE / "checks.py"), "--", *command(peer)], cwd=ROOT, capture_output=True, text=True)
    (ROOT / "target" / "peers").mkdir(parents=True, exist_ok=True)
    (ROOT / "target" / "peers" / f"border-{peer}.txt").write_text(done.stdout + done.stderr)
    found = re.findall(r"^(ok  |FAIL) +(\d+) (.*?): (.*)$", done.stdout, re.MULTILINE)
    return {(int(row), name): word == "ok  " for word, row, name, _ in found}


def examined(peer):
    """The verdicts of keel by attribute."""
    with tempfile.TemporaryDirectory() as folder:
        config, report = pathlib.Path(folder) / "keel.toml", ROOT / "target" / "peers" / f"keel-{peer}.json"
        text = (HERE / "peers" / "hello.toml").read_text().replace("PEER", peer).replace("ROOT", str(ROOT))
        if peer == "hello":
            text = text.replace("sh docs/guide/testing/border/peers/hello.sh", "HOST=127.0.0.1 ADMIN_ADDR=127.0.0.1:8492 exec target/debug/examples/hello")
        config.write_text(text)
        report.unlink(missing_ok=True)
        only = ",".join(f"border.{name}" for name in ATTRIBUTES)
        subprocess.run(["target/debug/keel", "check", "--config", str(config), "--only", only, "--json", str(report), "--output", f"{report}.txt"], cwd=ROOT)
        return {finding["id"]: (finding["verdict"], finding["summary"]) for finding in json.loads(report.read_text())["findings"]}


def table(head, rows):
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keel", action="store_true")
    parser.add_argument("--at-a-time", type=int, default=2)
    parser.add_argument("names", nargs="*", default=PEERS)
    given = parser.parse_args()
    names = given.names or PEERS
    if given.keel:
        found = {name: examined(name) for name in names}
        ids = [f"border.{name}" for name in ATTRIBUTES]
        table(["attribute", *(SHOWN[name] for name in names)], [[one, *(found[name].get(one, ("-", ""))[0].replace("_", " ") for name in names)] for one in ids])
        for name in names:
            print(f"\n{name}")
            for one in ids:
                print(f"  {one}: {': '.join(found[name].get(one, ('-', '')))}")
        return 0
    with concurrent.futures.ThreadPoolExecutor(given.at_a_time) as pool:
        found = dict(zip(names, pool.map(checked, names)))
    checks = sorted({check for one in found.values() for check in one})
    passed = collections.Counter({name: sum(found[name].values()) for name in names})
    table(["row", "check", *(SHOWN[name] for name in names)], [[str(row), check, *("ok" if found[name].get((row, check)) else "**fell**" for name in names)] for row, check in checks])
    print(f"\n{', '.join(f'{SHOWN[name]} {passed[name]} of {len(found[name])}' for name in names)}")
    return 0


sys.exit(main())
