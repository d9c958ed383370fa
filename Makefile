# Thin: what each target does is in the programs it calls.

PLIMSOLL_DATA ?= $(abspath ../shared/data)
export PLIMSOLL_DATA
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
# The longest tests wait, for controllers and for machines that boot: more of them at a time than there are cores.
RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(nproc))))

.PHONY: demo serve test prove bench bench-ledger bench-resize soak lint needs pythons ground schemas prometheus

## One round of the main job on the built-in cluster, then stop.
demo: needs
	cargo build --release --workspace
	$(CARGO_TARGET_DIR)/release/plimsoll demo

## The same service, kept running.
serve: needs
	cargo build --release --workspace
	$(CARGO_TARGET_DIR)/release/plimsolld demo

## Every test, and the rules of style and architecture.
test: needs pythons ground schemas prometheus lint
	@test -d "$(PLIMSOLL_DATA)" || \
		echo "PLIMSOLL_DATA: no folder $(PLIMSOLL_DATA): tests that need it are skipped and say so"
	RUST_TEST_THREADS=$(RUST_TEST_THREADS) cargo test --workspace --no-fail-fast

## Tests may unwrap, and share helpers that not each of them uses.
lint: needs
	cargo fmt --all --check
	cargo clippy --workspace --lib --bins -- -D warnings
	cargo clippy --workspace --all-targets -- -D warnings -A clippy::unwrap_used -A dead_code

## What takes too long for every day: all published instances with a known optimum (PUBLISHED_SECONDS each), fifty kills of
## the server in the midst of applies, a thousand random worlds with random faults, two hundred random clusters for each way in
## which kube-scheduler scores, three hundred lives of clusters with random faults, a live cluster of 42 nodes and 400 pods
## brought to its plan, recorded clusters set up anew and brought to theirs, a cluster of 500 nodes and 5,000 pods read through
## its API server, all prices of a region read from AWS on the wire; half an hour under load (PLIMSOLL_SOAK_MINUTES).
prove: needs
	cargo test --workspace --test published -- --ignored --nocapture
	PLIMSOLL_KILLS=50 cargo test --workspace --test kill -- --nocapture
	PLIMSOLL_SEEDS=1000 cargo test --workspace --test apply -- --nocapture
	PLIMSOLL_LIVES=300 PLIMSOLL_STEPS=all cargo test --workspace --test estate -- --nocapture
	PLIMSOLL_REFEREE_WORLDS=200 cargo test --workspace --test referee -- --nocapture
	PLIMSOLL_LIVE=full cargo test --workspace --test live apply -- --nocapture
	PLIMSOLL_REPLAY=full cargo test --workspace --test replay -- --nocapture
	PLIMSOLL_QUOTES=timed cargo test --release --workspace --test quotes -- --nocapture
	PLIMSOLL_INGEST=full cargo test --release --workspace --test ground ingest -- --nocapture
	PLIMSOLL_SOAK_MINUTES=$(or $(PLIMSOLL_SOAK_MINUTES),30) $(MAKE) soak

## The README's table: cost, gap, time and memory on published instances.
bench: needs
	cargo build --release --workspace
	$(CARGO_TARGET_DIR)/release/bench

## 100 million allocation rows by namespace, team and day, beside DuckDB: both agree on every group before a time is printed.
bench-ledger: needs pythons
	cargo build --release --workspace
	$(CARGO_TARGET_DIR)/release/bench-ledger

## 1,000 resizes a second against a real server with a file, once undisturbed and once with a kill in the middle: latencies,
## after everything that was accepted was found again.
bench-resize: needs
	cargo build --release --workspace
	$(CARGO_TARGET_DIR)/release/bench_resize
	$(CARGO_TARGET_DIR)/release/bench_resize --kill yes

## A server under changing load for PLIMSOLL_SOAK_MINUTES: memory and files stay flat.
soak: needs
	cargo build --release --workspace
	$(CARGO_TARGET_DIR)/release/soak

## Python with DuckDB, boto3, moto and the validator of FOCUS, for tests of the ledger and of AWS; installed if it is missing.
pythons:
	@./.ci/pythons

## The Kubernetes control plane that tests run against; built from Go modules if it is missing.
ground:
	@./.ci/ground >/dev/null || test $$? = 3 -a -z "$(CI)"

## What eksctl, Karpenter and Terraform say of exported plans; built from Go modules if it is missing.
schemas:
	@./.ci/schemas >/dev/null || test $$? = 3 -a -z "$(CI)"

## A Prometheus that tests ask what it remembers; unpacked if it is missing.
prometheus:
	@./.ci/prometheus >/dev/null || test $$? = 3 -a -z "$(CI)"

## What HiGHS is built with; installed if it is missing.
needs:
	@./.ci/needs
