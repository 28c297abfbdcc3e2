"""Measures procrastinate on the PostgreSQL at the given address, and prints the rows of a table.

usage: procrastinate_peer.py ADDRESS JOBS
"""

import asyncio
import sys
import time

import procrastinate

# Jobs in one statement, and attempts at the same time: those of the other side.
BATCH = 500
CONCURRENCY = 500
# Jobs of the latency, one after the other.
SAMPLES = 100

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=sys.argv[1]))
starts: asyncio.Queue = asyncio.Queue(1)


@app.task(name="note", queue="notes")
async def note(n: int) -> None:
    pass


@app.task(name="timed", queue="timed")
async def timed(n: int) -> None:
    await starts.put(time.perf_counter())


def row(what: str, value: float, unit: str) -> None:
    digits = 2 if value < 100 else 0
    print(f"| procrastinate {procrastinate.__version__}: {what} | {value:.{digits}f} {unit} | |", flush=True)


async def main() -> None:
    jobs = int(sys.argv[2])
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        begun = time.perf_counter()
        for first in range(0, jobs, BATCH):
            await note.batch_defer_async(*({"n": n} for n in range(first, min(first + BATCH, jobs))))
        row("enqueue, 500 in a transaction", jobs / (time.perf_counter() - begun), "jobs/s")
        begun = time.perf_counter()
        await app.run_worker_async(
            queues=["notes"], concurrency=CONCURRENCY, wait=False, install_signal_handlers=False, delete_jobs="always"
        )
        row("workers, handlers that do nothing, concurrency 500", jobs / (time.perf_counter() - begun), "jobs/s")
        worker = asyncio.create_task(
            app.run_worker_async(queues=["timed"], install_signal_handlers=False, delete_jobs="always")
        )
        await asyncio.sleep(1)
        waits = []
        for n in range(SAMPLES):
            await asyncio.sleep(0.02)
            begun = time.perf_counter()
            await timed.defer_async(n=n)
            waits.append(await starts.get() - begun)
        waits.sort()
        p50, p99 = (waits[int((SAMPLES - 1) * share)] * 1000 for share in (0.5, 0.99))
        print(
            f"| procrastinate {procrastinate.__version__}: enqueue to start, one job at a time "
            f"| p50 {p50:.2f} ms, p99 {p99:.2f} ms | |",
            flush=True,
        )
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


asyncio.run(main())
