# Both targets work on a bare machine: they make .venv, install the project and run.
PYTHON ?= python3.11
ACTIVATED = PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: suite test ui clean

suite: .venv/installed
	$(ACTIVATED) python -m experiments.suite $(ARGS)

test: .venv/installed
	$(ACTIVATED) ruff format --check .
	$(ACTIVATED) ruff check .
	$(ACTIVATED) python -m pytest $(ARGS)

ui: .venv/installed
	$(ACTIVATED) mlflow ui --backend-store-uri "sqlite:///$(CURDIR)/mlflow.db"

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --editable ".[test]"
	touch $@

clean:
	rm -rf .venv build *.egg-info
