# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# The front door: `make demo` shows what Bowyer does, `make test` runs every test that CI runs. Both need rustup, Go and
# a C compiler, and nothing else; only interop, the comparisons with other engines and the scripts that make test data need Python.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

GOFUMPT := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
export GOFUMPT STATICCHECK

# The library that Go programs link: release for the demo and the benches, dev for the tests, which share its
# dependencies with cargo test.
PROFILE ?= release

GO_MODULES := $(patsubst %/go.mod,%,$(shell git ls-files --cached --others --exclude-standard '*go.mod'))

.PHONY: help
help: ## Say what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: lib ## Build everything and run the flights pipeline, in Go and in Rust
	@scripts/demo.sh

.PHONY: lib
lib: ## Build the static library that Go links (PROFILE=release or dev)
	@scripts/package-staticlib.sh $(PROFILE)

.PHONY: worker
worker: ## Build the program that runs engines in a process of its own (PROFILE=release or dev)
	cargo build --locked --package bowyer-worker --bin bowyer-worker --profile $(PROFILE)

.PHONY: test
test: ## Run every test that CI runs
	@scripts/test.sh

.PHONY: test-rust
test-rust: ## Run the Rust tests alone
	cargo test --workspace

.PHONY: test-go
test-go: ## Run the Go tests alone (builds the library first)
	@$(MAKE) lib PROFILE=dev
	@for module in $(GO_MODULES); do echo "# $$module"; (cd "$$module" && go test -count=1 ./...); done

.PHONY: race
race: ## Run the Go tests under the race detector
	@$(MAKE) lib PROFILE=dev
	cd go && go test -count=1 -race ./...

.PHONY: cgocheck
cgocheck: ## Run the Go tests with the strict check of pointers that cross to C
	@$(MAKE) lib PROFILE=dev
	cd go && GOEXPERIMENT=cgocheck2 go test -count=1 ./...

.PHONY: differential
differential: ## Compare functions with pyarrow's on random inputs (SECONDS=60; needs Python)
	@testdata/functions/differential.sh $(or $(SECONDS),60)

.PHONY: record-functions
record-functions: ## Write pyarrow's answers to sample calls into testdata/functions/recorded.toml (needs Python)
	@testdata/functions/differential.sh 0 --seed 1 --record testdata/functions/recorded.toml

.PHONY: malformed
malformed: ## Ask four libraries about arrays that lie and compare their verdicts (needs Python)
	@testdata/malformed/verdicts/run.sh

.PHONY: trust
trust: ## Measure what is promised about trust, a line for each promise (SECONDS=600)
	@scripts/trust.sh $(or $(SECONDS),600)

.PHONY: soak
soak: lib worker ## Work engines for long and see that nothing stays behind (SECONDS=3600, SLOPE=1 in MiB/h)
	cd benches/go && go run ./soak -worker $(abspath $(or $(CARGO_TARGET_DIR),target))/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/bowyer-worker \
		-seconds $(or $(SECONDS),3600) $(if $(SLOPE),-slope $(SLOPE))

.PHONY: fuzz
fuzz: ## Damage arrays, messages and plans at random, in Rust and Go (SECONDS=60 for each)
	@scripts/fuzz.sh $(or $(SECONDS),60)

.PHONY: fuzz-coverage
fuzz-coverage: ## Fuzz arrays, calls, plans, files, keys and frames, led by coverage (SECONDS=60 for each, TARGETS=; needs nightly)
	@scripts/fuzz-coverage.sh $(or $(SECONDS),60) $(TARGETS)

.PHONY: sanitizers
sanitizers: ## Run C, Go and Rust under AddressSanitizer, threads under ThreadSanitizer (ONLY="c go rust threads"; the last two need nightly)
	@scripts/sanitizers.sh $(ONLY)

.PHONY: mutants
mutants: ## Change the guard in small ways and see that tests notice (SHARD=0/8)
	@scripts/mutants.sh $(SHARD)

.PHONY: supply-chain
supply-chain: ## Check licences, sources, known faults and versions of other people's code
	@scripts/supply-chain.sh

.PHONY: reproducible
reproducible: ## Build the library twice at two paths and compare (PROFILE=release or dev)
	@scripts/reproducible.sh $(PROFILE)

.PHONY: rehearsal
rehearsal: ## Let clients and libraries of other versions meet (OLD=folder of another release)
	@scripts/rehearsal.sh $(OLD)

.PHONY: fuzz-plans
fuzz-plans: ## Compare random plans with a naive oracle, and what SQL has words for with DuckDB (SECONDS=60, SEED= where to begin; needs Python)
	@scripts/plans/run.sh $(or $(SECONDS),60) $(SEED)

.PHONY: fmt
fmt: ## Format Rust and Go
	cargo fmt
	go run $(GOFUMPT) -w $(GO_MODULES)

