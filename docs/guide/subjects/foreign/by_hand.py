#!/usr/bin/env python3
"""Repeats verdicts without keel:   by_hand.py NAME [ATTRIBUTE ...]

Starts the service of NAME/keel.toml, or of the file NAME that ends with .toml, looks at what each attribute is about, and prints what was seen, a line for each. It judges nothing
and shares nothing with the prover. `by_hand.py NAME --list` lists the attributes that it knows."""
import pathlib
import signal
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here / "by_hand"))
import border, calls, life, load, storms
from registry import CHECKS
from subject import Subject

NAME = sys.argv[1]
if "--list" in sys.argv:
    print(*sorted(CHECKS))
    sys.exit(0)
subject = Subject(NAME if NAME.endswith(".toml") else here / NAME / "keel.toml")
asked = sys.argv[2:] or sorted(CHECKS)
done = set()
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
try:
    if subject.start() is None:
        sys.exit(f"{NAME} does not start: {subject.printed()[-3:]}")
    subject.mix()
    for id in asked:
        function = CHECKS.get(id)
        if not function or function in done or (not subject.dependency and function.__module__ == "calls"):
            continue
        done.add(function)
        ids = ", ".join(known for known in sorted(CHECKS) if CHECKS[known] is function)
        try:
            if subject.process.poll() is not None or subject.ask("GET", subject.service.get("ready", "/"))[0] // 100 not in (2, 3):
                subject.stop()
                subject.start()
                subject.mix()
            print(f"{NAME} {ids}:\n    {function(subject)}", flush=True)
        except Exception as error:
            print(f"{NAME} {ids}: could not be seen: {error!r}", flush=True)
finally:
    subject.end()
