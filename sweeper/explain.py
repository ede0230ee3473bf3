"""Hydra's and OmegaConf's errors in one paragraph: what was given, what is accepted, what to type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sweeper.errors import did_you_mean

_CONF = Path(__file__).resolve().parent.parent / "conf"


def hydra_error(error: Exception) -> str:
    """Writes the error and its causes as one paragraph, with the nearest name that exists."""
    messages = [_clean(str(one)) for one in _chain(error)]
    text = " ".join(dict.fromkeys(message for message in messages if message))
    hint = _hint(" ".join(str(one) for one in _chain(error)))
    return f"ConfigError: {text} {hint}".strip()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _clean(message: str) -> str:
    lines = [line.strip() for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("object_type=", "reference_type=", "See https"))]
    sentences = [line if line.endswith((".", ":", ",", "?")) else f"{line}." for line in kept]
    return " ".join(sentences)


def _hint(text: str) -> str:
    if found := re.search(r"Could not (?:override|append)[^']*'([^'=]+)", text):
        return _key_hint(found.group(1))
    if found := re.search(r"Could not find '([\w/.-]+)'", text):
        group, _, option = found.group(1).rpartition("/")
        options = sorted(path.stem for path in (_CONF / group).glob("*.yaml"))
        near = did_you_mean(option, options)
        return f"{near}  Try: {group}={options[0]}" if options and group else f"{near} {_key_hint(found.group(1))}"
    return "  Try: python -m sweeper --cfg job, which prints every key with its value."


def _key_hint(key: str) -> str:
    near = did_you_mean(key.lstrip("+~"), known_keys())
    return f"{near}  Try: python -m sweeper --cfg job, which prints every key with its value."


def known_keys() -> list[str]:
    """Every key that the files under `conf/` set, and every config group."""
    keys: list[str] = []
    for path in sorted(_CONF.rglob("*.yaml")):
        group = path.relative_to(_CONF).parent.as_posix()
        if group == "experiment":
            continue
        prefix = "" if group == "." else f"{group}."
        keys += [f"{prefix}{key}" for key in _flat(yaml.safe_load(path.read_text(encoding="utf-8")) or {})]
        keys += [group] if prefix else []
    return list(dict.fromkeys(keys))


def _flat(node: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in node.items():
        if name in ("defaults", "hydra"):
            continue
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
