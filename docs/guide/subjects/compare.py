"""Compares the verdicts of reports with the tables of subjects.md; ends with 1 where they differ.

compare.py PAGE FOLDER          the servers of files: a row an attribute, a column a server
compare.py PAGE FOLDER NAME...  the proxies that call: a row a proxy (its `name` comes first), a column an attribute
"""

import json
import sys

page, folder, *names = sys.argv[1:]
servers, attributes = ["nginx", "caddy", "python"], ["call.retry", "call.retry-budget", "call.breaker", "call.bulkhead"]
expected = {}
for line in open(page, encoding="utf-8"):
    first, *cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    # What stands behind a colon is told, not compared.
    verdicts = [cell.split(":")[0] for cell in cells]
    if names and first.startswith("`") and len(cells) == len(attributes):
        expected |= {(first.split("`")[1], attribute): verdict for attribute, verdict in zip(attributes, verdicts)}
    elif not names and "." in first and len(cells) == len(servers):
        expected |= {(server, row): verdict for row in first.split(", ") for server, verdict in zip(servers, verdicts)}

differences = 0
for name in names or servers:
    with open(f"{folder}/{name}.json", encoding="utf-8") as report:
        findings = json.load(report)["findings"]
    for finding in findings:
        seen, said = finding["verdict"].replace("_", " "), expected.get((name, finding["id"]), "nothing")
        if seen != said:
            differences += 1
            print(f"{name}: {finding['id']} is {seen}, the page says {said}: {finding['summary']}")
print(f"{differences} verdicts differ from the page")
sys.exit(1 if differences else 0)
