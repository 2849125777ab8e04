# `make run` serves a decision log on this machine; `make test` runs the everyday tests. Both set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run demo test test-slow test-image fuzz check format reference docs lock clean

run: $(READY)
	@$(BIN)/decisionlog serve

# Creates a year of a fictional product in demo/, and opens it in the browser.
demo: $(READY)
	@$(BIN)/decisionlog demo --open

# Compiled modules are kept, whatever the machine says: the tests start many processes.
test: $(READY)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist worksteal tests

# The other tests: faults, load, Kafka, sweeps over every page and role on both databases, generated clients, and a real
# OpenID provider. Needs Java, Maven, node, npm and a network the first time.
test-slow: $(READY)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m slow -n 3 --dist worksteal tests

# Builds the image, starts docker-compose.yml and reads a decision at the replica; needs dockerd and root.
test-image:
	@tests/image/run

# Checks the HTTP interface against its own OpenAPI document, in some 20,000 generated cases; see tests/fuzz/.
# Each run tries other cases; SEED=1 repeats the same ones.
fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz --cases $(or $(CASES),20000) $(addprefix --seed ,$(SEED))

# Ratios, each measured side by side in one run; see tests/benchmarks/.
bench: $(READY)
	@$(BIN)/python -m tests.benchmarks

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/check_language.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Generates docs/reference from the code that it describes, and the terminal's list of the commands that record.
reference: $(READY)
	@$(BIN)/python -m tools.generate_verbs
	@$(BIN)/python -m tools.generate_reference docs/reference

# Builds the documentation as static HTML in site/; fails on a broken link.
docs: $(READY)
	@$(BIN)/zensical build --strict --clean

$(READY): requirements.lock pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("decisionlog needs Python 3.11 or later; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e clients/python -e .
	@touch $@

# Writes both lock files from pyproject.toml, for every platform, with hashes: one for development, one for the image.
# The client is a distribution of this repository, without a hash; it is installed from its folder.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	  --no-emit-package decisionlog-client --extra kafka --extra oidc --extra postgresql --group dev pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	  --no-emit-package decisionlog-client --constraint requirements.lock --extra kafka --extra oidc --extra postgresql --group image pyproject.toml \
	  -o requirements.image.lock

clean:
	rm -rf site $(VENV) .mypy_cache .ruff_cache .pytest_cache
