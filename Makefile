# Two commands do everything on a machine with nothing but Python 3.11 to 3.13 and make:
#   make sweep    makes .venv, installs the pinned packages, runs the first sweep
#   make test     does the same and runs the tests
.PHONY: sweep test lint ui

sweep: .venv/.installed
	.venv/bin/python -m sweeper -m arch.depth=3,5,7

# A process for each core, four at the most (they hold up to 1 GB each). A file's tests stay in one of them.
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
