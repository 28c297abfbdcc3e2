"""Servers that are scanned: the ledger over TLS with its partner bank, and a server with weaknesses."""

import contextlib
import dataclasses
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

# Time in which a server must answer after its start, and in which it must end.
START = 30
END = 60


@dataclasses.dataclass
class Target:
    port: int
    authority: pathlib.Path

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def open(self, path, method="GET", headers=None, body=None):
        """Sends a request, and returns status, headers and body of its answer."""
        trust = ssl.create_default_context(cafile=self.authority)
        request = urllib.request.Request(self.url + path, body, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


@contextlib.contextmanager
def ledger(folder, program, rail):
    """The ledger with a database in the folder, and its partner bank."""
    bank, port = free_port(), free_port()
    quiet = {**os.environ, "HOST": "127.0.0.1", "RUST_LOG": "error"}
    bank_settings = {**quiet, "PORT": str(bank), "ADMIN_ADDR": f"127.0.0.1:{free_port()}"}
    settings = {
        **quiet,
        "PORT": str(port),
        "ADMIN_ADDR": f"127.0.0.1:{free_port()}",
        "DATABASE_URL": f"sqlite:{folder / 'ledger.db'}",
        "RAIL_URL": f"http://127.0.0.1:{bank}",
        "TLS_CERTIFICATE": str(folder / "tls.crt"),
        "TLS_KEY": str(folder / "tls.key"),
    }
    with running([rail], bank_settings), running([program], settings):
        yield wait(Target(port, folder / "ca.crt"))


@contextlib.contextmanager
def weak(folder):
    """A server with weak suites, without headers, and with operations that fail."""
    port = free_port()
    with running([sys.executable, str(pathlib.Path(__file__).with_name("weak.py")), str(port), str(folder)], os.environ):
        yield wait(Target(port, folder / "ca.crt"))


@contextlib.contextmanager
def running(command, settings, errors=None):
    process = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        yield
        if process.poll() is not None:
            sys.exit(f"{command[0]} ended with {process.returncode} during the scan")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(target):
    """Waits until the server answers."""
    last = None
    for _ in range(START * 10):
        try:
            target.open("/")
            return target
        except OSError as error:
            last = error
        time.sleep(0.1)
    sys.exit(f"{target.url} did not answer within {START} s: {last}")


def free_port():
    """A port below those that the kernel gives to clients."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def wait_plain(port):
    """Waits until a server without TLS answers."""
    for _ in range(START * 10):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"port {port} did not answer within {START} s")


def post_plain(port, path, headers, body):
    """Sends a body to a server without TLS."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


@contextlib.contextmanager
def ending(program, settings):
    """A process that ends by itself; it is killed where it does not."""
    process = subprocess.Popen([program], env=settings, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
