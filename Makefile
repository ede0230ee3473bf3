# Two commands do everything on a Linux machine with Python 3.11 to 3.13 and make:
#   make sweep    creates .venv, installs the pinned packages, runs the first sweep
#   make test     does the same, and runs the tests
.PHONY: sweep test lint ui

sweep: .venv/.installed
	.venv/bin/python -m sweeper -m arch.depth=3,5,7

# One process per core, at most four (each holds up to 1 GB). The tests of a file stay in one process.
test: .venv/.installed
	.venv/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

ui: .venv/.installed
	.venv/bin/python -m sweeper ui

.venv/.installed: requirements.lock pyproject.toml scripts/environment
	PYTHON="$(PYTHON)" scripts/environment
