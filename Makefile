# Two commands are enough: `make run` and `make test`. Each sets up what it needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= $(or $(STREAMLIT_SERVER_PORT),8501)
ADDRESS ?= 127.0.0.1

.PHONY: run test demo bench lint fmt lock
.DEFAULT_GOAL := run

run: $(VENV)/.installed-run ## migrate and serve the app on :8501
	$(BIN)/python -m core migrate
	exec $(BIN)/streamlit run app/main.py --server.port $(PORT) --server.address $(ADDRESS)

test: $(VENV)/.installed-dev ## everything that must pass, on two processes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# Types are checked while tests wait for something; what was found is told at the end.
	@told=$$(mktemp); nice $(BIN)/mypy >$$told 2>&1 & mypy=$$!; \
	CHROMIUM="$$(.ci/chromium $(BIN)/python)" \
	$(BIN)/python -m pytest --all-rings -n 2 --dist loadfile --no-loadscope-reorder --durations=15; tests=$$?; \
	wait $$mypy; types=$$?; echo "$(BIN)/mypy"; cat $$told; rm $$told; exit $$((tests | types))

demo: $(VENV)/.installed-run ## one real agent run in the terminal, on the built-in model
	$(BIN)/python -m core demo

bench: $(VENV)/.installed-dev ## speeds and memory, reported and never judged
	$(BIN)/python -m tests.bench

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.uv ## compile the locks after a change of pyproject.toml
	UV=$(BIN)/uv requirements/lock.sh

# --- set-up: the environment is made once and brought up to date when a lock changes ---

$(VENV)/.uv: requirements/bootstrap.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3,11) <= sys.version_info < (3,14))' || { echo "Python 3.11, 3.12 or 3.13 is needed."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(VENV)/.installed-run: $(VENV)/.uv requirements/local.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/local.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.uv requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/dev.txt
	@touch $@
