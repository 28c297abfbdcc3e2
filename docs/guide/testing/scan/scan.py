"""Runs public scanners on the ledger over TLS: sslyze, testssl.sh, MDN's HTTP Observatory and schemathesis.

    scan.py [--only NAME] [--cases 50] [--program target/debug/ledger] [--rail target/debug/rail]
    scan.py --control [--only NAME]

The ledger gets a certificate of an authority that is made for the run, a database of its own, and its partner bank. A scanner is *clean* when it ran to its
end and found nothing except for what ACCEPTED lists with a reason. `--control` scans a server with weak suites, no headers and failing operations: each
scanner must find something there. The exit code is 1 when a scanner found something, did not run, or was clean in a control."""

import argparse
import pathlib
import sys
import tempfile

import certificates
import sample
import scanners
import targets


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=scanners.ALL, help="one scanner")
    parser.add_argument("--cases", type=int, default=50, help="most cases of schemathesis for each operation and phase")
    parser.add_argument("--program", default="target/debug/ledger")
    parser.add_argument("--rail", default="target/debug/rail")
    parser.add_argument("--control", action="store_true", help="scan a server with weaknesses")
    asked = parser.parse_args()
    names = [asked.only] if asked.only else list(scanners.ALL)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        certificates.make(folder, "rsa:2048" if asked.control else "ec")
        with targets.weak(folder) if asked.control else targets.ledger(folder, asked.program, asked.rail) as target:
            values = None if asked.control else sample.make(target)
            for name in names:
                found = scanners.ALL[name](target, folder, values, asked.cases)
                ran = found.faults is not None
                good = good and ran and bool(found.faults) == asked.control
                verdict = "did not run" if not ran else f"{len(found.faults)} faults" if found.faults else "clean"
                print(f"{name}: {verdict}; {found.about}", flush=True)
                for fault in (found.faults or [])[:5 if asked.control else None]:
                    print(f"  {fault}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
