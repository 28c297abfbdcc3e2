#!/bin/sh
# Lays out the served pages and the folders for logs of the case studies, in target/subjects.
set -eu
cd "$(dirname "$0")/../../.."
mkdir -p target/subjects/logs
cp -r docs/guide/subjects/site target/subjects/
chmod -R a+rX target/subjects
