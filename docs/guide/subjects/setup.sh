#!/bin/sh
# Lays out what the three servers serve and write, in target/subjects.
set -eu
cd "$(dirname "$0")/../../.."
mkdir -p target/subjects/logs
cp -r docs/guide/subjects/site target/subjects/
chmod -R a+rX target/subjects
