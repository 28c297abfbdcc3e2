"""Chromium without a window, driven over a pipe by the DevTools protocol: pages, keys, screenshots."""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

# Time for one answer of the browser, and for one page, in seconds.
ANSWER = 30
PAGE = 20
# Name, code, key code and text of the keys that are pressed.
KEYS = {
    "Tab": ("Tab", "Tab", 9, ""),
    "Enter": ("Enter", "Enter", 13, "\r"),
    "Space": (" ", "Space", 32, " "),
    "ArrowDown": ("ArrowDown", "ArrowDown", 40, ""),
    "Backspace": ("Backspace", "Backspace", 8, ""),
}


class Browser:
    """One page of one browser."""

    def __init__(self, process, write, read):
        self.process, self.write, self.read = process, write, read
        self.buffer, self.number, self.session = b"", 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def call(self, method, **parameters):
        """Calls a method, and returns its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + ANSWER
        while time.monotonic() < until:
            while b"\0" in self.buffer:
                text, self.buffer = self.buffer.split(b"\0", 1)
                answer = json.loads(text)
                if answer.get("id") == self.number:
                    if "error" in answer:
                        sys.exit(f"{method}: {answer['error']}")
                    return answer["result"]
            if select.select([self.read], [], [], 1)[0]:
                self.buffer += os.read(self.read, 1 << 20)
        sys.exit(f"the browser did not answer {method} within {ANSWER} s")

    def evaluate(self, expression):
        """The value of an expression of JavaScript."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression[:80]}: {result['exceptionDetails'].get('exception', {}).get('description')}")
        return result["result"].get("value")

    def until(self, expression, what):
        """Waits until an expression is true."""
        until = time.monotonic() + PAGE
        while time.monotonic() < until:
            if self.evaluate(expression):
                return
            time.sleep(0.05)
        sys.exit(f"{what}: not within {PAGE} s; the page is {self.evaluate('document.location.href')}: {self.evaluate('document.body.innerText')!r}")

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState == 'complete' && location.href != 'about:blank'", url)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scripts(self, are_on):
        self.call("Emulation.setScriptExecutionDisabled", value=not are_on)

    def press(self, key):
        name, code, number, text = KEYS[key]
        common = {"key": name, "code": code, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


@contextlib.contextmanager
def browser(folder):
    """A browser with a profile of its own."""
    program = shutil.which("chromium") or sys.exit("chromium is not installed")
    (to_read, to_write), (from_read, from_write) = os.pipe(), os.pipe()

    def pipes():
        # The browser reads from 3 and writes to 4.
        os.dup2(to_read, 103)
        os.dup2(from_write, 104)
        os.dup2(103, 3)
        os.dup2(104, 4)

    options = ["--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}"]
    process = subprocess.Popen([program, *options], preexec_fn=pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(to_read)
    os.close(from_write)
    try:
        yield Browser(process, to_write, from_read)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(ANSWER)
