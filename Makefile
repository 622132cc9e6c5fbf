# make run    the server on http://127.0.0.1:8400, all it needs made first
# make test   every test; make lint  types and style; make bench  the measurements; make ide  the frontend
# make stock  the example of a Theia with a Node backend, which the tests run too
# make audit  known weaknesses: of the code (bandit), and of what it depends on (pip-audit, which asks a database
#             on the network; without it, it says so; make audit STRICT=1 fails then)
PYTHON ?= python3
BIN := .venv/bin
NPM := npm --prefix extension-ts
CHROMIUM := /usr/bin/chromium

.PHONY: run install develop ide stock test lint audit types bench browser clean
.DELETE_ON_ERROR:

run: .venv/installed ide
	@$(BIN)/theia-bridge serve

install: .venv/installed

# The build says for itself when nothing changed; the modules are only needed when it has to run.
ide: extension-ts/node_modules/.installed
	@node extension-ts/scripts/build.mjs

# After the IDE, as both compile the extension.
stock: ide
	@node extension-ts/scripts/stock.mjs

develop: .venv/developed extension-ts/node_modules/.installed

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@echo "Making the virtual environment ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip==26.3'
	@touch $@

.venv/installed: .venv/python pyproject.toml constraints.txt
	@echo "Installing the server ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/developed: .venv/installed
	@echo "Installing the tools for tests ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev
	@touch $@

extension-ts/node_modules/.installed: extension-ts/package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 or newer is needed to build the IDE (not to run it)."; exit 1; }
	@echo "Installing what the IDE is built from (a minute) ..."
	@NO_UPDATE_NOTIFIER=1 $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

browser:
	@test -x $(CHROMIUM) || { \
		echo "Installing Chromium for the end-to-end tests ..."; \
		[ "$$(id -u)" = 0 ] || { echo "Install it as root: apt-get install chromium"; exit 1; }; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; }

test: develop ide stock browser
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
	@$(NPM) test --silent

lint: develop
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m theia_bridge.methods --check
	@$(NPM) run --silent lint

audit: develop
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive auth fdb_provider rpc theia_bridge
	@$(BIN)/python -m tests.advisories $(if $(STRICT),--strict) constraints.txt

# Writes what is generated: from the RPC methods the frontend's types and docs/rpc.md, from the records the table of indexes.
types: .venv/installed
	@$(BIN)/python -m theia_bridge.methods
	@$(BIN)/python -m fdb_provider.indexes

bench: develop ide browser
	@$(BIN)/python -m benchmarks

clean:
	rm -rf .venv extension-ts/node_modules extension-ts/*/lib extension-ts/*/src-gen theia_bridge/ide/theia build dist
