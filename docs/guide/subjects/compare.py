"""Compares the verdicts of reports with the tables of one section of subjects.md; ends with 1 where they differ.

compare.py PAGE FOLDER SECTION [NAME...]: a report is FOLDER/NAME.json. A table has a column a report ("attribute | nginx | Caddy"), a
column an attribute ("configuration | call.retry | call.breaker"), or a row a verdict ("configuration | attribute | verdict"). What
stands behind a colon is told, not compared."""

import json
import sys

page, folder, section, *wanted = sys.argv[1:]


def rows():
    """The head of each table of the section, with each of its rows."""
    inside, head = False, None
    for line in open(page, encoding="utf-8"):
        if line.startswith("## "):
            inside = line.strip("# \n") == section
        if not inside or not line.startswith("|"):
            head = None
            continue
        cells = [cell.strip().split(":")[0] for cell in line.strip().strip("|").split("|")]
        if head is None:
            head = cells
        elif not set(line) <= set("|-\n "):
            yield head, cells


def said():
    """Each verdict of the section: of what, the attribute, the verdict."""
    for head, (first, *cells) in rows():
        name = first.strip("`").lower()
        if head[0] == "attribute":
            for report, verdict in zip(head[1:], cells):
                for attribute in first.split(", "):
                    yield report.lower(), attribute, verdict
        elif head[:3] == ["configuration", "attribute", "verdict"]:
            for attribute in cells[0].split(", "):
                yield name, attribute, cells[1]
        elif head[0] == "configuration":
            for attribute, verdict in zip(head[1:], cells):
                yield name, attribute, verdict


expected = {}
for name, attribute, verdict in said():
    if not wanted or name in wanted:
        expected.setdefault(name, {})[attribute] = verdict

differences = 0
for name in sorted(set(expected) | set(wanted)):
    try:
        with open(f"{folder}/{name}.json", encoding="utf-8") as report:
            found = {finding["id"]: finding for finding in json.load(report)["findings"]}
    except FileNotFoundError:
        found = {}
    verdicts = expected.get(name, {})
    for attribute in sorted(set(verdicts) | set(found)):
        finding = found.get(attribute, {"verdict": "not examined", "summary": ""})
        seen, written = finding["verdict"].replace("_", " "), verdicts.get(attribute, "nothing")
        if seen != written:
            differences += 1
            print(f"{name}: {attribute} is {seen}, the page says {written}: {finding['summary']}")
print(f"{differences} of {sum(map(len, expected.values()))} verdicts differ from the page")
sys.exit(1 if differences or not expected else 0)
