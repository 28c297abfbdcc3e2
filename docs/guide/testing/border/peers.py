"""Runs the checks of connections and protocol on six servers, and prints a table of those that fell.

    peers.py [--at-a-time 2] [NAME ...]          the checks of checks.py; outputs are in target/peers/border-NAME.txt
    peers.py --saved [NAME ...]                  the same table from the outputs of earlier runs
    peers.py --keel [NAME ...]                   keel check with the attributes of overload and of connections

Run it from the root of the repository. NAME is a script of peers/, without its end; hello is this repository's hello world."""

import argparse
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
# Servers that serve one client at a time: of several checks at once all but one would only find it busy.
ONE_AT_A_TIME = ["flask"]
# Rows of the list of attacks that are about HTTP/2.
OF_HTTP2 = range(22, 26)
WORDS = {True: "ok", False: "**fell**", None: "-"}
ATTRIBUTES = "shed criticality backpressure limits slow-clients connections deadline bulkhead problem".split()


def command(peer):
    return ["target/debug/examples/hello"] if peer == "hello" else ["sh", str(HERE / "peers" / f"{peer}.sh")]


def checked(peer, saved):
    """The checks by name: whether they passed; none for those of HTTP/2 where it is not spoken."""
    output = ROOT / "target" / "peers" / f"border-{peer}.txt"
    if not saved:
        done = subprocess.run([sys.executable, str(HERE / "checks.py"), "--width", str(1 if peer in ONE_AT_A_TIME else 32), "--", *command(peer)], cwd=ROOT, capture_output=True, text=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(done.stdout + done.stderr)
    found = re.findall(r"^(ok  |FAIL) +(\d+) (.*?): (.*)$", output.read_text(), re.MULTILINE)
    no_http2 = any(name == "settings of HTTP/2" and "None streams" in said for _, _, name, said in found)
    passed = lambda row, name, word: None if no_http2 and (int(row) in OF_HTTP2 or "HTTP/2" in name) else word == "ok  "
    return {(int(row), name): passed(row, name, word) for word, row, name, _ in found}


def examined(peer):
    """The verdicts of keel by attribute."""
    with tempfile.TemporaryDirectory() as folder:
        config, report = pathlib.Path(folder) / "keel.toml", ROOT / "target" / "peers" / f"keel-{peer}.json"
        text = (HERE / "peers" / "hello.toml").read_text().replace("PEER", peer).replace("ROOT", str(ROOT)).replace("PUBLIC", str(8491 + 2 * PEERS.index(peer)))
        if peer == "hello":
            text = text.replace("sh docs/guide/testing/border/peers/hello.sh", "HOST=127.0.0.1 ADMIN_ADDR=127.0.0.1:0 RUST_LOG=error exec target/debug/examples/hello")
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
    parser.add_argument("--saved", action="store_true")
    parser.add_argument("--at-a-time", type=int, default=2)
    parser.add_argument("names", nargs="*", default=PEERS)
    given = parser.parse_args()
    names = given.names or PEERS
    if given.keel:
        with concurrent.futures.ThreadPoolExecutor(given.at_a_time) as pool:
            found = dict(zip(names, pool.map(examined, names)))
        ids = [f"border.{name}" for name in ATTRIBUTES]
        table(["attribute", *(SHOWN[name] for name in names)], [[one, *(found[name].get(one, ("-", ""))[0].replace("_", " ") for name in names)] for one in ids])
        for name in names:
            print(f"\n{name}")
            for one in ids:
                print(f"  {one}: {': '.join(found[name].get(one, ('-', '')))}")
        return 0
    with concurrent.futures.ThreadPoolExecutor(given.at_a_time) as pool:
        found = dict(zip(names, pool.map(lambda name: checked(name, given.saved), names)))
    checks = sorted({check for one in found.values() for check in one})
    table(["row", "check", *(SHOWN[name] for name in names)], [[str(row), check, *(WORDS[found[name].get((row, check))] for name in names)] for row, check in checks])
    told = lambda results: f"{sum(result is True for result in results)} of {sum(result is not None for result in results)}"
    print(f"\n{', '.join(f'{SHOWN[name]} {told(list(found[name].values()))}' for name in names)}")
    return 0


sys.exit(main())
