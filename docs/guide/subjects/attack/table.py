"""Writes the two tables of attacks into subjects.md, from the reports; ends with 1 where a verdict on the page was another one.

They stand between two marks there. A server without a report of its own is a reason to stop, not to keep what was.
"""

import json
import re
import sys

NAMES = ["nginx", "caddy", "haproxy", "ledger"]
page, folder = sys.argv[1:]


def milliseconds(time):
    return f"{time['secs'] * 1e3 + time['nanos'] / 1e6:.1f}"


def failed(of):
    return f", {of['errors']} of {of['requests']} failed" if of["errors"] else ""


def health(of):
    return f"{milliseconds(of['p50'])} / {milliseconds(of['p99'])}{failed(of)}"


def verdict(outcome):
    """With the statuses of the answers that it rests on."""
    seen = {"fell": "**fell**"}.get(outcome["verdict"], outcome["verdict"].replace("-", " "))
    said = " ".join(piece["what"] for piece in outcome["evidence"] if piece["mark"] != "note")
    statuses = sorted(set(re.findall(r"(?:with|answered|hidden in it) ([1-5]\d\d)\b", said)))
    return f"{seen}, {' '.join(statuses)}" if statuses else seen


def rows(of):
    reports = [json.load(open(f"{folder}/attack-{name}.json", encoding="utf-8")) for name in NAMES]
    for outcomes in zip(*reports):
        yield outcomes[0]["id"], [of(outcome) for outcome in outcomes]


def fares(outcome):
    bystander = outcome["bystander"]
    return f"{health(bystander['before'])} → {health(bystander['during'])}" if bystander else "did not begin"


BEGIN, END = "<!-- attacks -->\n", "<!-- /attacks -->\n"


def table(of):
    lines = ["| attack | nginx | Caddy | HAProxy | ledger |", "|---|---|---|---|---|"]
    return "\n".join(lines + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows(of)]) + "\n"


text = open(page, encoding="utf-8").read()
before, rest = text.split(BEGIN)
old, after = rest.split(END)
said = {}
for line in old.splitlines():
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if len(cells) == 5 and cells[0] not in said:
        said[cells[0]] = [cell.split(",")[0] for cell in cells[1:]]
differences = 0
for name, cells in rows(verdict):
    for column, cell in enumerate(cells):
        if said.get(name, ["nothing"] * 4)[column] != cell.split(",")[0]:
            differences += 1
            print(f"{NAMES[column]}: {name} is {cell}, the page says {said.get(name, ['nothing'] * 4)[column]}", file=sys.stderr)
caption = "The bystander's median and 99th percentile in milliseconds, before and during each attack, and its failed requests:"
with open(page, "w", encoding="utf-8") as file:
    file.write(f"{before}{BEGIN}\n{table(verdict)}\n{caption}\n\n{table(fares)}\n{END}{after}")
print(f"{differences} verdicts differ from what the page said", file=sys.stderr)
sys.exit(1 if differences else 0)
