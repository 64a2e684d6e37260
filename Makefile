# `make study` trains and compares; `make test` tests; both set themselves up first.

PYTHON ?= python3
VENV := .venv/bin/python

.PHONY: study test lint clean

study: .venv/installed
	$(VENV) -m src.train study=quick

test: .venv/installed
	$(VENV) -m pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered $(PYTEST)

lint: .venv/installed
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/codespell -D - -D .codespell-banned
	$(VENV) -m mypy

clean:
	rm -rf .venv .cache

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(VENV) -m pip install --quiet --upgrade pip
	$(VENV) -m pip install --quiet -e ".[dev]"
	touch .venv/installed
