"""What the driver's machine and a node must have in common, and how it is said where they have not."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import sweeper

#: The packages that must be the same, since digits and files depend on them.
_PACKAGES = ("keras", "tensorflow")


def of_this_process() -> dict[str, str]:
    """Versions by name, in the order in which they are compared."""
    return {
        "keras-sweeper": f"{metadata.version('keras-sweeper')} ({_sources()})",
        "Python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def difference(node: str, there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """What differs, and what to do, in one paragraph; empty where all is equal.

    Python counts to its minor version: `3.11`.
    """
    differs = [
        f"{name} {there.get(name, 'of an unknown version')} where this machine has {version}"
        for name, version in here.items()
        if _compared(name, there.get(name, "")) != _compared(name, version)
    ]
    if not differs:
        return ""
    return (
        f"Node {node} has {'; '.join(differs)}. Accepted: the same on every node, since a trial's digits depend on it."
        "  Try, on that node: pip install -r requirements.lock && pip install --no-deps ."
    )


def _compared(name: str, version: str) -> str:
    return ".".join(version.split(".")[:2]) if name == "Python" else version


def _sources() -> str:
    """Eight hexadecimal digits of this package's own sources: a checkout may differ within one version."""
    root = Path(sweeper.__file__).parent
    hasher = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        hasher.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return f"sources {hasher.hexdigest()[:8]}"
