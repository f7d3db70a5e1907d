# Two commands need nothing but git, make and a Python >= 3.11 with venv:
#   make report   every report, rebuilt and compared with what was published, in reports/
#   make test     the tests
# Both set up .venv the first time, from locked and hashed packages, and again only when the lock
# or pyproject.toml changes.

FIND_PYTHON = for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done
PYTHON ?= $(shell $(FIND_PYTHON))
UV ?= uv
OUT ?= reports
# A Python with lifelines, scikit-survival and statsmodels, which need pandas < 3.
PEERS ?= none

BIN := .venv/bin
LOCKED := .venv/.locked
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help report test lint format types contract docs-check inventory bench reference lock clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

report: $(INSTALLED) ## run every report; the pages are in reports/
	@$(BIN)/evalkit reproduce --out $(OUT)
	@echo "The pages are in $(OUT)/: open $(OUT)/index.html"

test: $(INSTALLED) ## run the tests, on two cores
	@$(BIN)/python -m pytest -n 2

lint: $(INSTALLED) ## check style and layout
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: $(INSTALLED) ## repair style and layout where that can be done safely
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: $(INSTALLED) ## check types, strictly (needs Node.js)
	@command -v node >/dev/null || { echo "make types: pyright runs on Node.js; install node." >&2; exit 1; }
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

contract: $(INSTALLED) ## check that imports go down the layers only
	@$(BIN)/lint-imports

docs-check: $(INSTALLED) ## check the docstrings of public names
	@$(BIN)/numpydoc lint $$(find src -name '*.py')

inventory: $(INSTALLED) ## write the module inventory in docs/ARCHITECTURE.md anew
	@$(BIN)/python docs/inventory.py

bench: $(INSTALLED) ## time evalkit beside its peers (PEERS=/path/to/python, R where installed)
	@PEERS=$(PEERS) $(BIN)/python benchmarks/beside.py --out docs/benchmarks.md
	@$(BIN)/python benchmarks/bench_trials.py --out docs/benchmarks.md
	@PEERS=$(PEERS) $(BIN)/python benchmarks/bench_scales.py --out docs/benchmarks.md
	@$(BIN)/python benchmarks/bench_matching.py --out docs/benchmarks.md

reference: $(INSTALLED) ## run the R scripts of tests/reference anew (needs R)
	@$(BIN)/python tests/reference/regenerate.py

lock: ## choose the newest packages and lock them, for every platform (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock: uv is needed (pip install uv)." >&2; exit 1; }
	$(UV) pip compile pyproject.toml --group test --group build --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-header --no-annotate --upgrade --quiet \
		--output-file requirements.lock

clean: ## remove everything that make has made
	rm -rf .venv reports dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(LOCKED): requirements.lock
	@test -n "$(PYTHON)" || { echo "evalkit needs Python 3.11 or later with the venv module" \
		"(on Debian and Ubuntu: apt install python3-venv). If it has another name, say" \
		"make PYTHON=/path/to/python." >&2; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version): the first time takes a minute or two."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@
