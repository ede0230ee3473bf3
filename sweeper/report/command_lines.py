"""Commands to type next: resume a sweep, repeat a row, verify it."""

from __future__ import annotations

import re
import shlex
import sys

from sweeper.core.errors import as_typed
from sweeper.core.secrets import hide_passwords
from sweeper.core.text import printable
from sweeper.core.trials import TrialRow


def resume_line(name: str) -> str:
    """The command that resumes this sweep: what was typed, with the sweep's name and without a password."""
    typed = [hide_passwords(word) for word in sys.argv[1:] if not word.lstrip("+").startswith("sweep.name=")]
    multirun = [] if {"-m", "--multirun"} & set(typed) else ["-m"]
    return shlex.join(["python", "-m", "sweeper", *multirun, *typed, f"sweep.name={name}"])


#: Overrides that steer a sweep and have no meaning for one of its trials.
_SWEEPS_OWN = re.compile(r"[+~]*(sweep|sampler|pruner|report|hydra)[.=@]|[+~]*(sampler|pruner)$")


def repeat_line(row: TrialRow, fixed: str | None) -> str:
    """The line that trains a row again as a sweep of one: what the sweep fixed, what the row varies, its seed.

    Args:
        row: the trial.
        fixed: the sweep's fixed overrides, quoted for a shell; None where they are not known, and then no line is.
    """
    if fixed is None:
        return ""
    given = [word for word in shlex.split(fixed) if not _SWEEPS_OWN.match(word)]
    own = [word for word in row.overrides if not word.startswith("seed=")]
    varied = {word.partition("=")[0] for word in own}
    given = [word for word in given if word.partition("=")[0] not in varied and not word.startswith("seed=")]
    typed = {key.lstrip("+~") for key in varied}  # a key that varies only since a later line was not typed for it
    later = [f"{key}={as_typed(value)}" for key, value in row.params.items() if key not in {*typed, "seed"}]
    words = [*given, *own, *later, f"seed={row.seed}", "sweep.reuse=false"]  # else the row would be taken over
    return " ".join(["python -m sweeper", *map(quoted, words)])


def verify_line(row: TrialRow, fixed: str | None) -> str:
    """The line that trains a row again from its record and compares; empty where it has no run.

    Args:
        row: the trial.
        fixed: as for `repeat_line`; says where the run is kept.
    """
    if not row.run_id:
        return ""
    folders = [word.partition("=")[2] for word in shlex.split(fixed or "") if word.startswith("output_dir=")]
    where = ["--output-dir", folders[-1]] if folders else []
    return " ".join(["python -m sweeper verify", *map(quoted, [row.run_id, *where])])


def quoted(word: str) -> str:
    """A word for a POSIX shell; with what does not print as `$'…'`, so that a reader sees all of it."""
    if word.isprintable():
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(escaped)}'"
