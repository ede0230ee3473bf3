"""Prints what the README's first command prints, as the README shows it; with --write, puts it into the README.

    python scripts/readme_output.py [--write]

The command runs for real, in an empty folder, which is shown as /home/you/keras-sweeper.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
COMMAND = ["-m", "sweeper", "-m", "arch.depth=3,5,7"]
SHOWN_FOLDER = "/home/you/keras-sweeper"
BEGIN, END = "<!-- output, made by scripts/readme_output.py -->\n", "<!-- end of output -->\n"


def output() -> str:
    """Runs the command; returns its output with the folder's name replaced."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
        done = subprocess.run(
            [sys.executable, *COMMAND], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            sys.exit(f"{COMMAND} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout.replace(str(folder), SHOWN_FOLDER)


def block(text: str) -> str:
    """The output as an indented block of Markdown."""
    lines = [line.rstrip() for line in text.splitlines()]
    return "".join(f"    {line}\n" if line else "\n" for line in lines)


def main() -> None:
    """Prints the block, or replaces the one in the README."""
    made = block(output())
    if sys.argv[1:] != ["--write"]:
        sys.stdout.write(made)
        return
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"{README} has no lines {BEGIN.strip()} and {END.strip()}")
    README.write_text(f"{before}{BEGIN}\n{made}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
