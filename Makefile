# Everything works on a machine that has Python 3.11 or newer, make and a package index: uv is brought by pip, the rest by uv.

PYTHON ?= python3
UV := .tools/uv/bin/uv
SYNCED := .venv/.synced
# The environment's own commands come first, whatever else is installed.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help run demo test faults soak lint format proto bench clean

help:
	@echo "make run     start the gateway, process a sample PDF and serve until Ctrl-C"
	@echo "make demo    the same, but stop after the sample"
	@echo "make test    run all tests"
	@echo "make faults  run the fault tests with large counts, and print promise and figure"
	@echo "make soak    hurt the gateway at random under load for 20 minutes, and print the figures"
	@echo "make lint    check style, types, imports and the contract"
	@echo "make format  format the code and the contract"
	@echo "make proto   generate the stubs from protos/"
	@echo "make bench   measure, as ratios against baselines of the same run"
	@echo "make clean   remove the environment, caches and data"

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}. Say which: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "$(PYTHON) has no pip, which brings uv: install it (Debian: apt install python3-pip), or say another: make PYTHON=..."; exit 1; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/uv "uv>=0.9,<1"

$(SYNCED): $(UV) pyproject.toml uv.lock
	@UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --locked --all-extras --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $(SYNCED)

run: $(SYNCED)
	@exec python -m gateway --sample

demo: $(SYNCED)
	@exec python -m gateway --sample --exit

test: $(SYNCED)
	pytest

lint: $(SYNCED)
	ruff check .
	ruff format --check .
	mypy
	pyright
	lint-imports
	buf lint
	buf format --diff --exit-code
	python tools/check_generated.py

format: $(SYNCED)
	ruff check --fix .
	ruff format .
	buf format --write

proto: $(SYNCED)
	buf generate

faults: $(SYNCED)
	FAULTS=all pytest tests/faults tests/integration/test_consumer.py

soak: $(SYNCED)
	python -m tests.faults.soak

bench: $(SYNCED)
	python -m bench

clean:
	rm -rf .venv .tools .data .mypy_cache .pytest_cache .ruff_cache .hypothesis
