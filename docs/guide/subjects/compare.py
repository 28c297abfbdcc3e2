"""Compares the verdicts of three reports with the table of subjects.md; ends with 1 where they differ."""

import json
import sys

page, folder = sys.argv[1:]
expected = {}
for line in open(page, encoding="utf-8"):
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if len(cells) == 4 and "." in cells[0]:
        for attribute in cells[0].split(", "):
            expected[attribute] = cells[1:]

differences = 0
for column, name in enumerate(["nginx", "caddy", "python"]):
    report = json.load(open(f"{folder}/{name}.json", encoding="utf-8"))
    for finding in report["findings"]:
        seen, said = finding["verdict"].replace("_", " "), expected.get(finding["id"], ["nothing"] * 3)[column]
        if seen != said:
            differences += 1
            print(f"{name}: {finding['id']} is {seen}, the page says {said}: {finding['summary']}")
print(f"{differences} verdicts differ from the page")
sys.exit(1 if differences else 0)
