#!/bin/sh
# Bare axum: cargo build --release -p bench builds it.
exec "${BENCH:-target/release/bench}" serve bare "$PORT"
