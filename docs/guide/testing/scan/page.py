"""Uses the ledger's page in Chromium by keyboard alone, with and without scripts, on a wide and on a narrow window.

    page.py [--program target/debug/ledger] [--screenshots FOLDER]

A person signs in, opens two accounts, moves money, pages through entries and signs out; each step is a key. On each page axe-core must find nothing, each element with
the focus must show it, and the page must not be wider than its window. The control is a page with faults, of which axe-core must find some. The exit code is 1 otherwise."""

import argparse
import json
import os
import pathlib
import sys
import tempfile

import targets
from browser import browser

AXE = pathlib.Path("target/peers/node/node_modules/axe-core/axe.min.js")
# The most keys to an element.
KEYS = 80
ROWS = 60
FAULTY = "data:text/html,<html><body><img src=x.png><input><a href=%23></a></body></html>"
SHOWS_FOCUS = """(() => { const style = getComputedStyle(document.activeElement);
  return style.outlineStyle != 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow != 'none'; })()"""


class Person:
    """Somebody with a keyboard, who looks at each page."""

    def __init__(self, window, base, shots, are_on):
        self.window, self.base, self.shots, self.are_on, self.faults, self.pages = window, base, shots, are_on, [], 0

    def look(self, name):
        """Examines the page, and keeps a picture of it."""
        self.pages += 1
        # The examination itself is a script; the page has none.
        self.window.scripts(True)
        self.faults += [f"{name}: {fault}" for fault in accessibility(self.window)]
        self.window.scripts(self.are_on)
        wide = self.window.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            self.faults.append(f"{name}: the page is {wide} pixels wider than its window")
        if self.shots:
            self.window.screenshot(self.shots / f"{name.replace(' ', '-')}.png")

    def go_to(self, selector):
        """Presses Tab until this element has the focus."""
        for _ in range(KEYS):
            self.window.press("Tab")
            if self.window.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
                if not self.window.evaluate(SHOWS_FOCUS):
                    self.faults.append(f"{selector} does not show its focus")
                return
        sys.exit(f"{selector} is not reached by {KEYS} times Tab")

    def fill(self, selector, text):
        """Goes to a field, whose text Tab selects, and writes over it."""
        self.go_to(selector)
        self.window.type(text)

    def send(self, key="Enter"):
        """Presses a key that leads to another page."""
        self.window.evaluate("document.documentElement.dataset.left = 'yes'")
        self.window.press(key)
        self.window.until("document.readyState == 'complete' && !document.documentElement.dataset.left", "the next page")

    def sees(self, text):
        if text not in self.window.evaluate("document.body.innerText"):
            self.faults.append(f"{text!r} is not on the page {self.window.evaluate('document.location.href')}")


def accessibility(window):
    """What axe-core finds."""
    window.evaluate(AXE.read_text() + ";0")
    found = json.loads(window.evaluate("axe.run().then(result => JSON.stringify(result))"))
    return [f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:100]}" for rule in found["violations"]]


def visit(person, name, api):
    """The whole way of one person."""
    window = person.window
    window.open(person.base + "/")
    person.look(f"{name} sign in")
    person.fill("input[name=name]", f"Ann {name}")
    person.send()
    person.sees(f"Signed in as Ann {name}")
    for _ in range(2):
        person.fill("input[name=overdraft]", "100.00")
        person.go_to("form[action='/accounts'] button")
        person.send("Space")
    person.look(f"{name} accounts")
    person.go_to("select[name=from]")
    window.press("ArrowDown")
    person.go_to("select[name=to]")
    window.press("ArrowDown")
    window.press("ArrowDown")
    person.fill("input[name=amount]", "12.50")
    person.go_to("form[action='/transfers'] button")
    person.send()
    person.sees("\u221212.50")
    person.look(f"{name} moved")
    api(window.evaluate("document.querySelector('select[name=from] option:nth-child(2)').value"), window.evaluate("document.querySelector('select[name=from] option:nth-child(3)').value"))
    person.go_to("tbody a")
    person.send()
    person.look(f"{name} entries")
    person.go_to("a[rel=next]")
    person.send()
    person.look(f"{name} more entries")
    person.go_to(".pages a")
    person.send()
    person.go_to("form[action='/sign-out'] button")
    person.send()
    person.look(f"{name} signed out")
    person.sees("Sign in")
    window.open(person.base + "/")
    person.sees("Name")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/debug/ledger")
    parser.add_argument("--screenshots", type=pathlib.Path, help="keep a picture of each page in this folder")
    asked = parser.parse_args()
    if asked.screenshots:
        asked.screenshots.mkdir(parents=True, exist_ok=True)
    good = True
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser(pathlib.Path(folder)) as window:
        folder = pathlib.Path(folder)
        window.open(FAULTY)
        control = accessibility(window)
        print(f"control: axe-core finds {len(control)} faults in a page with faults", flush=True)
        good = good and len(control) > 2
        for name, width, are_on in [("wide", 1280, True), ("narrow", 360, True), ("wide without scripts", 1280, False), ("narrow without scripts", 360, False)]:
            port = targets.free_port()
            settings = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "ADMIN_ADDR": f"127.0.0.1:{targets.free_port()}", "DATABASE_URL": f"sqlite:{folder / name}.db", "RUST_LOG": "error"}
            with targets.running([asked.program], settings):
                targets.wait_plain(port)
                window.size(width, 800)
                window.scripts(are_on)
                person = Person(window, f"http://localhost:{port}", asked.screenshots, are_on)
                visit(person, name, lambda one, other: move(port, one, other))
                window.scripts(True)
            good = good and not person.faults
            print(f"{name}: {len(person.faults)} faults on {person.pages} pages" if person.faults else f"{name}: clean, {person.pages} pages", flush=True)
            for fault in person.faults:
                print(f"  {fault}", flush=True)
    return 0 if good else 1


def move(port, one, other):
    """Makes more transfers than a page has entries."""
    for number in range(ROWS):
        body = json.dumps({"from": one, "to": other, "amount": 1}).encode()
        targets.post_plain(port, "/v1/transfers", {"Idempotency-Key": f"page-{number}", "Content-Type": "application/json"}, body)


if __name__ == "__main__":
    sys.exit(main())
