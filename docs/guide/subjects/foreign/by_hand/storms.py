"""Storms on some requests, and what becomes of others meanwhile. The storm is sent by oha (crates.io)."""
import json
import pathlib
import subprocess
import threading
import time

from registry import check, counted

OHA = pathlib.Path(__file__).resolve().parents[5] / "target/peers/bin/oha"


def oha(s, path, *more):
    done = subprocess.run([OHA, "--no-tui", "--output-format", "json", *more, f"http://{s.at[0]}:{s.at[1]}{path}"], capture_output=True, text=True)
    return json.loads(done.stdout)


def able(s, path):
    """Answers a second to 16 clients, each asking again once it is answered."""
    return oha(s, path, "-z", "2s", "-c", "16")["summary"]["requestsPerSec"]


def beside(s, path, seconds, rate, sources):
    """Statuses and seconds of requests that are sent at fixed times, from several addresses."""
    results, began, number = [], time.time(), 0

    def one(number):
        method, filled, headers, _ = s.filled({"path": path})
        sent = time.time()
        status = s.ask(method, filled, headers, timeout=5, source=f"127.0.1.{1 + number % sources}")[0]
        results.append((status, time.time() - sent))
    threads = []
    while (now := time.time() - began) < seconds:
        while number < now * rate:
            threads.append(threading.Thread(target=one, args=(number,)))
            threads[-1].start()
            number += 1
        time.sleep(0.002)
    [one.join() for one in threads]
    in_time = sum(200 <= status < 400 and took < 1 for status, took in results)
    return f"{in_time} of {len(results)} within 1 s ({counted([status for status, _ in results])})"


def stormed(s, storm, others, times, rate=20, sources=16):
    """The others alone, and beside a storm of `times` what its requests alone can be served."""
    alone = beside(s, others, 3, rate, sources)
    capacity = able(s, storm)
    told = []
    thread = threading.Thread(target=lambda: told.append(oha(s, storm, "-q", str(int(times * capacity)), "-z", "7s", "-c", "800", "--latency-correction", "-t", "10s")))
    thread.start()
    time.sleep(1.5)
    during = beside(s, others, 5, rate, sources)
    thread.join()
    statuses = told[0]["statusCodeDistribution"] | told[0]["errorDistribution"]
    return f"{others} alone: {alone}; beside {int(times * capacity)}/s of {storm}, of which {capacity:.0f}/s are served: {during}; the storm itself: {statuses}"


def path_of(s, **wanted):
    return next((one["path"] for one in s.requests if all(one.get(key) == value for key, value in wanted.items())), None)


@check("border.criticality")
def classes(s):
    critical, sheddable = path_of(s, criticality="critical"), path_of(s, criticality="sheddable")
    plain = next(one["path"] for one in s.requests if not one.get("criticality") and not one.get("bulkhead") and not one.get("uses") and one.get("method", "GET") == "GET")
    return f"classes: {stormed(s, sheddable, critical, 2)}\n    one client: {stormed(s, plain, plain, 1.5, rate=40)}"


@check("border.bulkhead")
def partition(s):
    inside = next(one["path"] for one in s.requests if one.get("bulkhead"))
    other = next(one["path"] for one in s.requests if not one.get("bulkhead") and not one.get("uses") and one.get("method", "GET") == "GET")
    return stormed(s, inside, other, 3)


@check("border.backpressure")
def crowds(s):
    """Memory and descriptors beside ever more requests at a time, and how soon it is in order again."""
    path, seen = path_of(s, criticality="sheddable"), []

    def used():
        total = 0
        for pid in s.pids():
            try:
                total += len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
            except OSError:
                pass
        return f"{s.memory():.0f} MB, {total} descriptors"
    seen.append(f"at rest {used()}")
    for clients in (500, 1000, 2000, 4000):
        thread = threading.Thread(target=lambda: oha(s, path, "-z", "4s", "-c", str(clients), "-t", "20s"))
        thread.start()
        time.sleep(3.5)
        seen.append(f"{clients} at a time {used()}")
        thread.join()
    began = time.time()
    status = s.ask("GET", path, timeout=60)[0]
    seen.append(f"then one request {status} after {time.time() - began:.1f} s")
    return "; ".join(seen)
