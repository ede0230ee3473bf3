"""Where a run's code came from: the git commit, and whether anything was changed since."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from sweeper.tracking import tags as names

UNKNOWN = "unknown"
_FOLDER = Path(__file__).resolve().parents[2]

#: What trains: the rest (`docs`, `tests`) changes no figure, and the configuration is recorded resolved.
_CODE = ("sweeper", "models")


def tags() -> dict[str, str]:
    """The checkout's commit and state as tags; `unknown` outside a git checkout."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {names.GIT_COMMIT: UNKNOWN}
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {names.GIT_COMMIT: commit, names.GIT_CHANGED: "true" if changed else "false"}


def changed_since(commit: str) -> list[str] | None:
    """Files of the code that differ between a commit and what lies here now; None where that cannot be known."""
    if not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return None
    changed = _git("diff", "--name-only", commit, "--", *_CODE)
    added = _git("ls-files", "--others", "--exclude-standard", "--", *_CODE)
    return None if changed is None or added is None else [*changed.splitlines(), *added.splitlines()]


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(_FOLDER), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
