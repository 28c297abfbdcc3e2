"""What stands behind the proxies: takes JSON, and a login that has no limit of its own. Flask as it comes."""

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.post("/echo")
def echo():
    return jsonify(fields=len(request.get_json())), 201


@app.post("/login")
def login():
    right = request.get_json().get("password") == "correct horse battery staple"
    return ("", 204) if right else ("", 401)
