"""Attacks a server's connections and protocol, and reports what it did.

    checks.py [--only WORD] [--path /hello] [--post PATH] [--large PATH] -- COMMAND ...     starts COMMAND with PORT set, and stops it
    checks.py [--only WORD] [--path /hello] [--post PATH] [--large PATH] HOST:PORT          attacks a running server (on this machine alone)

The exit code is 1 when a check fails. The number before each check is its row in the list of attacks of docs/guide/border-checks.md."""

import argparse
import concurrent.futures
import sys

import caps
import http1
import http2
import service
import slow
import wire


def run(target, row, name, check):
    try:
        ok, said = check(target)
    except OSError as error:
        ok, said = False, f"the client failed: {error}"
    return row, name, ok, said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="run the checks whose name contains this word")
    parser.add_argument("--path", default="/hello", help="a path that answers GET with 200")
    parser.add_argument("--post", help="a path that takes a text by POST and answers when it has come")
    parser.add_argument("--large", help="a path that answers GET with several MiB")
    parser.add_argument("--width", type=int, default=32, help="so many checks at a time; 1 for a server that serves one client at a time")
    parser.add_argument("address", nargs="*", help="HOST:PORT, or the command after --")
    given = parser.parse_args()
    process = None
    if len(given.address) == 1 and ":" in given.address[0]:
        host, port = given.address[0].rsplit(":", 1)
    elif given.address:
        process, port = service.start(given.address)
        host = "127.0.0.1"
    else:
        parser.error("name a HOST:PORT, or a command after --")
    if not host.startswith("127."):
        parser.error("only a server on a loopback address is attacked")
    target = wire.Target(host, int(port), given.path.encode(), (given.post or "").encode(), (given.large or "").encode(), process.pid if process else None)
    try:
        service.wait(target, process)
        wanted = lambda name: given.only.lower() in name.lower()
        before, alone = ([check for check in some() if wanted(check[1])] for some in (caps.first, caps.checks))
        beside = [check for module in (slow, http2, http1) for check in module.checks() if wanted(check[1])]
        results = [run(target, *check) for check in before]
        with concurrent.futures.ThreadPoolExecutor(given.width) as pool:
            results += list(pool.map(lambda check: run(target, *check), beside))
        results += [run(target, *check) for check in alone]
        status, took = wire.get(target)
        results.append((0, "the server still answers", status == 200, f"{status} in {took * 1000:.0f} ms"))
    finally:
        if process:
            service.stop(process)
    for row, name, ok, said in sorted(results, key=lambda result: result[0]):
        print(f"{'ok  ' if ok else 'FAIL'} {row:3} {name}: {said}")
    failed = sum(not ok for _, _, ok, _ in results)
    print(f"{len(results) - failed} of {len(results)} checks pass")
    return 1 if failed else 0


sys.exit(main())
