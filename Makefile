# The same targets everywhere: they work on a fresh Debian 12 with a Rust toolchain, make and a C compiler.

SHELL := /bin/sh
.DEFAULT_GOAL := help
export GIT_COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

PORT ?= 8080
ADMIN_PORT ?= 8081
RAIL_PORT ?= 9300
RAIL_ADMIN_PORT ?= 9301
PREFIX ?= $(HOME)/.local/evenkeel
SOAK ?= 10m
FUZZ ?= 30
ATTACK ?= 60

.PHONY: help setup setup-check setup-tests setup-tests-long run test test-ledger soak mutants fuzz test-long check bench slowhttptest attacks scan drill doc release deploy rollback

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Installs what tests, checks, drills and benchmarks need (Debian packages; cargo-nextest and cargo-deny when missing)
	@sh .ci/install postgresql python3 nginx-light caddy haproxy apache2-bin socat wrk valgrind faketime iproute2
	@cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked
	@$(MAKE) --no-print-directory setup-check

setup-check:
	@cargo deny --version >/dev/null 2>&1 || { echo "setup: building cargo-deny from crates.io"; cargo install --quiet cargo-deny --locked; }

# Chaos Toolkit asks for Python 3.12 and runs on Debian 12's 3.11 as well; its versions are pinned for that.
setup-tests:
	@sh .ci/install postgresql pgbouncer python3 libssl-dev pkg-config iproute2 openssl faketime gcc libc6-dev prometheus
	@sh .ci/peers pypi:toxiproxy-python==0.1.1 npm:toxiproxy-node-client@4.1.0
	@PIP_IGNORE_REQUIRES_PYTHON=1 sh .ci/peers pypi:chaostoolkit==1.21.4 pypi:chaostoolkit-lib==1.45.1 pypi:jsonpath2==0.4.5

setup-tests-long: setup-tests
	@sh .ci/install prometheus-alertmanager
	@sh .ci/peers crate:toxiproxy_rust@0.1.6 pypi:opentelemetry-proto==1.45.1 app:rotel==0.0.1a15

run: ## Builds and starts the ledger and its partner bank on the embedded store
	@cargo build --quiet -p ledger -p rail
	@PORT=$(PORT) ADMIN_PORT=$(ADMIN_PORT) RAIL_PORT=$(RAIL_PORT) RAIL_ADMIN_PORT=$(RAIL_ADMIN_PORT) sh .ci/serve

test: setup-tests ## Runs the tests, examples in the documentation included; the long ones are those of test-long
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --no-fail-fast; else cargo test --workspace --no-fail-fast --lib --bins --tests --examples; fi
	@cargo test --quiet --workspace --doc

test-ledger: setup-tests ## Runs the ledger's tests on PostgreSQL and on PostgreSQL behind PgBouncer in transaction mode
	@LEDGER_TEST_DATABASE=postgres cargo nextest run -p ledger --no-fail-fast
	@LEDGER_TEST_DATABASE=pgbouncer cargo nextest run -p ledger --no-fail-fast

soak: setup-tests ## Loads the ledger behind PgBouncer while sessions are terminated at random, for SOAK (10m)
	@SOAK=$(SOAK) cargo test --quiet -p ledger --test it -- --ignored --exact --nocapture storm::the_books_are_right_after_a_soak_behind_pgbouncer_with_sessions_terminated_at_random

mutants: setup-tests ## Changes the store and the postings in small ways, and counts the changes that no test notices
	@cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --locked
	@sh .ci/mutants

fuzz: ## Fuzzes each parser of untrusted bytes for FUZZ (30) seconds, with a nightly compiler
	@cargo +nightly fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
	@cd fuzz && for target in $$(cargo +nightly fuzz list --fuzz-dir .); do cargo +nightly fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(FUZZ) -max_len=4096 || exit 1; done

test-long: setup-tests-long ## Runs the tests that repeat or take long
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --no-fail-fast --run-ignored only -E "not test(/^lab::tests::service$$/)"; else cargo test --workspace --no-fail-fast --lib --bins --tests --examples -- --ignored --skip lab::tests::service; fi

check: setup-check ## Formatting, lints, each feature of evenkeel alone, documentation; the committed API of the ledger; licences, sources and advisories of dependencies
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --quiet -- -D warnings
	@for features in "" sqlite postgres client openapi query; do cargo clippy -p evenkeel --no-default-features --features "$$features" --quiet -- -D warnings || exit 1; done
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	@cargo run --quiet -p ledger -- openapi --against services/ledger/openapi.json
	@sh .ci/deny

