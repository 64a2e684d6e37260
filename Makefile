# `make study` trains and compares, `make test` tests, `make docs` builds the documentation; they set themselves up first.

PYTHON ?= python3
VENV := .venv/bin/python

.PHONY: study test docs lint clean

study: .venv/installed
	$(VENV) -m src.train study=quick

test: .venv/installed
	$(VENV) -m pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered $(PYTEST)

docs: .venv/installed
	$(VENV) -m pip install --quiet -e ".[docs]"
	$(VENV) -m docs._build
	@echo "site/index.html; with its search: python3 -m http.server -d site"

lint: .venv/installed
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/codespell -D - -D .codespell-banned
	$(VENV) -m mypy

clean:
	rm -rf .venv .cache site

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(VENV) -m pip install --quiet --upgrade pip
	$(VENV) -m pip install --quiet -e ".[dev]"
	touch .venv/installed
