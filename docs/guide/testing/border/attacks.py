"""Repeats each attack for some seconds while a bystander works, and prints what the bystander and the memory of the service showed.

    attacks.py [--seconds 60] [--only WORD] [--large-only] [--floods 1] [--path /] [--post PATH] [--large PATH] [--markdown] -- COMMAND ...
    attacks.py --control [--seconds 10]

COMMAND is started for each attack, with PORT set and a database of its own, and stopped at its end. The bystander sends 20 requests a second from an address
of its own, half of them on new connections; its latency counts from the time at which a request was due. An attack is *borne* when 99 of 100 of all of those
are answered with 200 within the objective, none is lost (it has no answer, or another one than 200 and 503), the memory of the process rises by no more than the
bound of the attack, and the process ends in order. A request that is refused with 503 was not begun: it is one of those that are not answered in time.

Attacks that wait most of the time run together; of the floods, `--floods` at a time. Beside each group runs a twin: the same service with a bystander and without
an attack. Where the twin itself is not borne, the machine is too slow, and the outcome is *unknown*.

`--control` attacks two servers without protection, which must not bear it. The exit code is 1 when an attack is not borne or unknown, or when a control is borne."""

import argparse
import concurrent.futures
import dataclasses
import multiprocessing
import pathlib
import queue
import resource
import sys
import tempfile

import attackers
import bystander
import caps
import service
import wire

MIB = 1 << 20
# The rise of memory that a service without an attack may have.
BOUND_OF_TWIN = 64
# Processes of attackers and bystanders start anew: a copy of this process would have its threads' locks.
PROCESSES = multiprocessing.get_context("spawn")
UNPROTECTED = [sys.executable, str(pathlib.Path(__file__).with_name("unprotected.py"))]
# Attacks that a server without protection must not bear: its mode, the attack, and what is seen to fail.
CONTROLS = [
    ("one-at-a-time", "slow heads", "the bystander"),
    ("threads", "slow readers", "the memory"),
]


@dataclasses.dataclass
class Outcome:
    name: str
    times: list
    failed: dict
    before: int
    peak: int
    after: int
    bound: int
    ended: bool
    objective: float

    @property
    def in_time(self):
        """The share of all requests that were answered with 200 within the objective."""
        good = sum(time <= self.objective for time in self.times)
        return good / max(1, len(self.times) + sum(self.failed.values()))

    @property
    def lost(self):
        """Requests that were neither answered with 200 nor refused."""
        return sum(count for status, count in self.failed.items() if status != 503)

    @property
    def serves(self):
        return not self.lost and self.in_time >= 0.99

    @property
    def is_flat(self):
        return self.peak - self.before <= self.bound * MIB

    @property
    def is_borne(self):
        return self.serves and self.is_flat and self.ended

    def cells(self):
        # A request that was not answered with 200 is later than all others.
        times = self.times + [float("inf")] * sum(self.failed.values())
        times = [f"{time * 1000:.1f} ms" if time < float("inf") else "not served" for time in (bystander.quantile(times, share) for share in (0.5, 0.99, 1))]
        sizes = [f"{size / MIB:.1f} MiB" for size in (self.before, self.peak, self.after)]
        return [*times, told(self.failed, len(self.times)), *sizes, f"{self.bound} MiB", "yes" if self.ended else "NO"]


COLUMNS = ["p50", "p99", "longest", "failed", "memory before", "most", "after", "may rise by", "ended in order"]


def told(failed, good):
    """The requests that were not answered with 200, as people read them."""
    kinds = ", ".join(f"{count} with {status}" if status else f"{count} without an answer" for status, count in sorted(failed.items()))
    return f"{sum(failed.values())} of {good + sum(failed.values())}{f' ({kinds})' if kinds else ''}"


def watch(target, attack, given):
    """Runs one attack, or none, beside the bystander. Returns the bystander's figures, and the memory before, at most and after."""
    out, before = PROCESSES.Queue(), caps.memory(target)
    working = PROCESSES.Process(target=bystander.bystander, args=(target, given.seconds, out))
    attacking = PROCESSES.Process(target=attackers.attack, args=(target, attack.name, given.seconds)) if attack else None
    working.start()
    if attacking:
        attacking.start()
    peak, figures = before, None
    for _ in range(10 * (given.seconds + bystander.PATIENCE + 20)):
        peak = max(peak, caps.memory(target))
        try:
            figures = out.get(timeout=0.1)
            break
        except queue.Empty:
            pass
    if attacking:
        attacking.join(15)
        if attacking.is_alive():
            attacking.kill()
    working.join(5)
    times, failed = figures or ([], {0: given.seconds * bystander.RATE})
    return times, failed, before, peak, caps.memory(target)


