"""A service that is attacked: started with a free port, and stopped."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

import wire

# Time in which a service must answer after its start, and in which it must end.
START = 30
END = 60


def free_port():
    """A port below those that the kernel gives to clients: one of them would connect to itself."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def start(command, folder=None):
    """Starts a command with PORT set, and with a database in the folder where one is given. Returns the process and the port."""
    port, admin = free_port(), free_port()
    environment = {**os.environ, "PORT": str(port), "ADMIN_ADDR": f"127.0.0.1:{admin}", "RUST_LOG": os.environ.get("RUST_LOG", "error")}
    if folder:
        environment |= {"HOST": "127.0.0.1", "DATABASE_URL": f"sqlite:{pathlib.Path(folder) / 'ledger.db'}"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL), port


def wait(target, process):
    """Waits until the service answers."""
    for _ in range(START * 10):
        try:
            if wire.get(target)[0]:
                return
        except OSError:
            pass
        if process and process.poll() is not None:
            sys.exit(f"the command ended with {process.returncode} before it answered")
        time.sleep(0.1)
    sys.exit(f"the server did not answer within {START} s")


def stop(process):
    """Stops a process that was started here."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
