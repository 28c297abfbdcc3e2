"""Orders of a small shop, in Flask: SQLite, and one dependency that tells rates of exchange."""

import json
import os
import sqlite3
import urllib.request
import uuid

from flask import Flask, abort, g, jsonify, request

DATABASE = os.environ.get("DATABASE", "orders.db")
RATES_URL = os.environ.get("RATES_URL", "http://127.0.0.1:18701").rstrip("/")
# Seconds that the rates may take: the whole request has five.
RATES_TIMEOUT = 2
PAGE = 20

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024


def database():
    if "database" not in g:
        g.database = sqlite3.connect(DATABASE, timeout=2)
        g.database.row_factory = sqlite3.Row
    return g.database


@app.teardown_appcontext
def close(_error):
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


def create_tables():
    os.makedirs(os.path.dirname(os.path.abspath(DATABASE)), exist_ok=True)
    with sqlite3.connect(DATABASE) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, item TEXT NOT NULL, cents INTEGER NOT NULL)")
        connection.execute("CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, id TEXT NOT NULL REFERENCES orders (id))")


create_tables()


@app.get("/healthz")
def health():
    database().execute("SELECT 1 FROM orders LIMIT 1")
    return jsonify(status="ok")


@app.post("/orders")
def order():
    body = request.get_json()
    item, cents = body.get("item"), body.get("cents")
    if not isinstance(item, str) or not isinstance(cents, int):
        abort(400, "item is a text, and cents is a whole number")
    key, connection = request.headers.get("Idempotency-Key"), database()
    connection.execute("BEGIN IMMEDIATE")
    known = connection.execute("SELECT id FROM keys WHERE key = ?", (key,)).fetchone()
    if known:
        connection.rollback()
        return jsonify(id=known["id"]), 201
    new = str(uuid.uuid4())
    connection.execute("INSERT INTO orders VALUES (?, ?, ?)", (new, item, cents))
    if key:
        connection.execute("INSERT INTO keys VALUES (?, ?)", (key, new))
    connection.commit()
    return jsonify(id=new), 201


@app.get("/orders")
def orders():
    after = request.args.get("after", "")
    rows = database().execute("SELECT * FROM orders WHERE id > ? ORDER BY id LIMIT ?", (after, PAGE)).fetchall()
    return jsonify(orders=[dict(row) for row in rows], next=rows[-1]["id"] if len(rows) == PAGE else None)


@app.get("/orders/<order_id>")
def one(order_id):
    row = database().execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
    return jsonify(dict(row)) if row else abort(404, "there is no such order")


@app.get("/orders/<order_id>/price/<currency>")
def price(order_id, currency):
    row = database().execute("SELECT cents FROM orders WHERE id = ?", (order_id,)).fetchone()
    if not row:
        abort(404, "there is no such order")
    try:
        with urllib.request.urlopen(f"{RATES_URL}/rates/{currency}", timeout=RATES_TIMEOUT) as answer:
            rate = json.load(answer)["rate"]
    except (OSError, ValueError, KeyError):
        abort(502, "the rates are not known now")
    return jsonify(price=round(row["cents"] * rate), currency=currency)