def lane(number, attack, command, given):
    """Runs one attack, or none, on a service of its own."""
    with tempfile.TemporaryDirectory() as folder:
        process, port = service.start(command, folder)
        paths = [path.encode() for path in (given.path, given.post, given.large)]
        target = wire.Target("127.0.0.1", port, *paths, process.pid, network=f"127.{number + 1}")
        try:
            service.wait(target, process)
            figures = watch(target, attack, given)
            alive = process.poll() is None
        finally:
            service.stop(process)
    name, bound = (attack.name, attack.bound) if attack else ("none (twin)", BOUND_OF_TWIN)
    return Outcome(name, *figures, bound, alive and process.returncode == 0, given.objective)


def groups(wanted, floods):
    """Attacks that run at the same time: all slow ones, and so many floods."""
    slow, fast = [one for one in wanted if not one.is_flood], [one for one in wanted if one.is_flood]
    return [slow] * bool(slow) + [fast[at : at + floods] for at in range(0, len(fast), floods)]


def report(outcome, word, markdown):
    """Prints one outcome."""
    cells = outcome.cells()
    if markdown:
        line = f"| {outcome.name} | {' | '.join(cells)} | {word} |"
    else:
        line = f"{word}: {outcome.name}: {', '.join(f'{column} {cell}' for column, cell in zip(COLUMNS, cells))}"
    print(line, flush=True)


def run(wanted, given):
    """Runs all groups. Returns how many attacks were not seen to be borne."""
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(len(wanted) + 1) as pool:
        for group in groups(wanted, given.floods):
            twin, *outcomes = pool.map(lane, range(len(group) + 1), [None, *group], [given.command] * (len(group) + 1), [given] * (len(group) + 1))
            report(twin, "borne" if twin.is_borne else "TOO SLOW", given.markdown)
            for outcome in outcomes:
                # Memory is known on a slow machine too.
                is_known = twin.serves or not outcome.is_flat or not outcome.ended
                word = "borne" if outcome.is_borne else "NOT BORNE" if is_known else "UNKNOWN"
                failures += word != "borne"
                report(outcome, word, given.markdown)
    return failures


def control(given):
    """Attacks servers without protection. Returns how many of the controls were borne."""
    failures = 0
    for mode, name, what in CONTROLS:
        attack = next(one for one in attackers.ATTACKS if one.name == name)
        given.large = "/large"
        outcome = dataclasses.replace(lane(0, attack, [*UNPROTECTED, mode], given), bound=BOUND_OF_TWIN)
        failed = not (outcome.serves if what == "the bystander" else outcome.is_flat)
        failures += not failed
        word = "NOT BORNE, as it must be" if failed else f"THE CONTROL DID NOT FAIL ({what})"
        outcome.name = f"{name} on a server without protection ({mode})"
        report(outcome, word, given.markdown)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="", help="run the attacks whose name contains this word")
    parser.add_argument("--large-only", action="store_true", help="run the attacks on large answers alone")
    parser.add_argument("--floods", type=int, default=1, help="floods at the same time")
    parser.add_argument("--path", default="/", help="a path that answers GET with 200")
    parser.add_argument("--post", default="/", help="a path that takes a body by POST")
    parser.add_argument("--large", default="/", help="a path that answers GET with much")
    parser.add_argument("--objective", type=float, default=0.5, help="seconds within which 99 of 100 requests of the bystander are answered")
    parser.add_argument("--markdown", action="store_true", help="print a table of Markdown")
    parser.add_argument("--control", action="store_true", help="attack servers without protection, which must not bear it")
    parser.add_argument("command", nargs="*")
    given = parser.parse_args()
    wanted = [one for one in attackers.ATTACKS if given.only.lower() in one.name.lower() and (one.of_large or not given.large_only)]
    if not given.control and not (given.command and wanted):
        parser.error("give the COMMAND that starts the service after --, and an --only that names an attack")
    if given.floods < 1 or given.seconds < 1:
        parser.error("--floods and --seconds are at least 1")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if given.markdown:
        print(f"| attack | {' | '.join(COLUMNS)} | |\n|{'---|' * (len(COLUMNS) + 2)}")
    return 1 if (control(given) if given.control else run(wanted, given)) else 0


if __name__ == "__main__":
    sys.exit(main())
