# The only door. `make help` lists what it opens.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The profile of what demo and bench run: release or dev.
PROFILE ?= release
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR

# Tools that this door installs lie in target/tools and in cargo's own directory.
TOOLS := $(CARGO_TARGET_DIR)/tools
STAMPS := $(CARGO_TARGET_DIR)/stamps
BIN = $(CARGO_TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
export PATH := $(TOOLS)/bin:$(TOOLS)/node_modules/.bin:$(PATH):$(HOME)/.cargo/bin

.PHONY: help deps extra-deps proto docs build package docker/build demo clean-lab test test-clients test-packages \
	lint audit fuzz bench soak fmt clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z\/-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: $(STAMPS)/deps ## Install what building and testing needs and this machine lacks

extra-deps: $(STAMPS)/generators $(STAMPS)/bench ## Install what only `proto` and `bench` need: code generators, wireguard-go

proto: deps $(STAMPS)/generators ## Check proto/, generate the code again, fail if that changes anything
	buf lint
	buf generate
	buf build --as-file-descriptor-set -o crates/api/src/generated/descriptors.binpb
	git diff --exit-code -- crates/api/src/generated

build: deps ## Build all programs into target/release (PROFILE=dev: target/debug)
	scripts/build.sh $(PROFILE)

docs: deps ## Generate the tables of docs/configuration.md again, from the programs' own types
	cargo run --quiet --locked --package wgcni-packaging -- docs docs/configuration.md

package: build $(STAMPS)/package ## Make a Debian package of each program, in target/debian (PROFILE=dev: quickly)
	scripts/package.sh $(PROFILE)

IMAGE ?= wireguard-cni
docker/build: ## Build the image IMAGE with docker, podman or buildah (BASE and BUILDER: other base images)
	scripts/image.sh $(IMAGE)

demo: build ## Run a cluster on this machine and show its traffic (KEEP=1 leaves it up)
	$(BIN)/lab demo $(if $(KEEP),--keep)

clean-lab: ## Take down whatever a demo, test or bench left on this machine
	scripts/clean-lab.sh

test: deps ## Run all tests, real network namespaces included (root)
	scripts/test.sh

test-clients: deps ## Run the tests with other people's clients: cnitool, curl (root, Go 1.21+)
	scripts/test-clients.sh

test-packages: deps $(STAMPS)/test-packages ## Install, upgrade and purge packages in a machine; build and run the image (root)
	scripts/test-packages.sh

lint: deps ## Check format, clippy, who may import whom, proto/, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --test clients --test packages --locked -- -D warnings
	scripts/check-imports.py
	scripts/check-tree.sh
	buf lint
	cargo deny --locked --log-level error check bans licenses sources

audit: deps ## Check dependencies against the RustSec database (fetched from GitHub)
	cargo deny --locked --log-level error check advisories

TARGET ?= messages
SECONDS ?= 60
fuzz: deps ## Fuzz TARGET (fuzz/fuzz_targets) for SECONDS
	scripts/fuzz.sh $(TARGET) $(SECONDS)

bench: build $(STAMPS)/bench ## Measure, print a table, write target/bench.json
	cargo bench --locked --package cluster-manager
	$(BIN)/lab bench

soak: build ## Attach and detach 10,000 times (CYCLES=N), fail when something grows
	$(BIN)/lab soak $(if $(CYCLES),--cycles $(CYCLES))

fmt: deps ## Format our code
	cargo fmt --all

clean: ## Remove everything that was built
	rm -rf $(CARGO_TARGET_DIR)

$(STAMPS)/deps: scripts/deps.sh scripts/have.sh rust-toolchain.toml
	scripts/deps.sh $(TOOLS)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/generators: scripts/generators.sh scripts/have.sh
	scripts/generators.sh
	@mkdir -p $(@D) && touch $@

$(STAMPS)/bench: scripts/bench-deps.sh scripts/have.sh
	scripts/bench-deps.sh
	@mkdir -p $(@D) && touch $@

$(STAMPS)/package: scripts/package-deps.sh scripts/have.sh
	scripts/package-deps.sh $(TOOLS) make
	@mkdir -p $(@D) && touch $@

$(STAMPS)/test-packages: scripts/package-deps.sh scripts/have.sh
	scripts/package-deps.sh $(TOOLS) test
	@mkdir -p $(@D) && touch $@
