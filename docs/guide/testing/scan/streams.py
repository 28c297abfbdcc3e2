"""Opens 10,000 streams of server-sent events on a service, some of whose clients never read, and stops it.

    streams.py [--clients 10000] [--seconds 40] [--program target/debug/examples/streams]

Nine in ten clients have an idle stream and must get its heartbeats. One in twenty reads a stream that counts. One in twenty reads nothing of a stream that fills each buffer, and must be
cut. The memory of the process may rise by 64 KiB for each client. At SIGTERM each client that reads must get the event `end` whole, after which its connection ends in order, and the
process must end with 0. The control is a second look: the clients that read nothing read at last, and must find more than one event, so that there was something to read. The exit code is 1
when one of these does not hold."""

import argparse
import asyncio
import os
import pathlib
import re
import resource
import signal
import sys

import targets

HEARTBEAT = 15
# Time for a handshake, and for the end of all streams after SIGTERM, in seconds.
START, END = 120, 60
# Bound of the memory of one client, in KiB.
EACH = 64
# Handshakes at a time: fewer than the backlog of the listener.
AT_A_TIME = 200
END_EVENT = re.compile(rb"event: end\nretry: \d+\ndata: [^\n]+\n\n|event: end\ndata: [^\n]+\nretry: \d+\n\n|retry: \d+\nevent: end\ndata: [^\n]+\n\n")


class Client:
    """One stream over a connection of its own."""

    def __init__(self, port, path):
        self.port, self.path, self.text, self.ended, self.failed = port, path, b"", False, None

    async def open(self, gate):
        async with gate:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 14)
            self.writer.write(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), START)
        if not head.startswith(b"HTTP/1.1 200"):
            self.failed = head.split(b"\r\n")[0].decode()

    async def read(self):
        """Reads to the end of the stream."""
        try:
            while True:
                size = int((await self.reader.readline()).strip() or b"-1", 16)
                if size < 0:
                    return
                self.text += (await self.reader.readexactly(size + 2))[:-2]
                if size == 0:
                    self.ended = True
                    return
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            self.failed = repr(error)

    async def count_what_is_left(self):
        """Bytes that a client gets that begins to read now, up to the end of its connection."""
        read = 0
        try:
            while part := await self.reader.read(1 << 16):
                read += len(part)
        except OSError:
            pass
        return read


def memory(process):
    """Resident memory, in KiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text())[1])


async def scene(port, process, clients, seconds):
    """The whole run; returns what did not hold."""
    faults, gate = [], asyncio.Semaphore(AT_A_TIME)
    before = memory(process)
    idle = [Client(port, "/idle") for _ in range(clients * 18 // 20)]
    counted = [Client(port, "/count") for _ in range(clients // 20)]
    silent = [Client(port, "/flood") for _ in range(clients // 20)]
    everybody = idle + counted + silent
    await asyncio.gather(*(client.open(gate) for client in everybody))
    refused = [client.failed for client in everybody if client.failed]
    if refused:
        faults.append(f"{len(refused)} streams were refused: {refused[0]}")
    for client in silent:
        client.writer.transport.pause_reading()
    reading = [asyncio.create_task(client.read()) for client in idle + counted]
    most = 0
    for _ in range(seconds):
        await asyncio.sleep(1)
        most = max(most, memory(process))
    print(f"memory: {before / 1024:.1f} MiB before, {most / 1024:.1f} MiB with {len(everybody)} clients, {(most - before) / len(everybody):.1f} KiB each", flush=True)
    if most - before > EACH * len(everybody):
        faults.append(f"the memory rose by more than {EACH} KiB for each client")
    beats = [client.text.count(b":\n") for client in idle]
    due = seconds // HEARTBEAT
    print(f"heartbeats: from {min(beats)} to {max(beats)} in {seconds} s, {due} are due", flush=True)
    if min(beats) < due:
        faults.append(f"{sum(count < due for count in beats)} idle streams had fewer than {due} heartbeats")
    os.kill(process, signal.SIGTERM)
    _done, pending = await asyncio.wait(reading, timeout=END)
    if pending:
        faults.append(f"{len(pending)} streams did not end within {END} s")
    whole = sum(client.ended and bool(END_EVENT.search(client.text)) for client in idle + counted)
    print(f"stop: {whole} of {len(reading)} streams ended with their last event whole", flush=True)
    if whole < len(reading):
        sample = next(client for client in idle + counted if not (client.ended and END_EVENT.search(client.text)))
        faults.append(f"{len(reading) - whole} streams were cut: {sample.failed}, {sample.text[-80:]!r}")
    wrong = 0
    for client in counted:
        numbers = [int(number) for number in re.findall(rb"data: (\d+)\n\n", client.text)]
        wrong += numbers != list(range(len(numbers))) or not numbers
    if wrong:
        faults.append(f"{wrong} streams lost or repeated an event")
    left = []
    for client in silent:
        client.writer.transport.resume_reading()
        left.append(await client.count_what_is_left())
    print(f"silent clients: {min(left)} to {max(left)} bytes were on their way when they were cut", flush=True)
    if min(left) < 1 << 14:
        faults.append("a client that read nothing had nothing to read, so nothing was examined")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--program", default="target/debug/examples/streams")
    asked = parser.parse_args()
    needed = asked.clients + 200
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 <= most < needed:
        sys.exit(f"this process may open {most} files, and {asked.clients} clients need {needed}: raise the limit (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port = targets.free_port()
    count = str(asked.clients + 1000)
    settings = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "ADMIN_ADDR": f"127.0.0.1:{targets.free_port()}", "RUST_LOG": "error"}
    settings |= {"MAX_CONNECTIONS": count, "MAX_CONNECTIONS_PER_ADDRESS": count}
    with targets.ending(asked.program, settings) as process:
        targets.wait_plain(port)
        faults = asyncio.run(scene(port, process.pid, asked.clients, asked.seconds))
        code = process.wait(END)
    print(f"the process ended with {code}", flush=True)
    if code != 0:
        faults.append(f"the process ended with {code}")
    for fault in faults:
        print(f"  {fault}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