bench: ## Measures against peers in the same run; writes bench/RESULTS.md
	@sh .ci/install wrk valgrind socat haproxy
	@sh .ci/peers tool:oha@1.16.0 pypi:procrastinate==3.10.0 pypi:psycopg-binary==3.3.9 npm:graphile-worker@0.18.0 npm:pg-boss@10.4.2
	@cargo build --release --quiet -p bench -p ledger -p rail -p keel-prover
	@cargo run --release --quiet -p bench

slowhttptest: ## Runs the attacks of slowhttptest on the ledger: slow heads, slow bodies, slow reading, ranges
	@sh .ci/install python3 slowhttptest
	@cargo build --quiet -p ledger
	@python3 docs/guide/testing/border/slowhttptest.py

attacks: ## Runs each attack for ATTACK (60) seconds beside a bystander: on the ledger, on large answers, and on servers without protection
	@sh .ci/install python3
	@cargo build --quiet -p ledger -p evenkeel --bin ledger --example attack_target
	@python3 docs/guide/testing/border/attacks.py --control --seconds 10
	@python3 docs/guide/testing/border/attacks.py --seconds $(ATTACK) --post /v1/accounts --large /openapi.json -- target/debug/ledger
	@python3 docs/guide/testing/border/attacks.py --seconds $(ATTACK) --large-only --path /hello --post /echo --large /large -- target/debug/examples/attack_target

scan: ## Scans the ledger with sslyze, testssl.sh, MDN's HTTP Observatory and schemathesis, attacks caches before it, uses its page by keyboard
	@sh .ci/install python3 openssl testssl.sh nodejs npm nginx-light varnish chromium
	@sh .ci/peers scanner:sslyze==6.3.1 scanner:schemathesis==4.32.5 bare:@mdn/mdn-http-observatory@1.4.8 npm:axe-core@4.14.1
	@cargo build --quiet -p ledger -p rail
	@python3 docs/guide/testing/scan/scan.py --control
	@python3 docs/guide/testing/scan/scan.py
	@python3 docs/guide/testing/scan/caches.py --control
	@python3 docs/guide/testing/scan/caches.py
	@python3 docs/guide/testing/scan/page.py

drill: ## Examines the ledger with keel: every probe, every drill, every report
	@cargo build --quiet -p keel-prover -p ledger -p rail
	@target/debug/keel check --config keel.toml --html keel-report.html --junit keel-report.xml --json keel-report.json; checked=$$?; \
	target/debug/keel drill --config keel.toml --accepted drills/accepted/ledger.toml --reports target/drills drills/*.toml; drilled=$$?; \
	[ $$checked = 0 ] && [ $$drilled = 0 ]

doc: ## Builds the documentation: rustdoc in target/doc, the guides as a book in target/book
	@cargo doc --workspace --no-deps
	@mdbook --version >/dev/null 2>&1 || { echo "doc: building mdbook from crates.io"; cargo install --quiet mdbook --locked --no-default-features --features search; }
	@mdbook build docs

release: ## Builds the artifact: dist/ with the binaries and their checksums
	@cargo build --release --locked -p ledger -p rail -p keel-prover
	@rm -rf dist && mkdir -p dist/bin && cp target/release/ledger target/release/rail target/release/keel dist/bin/
	@cd dist && sha256sum bin/* > SHA256SUMS && cat SHA256SUMS

deploy: ## Puts dist/ under PREFIX/releases and switches PREFIX/current to it in one step
	@test -f dist/SHA256SUMS || { echo "deploy: there is no dist/: run make release first" >&2; exit 1; }
	@cd dist && sha256sum --quiet -c SHA256SUMS
	@mkdir -p "$(PREFIX)/releases/$(GIT_COMMIT)" && cp -r dist/. "$(PREFIX)/releases/$(GIT_COMMIT)/"
	@if [ -L "$(PREFIX)/current" ]; then cp -P "$(PREFIX)/current" "$(PREFIX)/previous"; fi
	@ln -sfn "releases/$(GIT_COMMIT)" "$(PREFIX)/next" && mv -T "$(PREFIX)/next" "$(PREFIX)/current"
	@echo "deployed $(GIT_COMMIT) to $(PREFIX)/current; restart the service to run it"

rollback: ## Switches PREFIX/current back to the release before
	@test -L "$(PREFIX)/previous" || { echo "rollback: there is no release before this one" >&2; exit 1; }
	@cp -P "$(PREFIX)/previous" "$(PREFIX)/next" && mv -T "$(PREFIX)/next" "$(PREFIX)/current"
	@readlink "$(PREFIX)/current"
