# Everything a developer or an operator calls. Python 3.11+ and make are all that must be there beforehand.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: install demo test check bench prove prove-release lock clean

install: .venv/.installed
demo: .venv/.installed
	@exec $(BIN)/lapse demo $(ARGS)

# Hash-pinned requirements first, then Lapse itself without touching them.
.venv/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.tested: requirements-test.lock .venv/.installed
	@$(PIP) install --quiet --require-hashes --requirement requirements-test.lock
	@touch $@

test: .venv/.tested
	@$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

# The promise of docs/delivery.md: lives in virtual time, deaths at every step, every zone's clocks.
prove: .venv/.tested
	@$(BIN)/python -m pytest tests/proof --numprocesses 3 --dist worksteal $(ARGS)

# The same at its full size, 90 minutes at a time; it goes on where it stopped, and writes a report.
prove-release: .venv/.tested
	@$(BIN)/python -m tests.proof.release $(ARGS)

check: .venv/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Figures of this machine; each names its goal. The ratios are taken in one run. ONLY=engine runs one.
BENCHMARKS := quotes lists imports syncs engine crowds comparison renewals acks races footprint timeliness
bench: .venv/.tested
	@failed=; for each in $(or $(ONLY),$(BENCHMARKS)); do \
		$(BIN)/python -m tests.benchmarks.$$each || failed="$$failed $$each"; \
	done; test -z "$$failed" || { echo "missed:$$failed"; exit 1; }

# The locks name no index: whoever installs brings their own. `uv` is needed for this target alone.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --no-annotate --no-header --output-file requirements.lock --extra build
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --no-annotate --no-header --output-file requirements-test.lock --extra build --extra test

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
