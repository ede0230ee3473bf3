# Two commands do everything on a Linux machine with Python 3.11 to 3.13 and make:
#   make sweep    creates .venv, installs the pinned packages, runs the first sweep
#   make test     does the same, and runs the tests; make test-long runs those that repeat one with further options
.PHONY: sweep test test-long lint ui

sweep: .venv/.installed
	.venv/bin/python -m sweeper -m arch.depth=3,5,7

# One process per core, at most four (each holds up to 1 GB). The tests of a file stay in one process.
test: .venv/.installed
	.venv/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The repetitions that `make test` leaves out: further options, kills and forms.
test-long: .venv/.installed
	.venv/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m long

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

ui: .venv/.installed
	.venv/bin/python -m sweeper ui

.venv/.installed: requirements.lock pyproject.toml scripts/environment
	PYTHON="$(PYTHON)" scripts/environment