.PHONY: lint
lint: ## Check formats, lints and habits without running a test
	cargo fmt --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo xtask codegen --check
	cargo xtask tidy
	@$(MAKE) lint-go

.PHONY: lint-go
lint-go:
	@unformatted="$$(go run $(GOFUMPT) -l $(GO_MODULES))"; \
	if [ -n "$$unformatted" ]; then echo "not as gofumpt formats: $$unformatted" >&2; exit 1; fi
	@for module in $(GO_MODULES); do \
		echo "vet and staticcheck: $$module"; \
		(cd "$$module" && go vet ./... && go run $(STATICCHECK) ./...); \
	done

.PHONY: codegen
codegen: ## Rewrite the generated files
	cargo xtask codegen

.PHONY: bench-boundary
bench-boundary: lib ## Measure what a batch costs to cross, beside arrow-go's cdata and IPC
	@cargo build --quiet --release --manifest-path benches/boundary/stock/Cargo.toml
	cd benches/boundary && go run -tags stock .

.PHONY: bench-functions
bench-functions: ## Time every scalar and vector function beside pyarrow's (FILTER=part of a name; needs Python)
	@benches/functions/run.sh $(if $(FILTER),--filter $(FILTER)) $(if $(SECONDS),--seconds $(SECONDS))

.PHONY: bench-text
bench-text: ## Time search and case of text, casts and parsing beside Polars and pyarrow (ROWS=1e6; needs Python)
	@benches/functions/run.sh text $(if $(filter command line,$(origin ROWS)),--rows $$(printf %.0f $(ROWS)))

.PHONY: bench-kernels-rust
bench-kernels-rust: ## Measure single functions in Rust (FILTER=part of a name)
	cargo bench --quiet --package bowyer-compute --bench kernels -- $(FILTER)

.PHONY: bench-sort
bench-sort: ## Measure sorts in memory, and how fast queries stop (ONLY=cancel, ROWS=1e7)
	cargo bench --quiet --package bowyer-engine --bench sort

.PHONY: bench-spill
bench-spill: ## Measure sorts, groups, joins and windows of four times their memory limit (CASE=join, ROWS=1e7)
	cargo bench --quiet --package bowyer-engine --bench spill

# K, NULLS (per cent) and SORTED=1 shape the data of bench-peers; QUESTIONS=g1,j5 and ENGINES=bowyer,duckdb choose.
ROWS ?= 1e7
SF ?= 1
PEERS_DATA = --rows $(ROWS) $(if $(K),--k $(K)) $(if $(NULLS),--nulls $(NULLS)) $(if $(SORTED),--sorted)
PEERS_OPTIONS = $(if $(QUESTIONS),--questions $(QUESTIONS)) $(if $(ENGINES),--engines $(ENGINES)) \
	$(if $(AGAINST),--against $(AGAINST)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RUNS),--runs $(RUNS))

.PHONY: bench-peers
bench-peers: lib ## Ask db-benchmark's questions of Bowyer and five other engines, ROWS=1e7 (needs Python)
	@benches/peers/run.sh $(PEERS_DATA) $(PEERS_OPTIONS)

.PHONY: bench-tpch
bench-tpch: lib ## Ask TPC-H's 22 questions of Bowyer, DuckDB and DataFusion, SF=1 (needs Python)
	@benches/peers/run.sh --tpch $(SF) $(PEERS_OPTIONS)

.PHONY: bench-kernels
bench-kernels: bench-limits lib ## Measure single functions from Go beside arrow-go, pyarrow and Polars, ROWS=1e7 (needs Python)
	@benches/peers/run.sh --kernels $(PEERS_DATA) $(PEERS_OPTIONS)

.PHONY: bench-cancel
bench-cancel: lib ## Measure how soon a thousand cancelled queries return, over all operators (ROWS=1e6)
	cd benches/go && go run ./cancel -operators $(if $(filter command line,$(origin ROWS)),-rows $$(printf %.0f $(ROWS)))

.PHONY: bench-isolation
bench-isolation: lib worker ## Measure what a worker process costs beside an engine in the same process (BATCHES=64)
	cd benches/go && go run ./isolation -worker $(abspath $(or $(CARGO_TARGET_DIR),target))/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/bowyer-worker $(if $(BATCHES),-batches $(BATCHES))

.PHONY: bench-integration
bench-integration: lib worker ## Compare library, worker process and Arrow IPC over a socket: size, start, calls
	@scripts/integration.sh

.PHONY: bench-limits
bench-limits: ## Measure how fast memory is read and copied here (needs Python)
	@benches/peers/run.sh --limits

.PHONY: interop
interop: ## Pipe tables from pyarrow through the programs and compare (needs Python)
	@scripts/interop.sh

.PHONY: data
data: ## Make the test data and the golden answers anew (needs Python)
	@testdata/nycflights13/make.sh
	@testdata/golden/make.sh
