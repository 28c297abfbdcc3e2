"""Rows of the ledger that schemathesis cannot make up: ids, and the cursors of lists."""

import json
import sys

LISTS = ["/v1/accounts", "/v1/transfers", "/v1/payouts", "/v1/accounts/{account}/entries"]


def make(target):
    """Opens accounts, moves money, pays out, and returns ids and one cursor for each list."""
    ids = {}
    for name in ["account", "other"]:
        ids[name] = post(target, "/v1/accounts", name, {"currency": "EUR", "overdraft": 1_000_000})
    for number in range(3):
        body = {"from": ids["account"], "to": ids["other"], "amount": 5}
        ids["transfer"] = post(target, "/v1/transfers", f"transfer-{number}", body)
        body = {"account": ids["account"], "amount": 1, "destination": "DE02120300000000202051"}
        ids["payout"] = post(target, "/v1/payouts", f"payout-{number}", body)
    cursors = {}
    for path in LISTS:
        _status, _headers, body = target.open(path.format(**ids) + "?limit=1")
        cursors[path] = json.loads(body)["next"]
    return ids, cursors


def post(target, path, key, body):
    headers = {"Idempotency-Key": f"scan-{key}", "Content-Type": "application/json"}
    status, _headers, answer = target.open(path, "POST", headers, json.dumps(body).encode())
    if status not in (201, 202):
        sys.exit(f"POST {path} is answered {status}: {answer.decode(errors='replace')}")
    return json.loads(answer)["id"]
