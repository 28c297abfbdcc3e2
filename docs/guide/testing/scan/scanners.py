"""The scanners: each runs on a target, and returns what it found.

A scanner that did not run to its end returns no list of faults: nothing is known then."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess

PEERS = pathlib.Path("target/peers")
PYTHON = PEERS / "scanners/bin"
OBSERVATORY = PEERS / "node/node_modules/@mdn/mdn-http-observatory"
# The longest run of one scanner, in seconds.
LONGEST = 1800

# Findings of testssl.sh that are accepted.
ACCEPTED = {
    # Mozilla's intermediate configuration, which sslyze checks, leaves the choice among strong suites to the client.
    "cipher_order",
    # The authority of the scan publishes no revocation list.
    "cert_revocation",
    # No engine for GOST in the scanner's own OpenSSL.
    "engine_problem",
    # A question that testssl.sh could not ask by itself; sslyze examines resumption.
    "sessionresumption_ticket",
}
GRADE = "A+"


@dataclasses.dataclass
class Found:
    faults: list
    about: str


def run(command, **environment):
    """Runs a scanner; returns its exit code and what it printed, and no code when it could not run in time."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LONGEST, env={**os.environ, **environment})
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    return done.returncode, done.stdout + done.stderr


def sslyze(target, folder, _values, _cases):
    """Compares versions, suites, curves and the certificate with Mozilla's intermediate configuration, and looks for known attacks."""
    report = folder / "sslyze.json"
    trust = ["--certinfo_ca_file", target.authority]
    _code, text = run([PYTHON / "sslyze", f"localhost:{target.port}", "--mozilla_config", "intermediate", *trust, "--json_out", report])
    verdicts = re.findall(r"^\s+localhost:\d+: (OK|FAILED) - (.*)$", text, re.M)
    if not verdicts or not report.exists():
        return Found(None, text[-300:])
    compliance = text[text.rindex("COMPLIANCE AGAINST"):] if verdicts[0][0] == "FAILED" else ""
    faults = [line.strip(" *") for line in compliance.splitlines() if line.strip().startswith("* ")]
    faults += [f"NOT OK: {' '.join(line.split())}" for line in text.splitlines() if "VULNERABLE -" in line]
    return Found(faults, f"Mozilla's intermediate configuration: {verdicts[0][1]}")


def testssl(target, folder, _values, _cases):
    """Asks for suites, protocols and known attacks with sockets of its own."""
    report = folder / "testssl.json"
    options = ["--quiet", "--warnings", "off", "--nodns", "none", "--color", "0", "--add-ca", target.authority, "--jsonfile", report]
    _code, text = run(["testssl", *options, target.url])
    try:
        found = json.loads(report.read_text())
    except (OSError, ValueError) as error:
        return Found(None, f"{error}: {text[-300:]}")
    # The last part that it examines.
    if not any(entry["id"].startswith("clientsimulation") for entry in found):
        return Found(None, text[-300:])
    bad = [entry for entry in found if entry["severity"] not in ("OK", "INFO") and entry["id"] not in ACCEPTED]
    fine = sum(entry["severity"] == "OK" for entry in found)
    return Found([f"{entry['severity']} {entry['id']}: {entry['finding']}" for entry in bad], f"{len(found)} findings, {fine} of them OK")


def observatory(target, _folder, _values, _cases):
    """Grades the headers of the page."""
    # Its list of preloaded hosts is made at its installation from the network; localhost is in no such list.
    preloaded = OBSERVATORY / "conf/hsts-preload.json"
    if not preloaded.exists():
        preloaded.write_text("{}")
    _code, text = run(["node", OBSERVATORY / "src/scan.js", f"localhost:{target.port}"], NODE_EXTRA_CA_CERTS=str(target.authority))
    try:
        result = json.loads(text)
        scan, tests = result["scan"], result["tests"]
    except (ValueError, KeyError):
        return Found(None, text[-300:])
    faults = [f"{name}: {test['result']}" for name, test in tests.items() if not test["pass"]]
    if scan["grade"] != GRADE:
        faults.insert(0, f"grade {scan['grade']}, not {GRADE}")
    return Found(faults, f"grade {scan['grade']}, score {scan['score']}, {scan['testsPassed']} of {scan['testsQuantity']} tests passed")


def schemathesis(target, folder, values, cases):
    """Sends valid and invalid requests from the OpenAPI document, and compares each answer with it."""
    config = folder / "schemathesis.toml"
    config.write_text(schemathesis_config(values) if values else "")
    report = folder / "schemathesis.xml"
    options = ["--checks", "all", "--max-examples", cases, "--seed", "1", "--continue-on-failure", "--no-color", "--report-junit-path", report]
    command = [PYTHON / "schemathesis", "--config-file", config, "run", f"{target.url}/openapi.json", "--tls-verify", target.authority, *options]
    _code, text = run(command, REQUESTS_CA_BUNDLE=str(target.authority))
    cases = re.search(r"Test cases:\n\s+(.*)", text)
    tested = re.search(r"Tested: (\d+)", text)
    if not cases or not tested or "Errors:" in text:
        return Found(None, text[-600:])
    faults = []
    for operation, part in re.findall(r"^_+ ((?:[A-Z]+ /|Stateful).*?) _+\n(.*?)(?=^_{3,}|^=)", text, re.M | re.S):
        for fault in re.split(r"^\d+\. ", part, flags=re.M)[1:]:
            what = " ".join(line.strip("- ") for line in fault.splitlines() if line.startswith("- "))
            how = next((line.strip() for line in fault.splitlines() if line.strip().startswith("curl ")), "")
            faults.append(f"{operation}: {what}: {how}")
    if not faults and "FAILURES" in text:
        return Found(None, text[-600:])
    return Found(faults, f"{tested[1]} operations, {cases[1]}")


# A refusal by the balance, by an account that is not there, or by a key that was used for another request.
TAKEN = ["2xx", "3xx", 401, 403, 404, 409, 422, 429]


def schemathesis_config(values):
    """Ids and cursors that exist, and the answers to requests that a schema allows and the rules of the ledger do not."""
    ids, cursors = values
    parts = ["[checks.positive_data_acceptance]", f"expected-statuses = {json.dumps(TAKEN)}", ""]
    known = {"/v1/accounts/{id}": "account", "/v1/accounts/{id}/forecast": "account", "/v1/transfers/{id}": "transfer", "/v1/payouts/{id}": "payout"}
    for path, name in known.items():
        parts += ["[[operations]]", f'include-path = "{path}"', "[operations.parameters]", f'id = "{ids[name]}"', ""]
    for path, cursor in cursors.items():
        parts += ["[[operations]]", f'include-path = "{path.replace("{account}", "{id}")}"', 'include-method = "GET"']
        # It uses the cursor of one list for another one in sequences, which is refused.
        parts += ["[operations.checks.positive_data_acceptance]", f"expected-statuses = {json.dumps([*TAKEN, 400])}"]
        parts += ["[operations.parameters]", f'cursor = "{cursor}"', *([f'id = "{ids["account"]}"'] if "{account}" in path else []), ""]
    return "\n".join(parts)


ALL = {"sslyze": sslyze, "testssl": testssl, "observatory": observatory, "schemathesis": schemathesis}
