"""Where a run's code came from: the git commit, and whether anything was changed since."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sweeper import tags as names


def tags() -> dict[str, str]:
    """The checkout's commit and state as tags; `unknown` outside a git checkout."""
    folder = Path(__file__).resolve().parent.parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return {names.GIT_COMMIT: "unknown"}
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {names.GIT_COMMIT: commit, names.GIT_CHANGED: "true" if changed else "false"}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
