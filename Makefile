# Every chore of the project is one target; `make` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ROOT ?= data
PORT ?= 3000

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[serving,collector,platform,dev]'
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## make .venv with all extras, in the tested versions

.PHONY: demo
demo: install ## replay a spring and a summer of flights, then open the Dagster UI
	$(BIN)/ai-ops demo --root $(ROOT) --port $(PORT)

.PHONY: ui
ui: install ## open the Dagster UI on what the demo left
	$(BIN)/ai-ops ui --root $(ROOT) --port $(PORT)

.PHONY: clean-demo
clean-demo: ## remove what the demo left
	rm -rf $(addprefix $(ROOT)/,lake segments sources mlflow dagster cache identities drills moved serve.log \
		dagster.log ledger.db ledger.db-wal ledger.db-shm)

.PHONY: test
# Each of the workers reads every test: where nothing may be kept, each compiles all of them again.
test: export PYTHONDONTWRITEBYTECODE =
test: install ## lint, types, import contracts, doctests and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -m "not long" -n 4 --dist loadfile --no-loadscope-reorder --junitxml=build/tests.xml

.PHONY: test-long
test-long: export PYTHONDONTWRITEBYTECODE =
test-long: install ## replays of weeks, whole years, daemons and drills as real processes
	$(BIN)/pytest -m long -n 3 --dist loadfile --no-loadscope-reorder --junitxml=build/long.xml

.PHONY: format
format: install ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: install ## run every benchmark, one JSON object a line
	@for file in benchmarks/*.py; do $(BIN)/python $$file --json; done
