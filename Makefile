# Each target builds .venv itself where it is missing; all it needs is Python 3.11 or later, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-first test-second test-slow check format bench bench-honesty clean

# Each suite is an import root of its own, as it is for Locust.
mypy_suite = cd systems/$(1) && MYPYPATH=$(or $(3),.) $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml \
	--cache-dir $(CURDIR)/.mypy_cache/$(1) --explicit-package-bases $(2)

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Loadworthy needs Python 3.11 or later; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing Loadworthy into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "installing what the checks need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,systems]'
	@touch $@

demo: $(VENV)/.runtime  ## start a small service, load it for 20 seconds, show the verdict
	@$(BIN)/loadworthy demo

# Two halves at the same time, which take about as long as each other. The second has all that the first does not name.
test: $(VENV)/.dev  ## the tests, but for the long ones
	@echo "running both halves of the tests; what they say comes when each ends (make test-first shows how far it is)"
	@$(MAKE) --no-print-directory --output-sync=target -j 2 test-first test-second

FIRST_HALF := $(addprefix tests/,cli cluster docs engine honesty page testing users workload)

test-first: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow" $(FIRST_HALF)

test-second: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow" $(addprefix --ignore=,$(FIRST_HALF))

test-slow: $(VENV)/.dev  ## the long tests
	$(BIN)/python -m pytest -m slow

check: $(VENV)/.dev  ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(call mypy_suite,kimmy_esthi/stress-test,.)
	$(call mypy_suite,thanotopolis/load_tests,.)
	$(call mypy_suite,cms_medical,locustfile.py cms_accounts.py)
	$(call mypy_suite,flask_auth/locust_tests,.)
	$(call mypy_suite,app_performance,scripts/*.py tests/performance/*.py,tests/performance)
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## side by side with other load generators
	$(BIN)/python benchmarks/http_clients.py

bench-honesty: $(VENV)/.dev  ## one stall, and what each load generator says of it
	$(BIN)/python benchmarks/honesty/stall.py

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
