"""A small shop: Flask as its quickstart has it. Alone under gunicorn, and the upstream of nginx, Caddy and HAProxy."""

import hashlib
import json
import os
import time
import urllib.request

from flask import Flask, jsonify, request

app = Flask(__name__)
RATES_URL = os.environ.get("RATES_URL", "http://127.0.0.1:18740")


def work():
    """About 5 ms of a processor."""
    return hashlib.pbkdf2_hmac("sha256", b"item", b"salt", 8000).hex()


@app.get("/healthz")
def healthz():
    return jsonify(status="ok")


@app.get("/items/<int:id>")
@app.get("/orders/<int:id>", endpoint="order")
def one(id):
    return jsonify(id=id, digest=work())


@app.get("/suggestions", endpoint="suggestions")
@app.get("/search")
def search():
    return jsonify(found=[work()])


@app.post("/prices")
def price():
    body = request.get_json()
    return jsonify(item=body["item"], price=100 * body["amount"])


@app.get("/rates/<code>")
def rate(code):
    with urllib.request.urlopen(f"{RATES_URL}/rates/{code}") as answer:
        return jsonify(rate=json.load(answer)["rate"])


@app.get("/report")
def report():
    time.sleep(20)
    return jsonify(report="done")


@app.get("/broken")
def broken():
    raise RuntimeError("the handler fails")
