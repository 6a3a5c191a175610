# Baton: every way to build, run and check it. `make` or `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/sh
CARGO ?= cargo
# Node 20 and the dashboard's sources make the dashboard; without them a placeholder page takes its place.
NODE_OK := $(shell node --version 2>/dev/null | grep -Eq '^v(2[0-9]|[3-9][0-9])\.' && command -v npm >/dev/null 2>&1 && test -f web/package.json && echo yes)
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.PHONY: run
run: deps web quick ## build quickly, start server, scheduler and a robot, and show the dashboard link
	@exec $(TARGET)/debug/baton up $(ARGS)

.PHONY: quick
quick: ## build the executable with the quick profile
	@$(CARGO) build -p baton

.PHONY: build
build: web ## build the executable for use: target/release/baton
	@$(CARGO) build --release -p baton

.PHONY: install
install: build ## copy baton and runrpa to ~/.local/bin (PREFIX=… for another place)
	@install -D -m 755 $(TARGET)/release/baton $(or $(PREFIX),$(HOME)/.local)/bin/baton
	@ln -sf baton $(or $(PREFIX),$(HOME)/.local)/bin/runrpa
	@echo "installed baton and runrpa in $(or $(PREFIX),$(HOME)/.local)/bin"

.PHONY: web
ifeq ($(NODE_OK),yes)
web: web/dist/index.html ## build the dashboard, when its sources changed and Node is there
web/node_modules/.package-lock.json: web/package.json $(wildcard web/package-lock.json)
	@cd web && if test -f package-lock.json; then npm ci --no-audit --no-fund; else npm install --no-audit --no-fund; fi
	@touch $@
web/dist/index.html: web/node_modules/.package-lock.json $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)
	@cd web && npm run build
	@touch $@
else
web:
	@:
endif

.PHONY: test
test: test-deps fmt-check lint test-rust test-web test-e2e ## run every check: format, lints, tests, dashboard, browser

.PHONY: deps test-deps
deps: ## install what a fresh Debian machine lacks to build and run: compiler, Python
	@.ci/deps
test-deps:
	@.ci/deps test

.PHONY: fmt-check
fmt-check: ## check the format
	@$(CARGO) fmt --all -- --check

.PHONY: fmt
fmt: ## format
	@$(CARGO) fmt --all

.PHONY: lint
lint: web ## clippy, warnings denied
	@$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings

.PHONY: test-rust
test-rust: web ## the tests of all crates
	@if $(CARGO) nextest --version >/dev/null 2>&1; \
	then $(CARGO) nextest run --config-file .ci/nextest.toml --profile $(if $(filter true,$(CI)),ci,default) --workspace --all-features --no-fail-fast; \
	else $(CARGO) test --workspace --all-features --no-fail-fast --lib --bins --tests; fi

.PHONY: test-web
ifeq ($(NODE_OK),yes)
test-web: web ## the dashboard's own checks
	@cd web && npm run --if-present check && npm test --if-present
else
test-web:
	@if test -f web/package.json; then echo "test-web: Node 20 is missing" >&2; exit 1; fi
endif

# The executable comes from the build of `test-rust`, so that nothing is compiled twice with other features.
.PHONY: cases
cases: quick ## every check of cases/, also the long ones (BATON=… for another executable)
	@export BATON="$(or $(BATON),$(abspath $(TARGET))/debug/baton)"; failed=0; \
	for check in cases/*/check.sh; do echo "$$check"; bash $$check || failed=1; done; \
	cd cases/reliability && for check in $$(ls *.py | grep -v '^rig'); do echo "$$check"; python3 $$check || failed=1; done; \
	exit $$failed

.PHONY: test-e2e
ifeq ($(NODE_OK),yes)
test-e2e: web ## the journeys in a real browser, against the real executable (BATON=… for another one)
	@test -n "$(BATON)" || $(CARGO) test --workspace --all-features --no-run --quiet --lib --bins --tests
	@cd web && BATON="$(or $(BATON),$(abspath $(TARGET))/debug/baton)" npm run --silent e2e
else
test-e2e:
	@if test -d web/e2e; then echo "test-e2e: Node 20 is missing" >&2; exit 1; fi
endif

.PHONY: bench
bench: build ## measure this machine: baton bench (ARGS=… for its flags)
	@$(TARGET)/release/baton bench $(ARGS)

.PHONY: screenshots
screenshots: build ## take pictures of the dashboard for the docs
	@if test -x web/screenshots.sh; then web/screenshots.sh $(TARGET)/release/baton; else echo "there is no dashboard yet"; fi

.PHONY: ci
ci: ## what CI runs
	@.ci/run
