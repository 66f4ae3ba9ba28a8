# These work on a bare machine: they make the environment, install the project and run.
VENV ?= .venv
EXTRAS ?= test
ACTIVATED = PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

# PYTHON=... names one; otherwise the newest that is whole, since a pyenv shim may stand for nothing and Debian's
# Python may lack venv. pyenv's own folder is looked at too, because it puts only the chosen version on the PATH.
PYTHON ?= $(call first_whole,$(NEWER) $(call named,11) python3)
NEWER = $(call named,13) $(call named,12)
named = python3.$(1) $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.$(1).*/bin/python3.$(1))
first_whole = $(shell for each in $(1); do "$$each" -c '$(WHOLE)' 2>/dev/null && echo "$$each" && break; done)
WHOLE = import ensurepip, sqlite3, ssl, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))

.PHONY: suite test quick quick-newest checks check-readme benchmarks install demo ui clean

install: $(VENV)/installed

suite: $(VENV)/installed
	$(ACTIVATED) python -m experiments.suite $(ARGS)

# Two processes: importing and building graphs keep one core busy, and many tests wait for servers. A file stays in
# one of them, with what its tests share.
IN_TWO = --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: checks
	$(ACTIVATED) python -m pytest $(IN_TWO) $(ARGS)

quick: checks
	$(ACTIVATED) python -m pytest $(IN_TWO) -m "not slow" $(ARGS)

# Are the figures in the README still true here? As long as `make suite`, in a store of its own.
check-readme: $(VENV)/installed
	$(ACTIVATED) python -m scripts.check_readme $(ARGS)

# Speed, memory and accuracy against others, with a table in benchmarks.md; ARGS="--only training_step --quick"
benchmarks: $(VENV)/installed
	$(ACTIVATED) python -m benchmarks.all $(ARGS)

# The quick tests on the newest Python, beside an environment that has 3.11.
quick-newest:
	@newer="$(call first_whole,$(NEWER))"; \
	if [ -z "$$newer" ]; then echo "There is no Python 3.12 or 3.13 here to run the quick tests on: left out."; \
	else $(MAKE) --no-print-directory quick-tests VENV=.venv-newest PYTHON="$$newer"; fi

quick-tests: $(VENV)/installed
	$(ACTIVATED) python --version
	$(ACTIVATED) python -m pytest -m "not slow" $(ARGS)

checks: $(VENV)/installed
	$(ACTIVATED) ruff format --check .
	$(ACTIVATED) ruff check .
	$(ACTIVATED) mypy

# The page: pictures in, answers; starts the champion's endpoint where none answers.
demo: $(VENV)/installed
	$(ACTIVATED) python -m experiments.demo $(ARGS)

ui: $(VENV)/installed
	$(ACTIVATED) mlflow ui --backend-store-uri "sqlite:///$(CURDIR)/mlflow.db"

$(VENV)/installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: python3-venv);" \
	    "one that is not on the PATH can be named: PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable ".[$(EXTRAS)]"
	touch $@

clean:
	rm -rf .venv .venv-newest build *.egg-info
