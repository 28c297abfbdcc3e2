"""A Flask application as a tutorial writes it."""

from flask import Flask, Response

app = Flask(__name__)


@app.get("/")
def page():
    return '<a href="/report">report</a>'


@app.get("/report")
def report():
    def lines():
        for number in range(40_000):
            yield f"{number}: a line of the report, made when it is asked for\n"

    text = "".join(lines())
    return Response((text[at : at + 4096] for at in range(0, len(text), 4096)), headers={"Content-Length": str(len(text))})
