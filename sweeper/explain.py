"""Hydra's and OmegaConf's errors in one paragraph: what was given, what is accepted, what to type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import OverrideParseException

from sweeper.errors import ConfigError, did_you_mean

#: Lines that repeat what was said, or speak of Hydra's insides.
_NOISE = ("object_type=", "reference_type=", "full_key:", "See https", "To append to your config")
_CONF = Path(__file__).resolve().parent.parent / "conf"
_NOT_A_NAME = re.compile(r"null|true|false|[-+]?[\d._]+(e[-+]?\d+)?", re.IGNORECASE)


_PRINT_ALL = "Try: python -m sweeper --cfg job, which prints every key with its value."
_GRAMMAR = "Accepted: key=value, key=value,value for a grid, key=range(start,stop,step).  Try: arch.depth=3,5,7"


def hydra_error(error: Exception) -> str:
    """Writes the error and its causes as one paragraph, with the nearest name that exists."""
    messages = [_clean(str(one)) for one in _chain(error)]
    text = " ".join(dict.fromkeys(message for message in messages if message))
    hint = _GRAMMAR if isinstance(error, OverrideParseException) else _hint(" ".join(map(str, _chain(error))))
    return f"ConfigError: {text} {hint}".strip()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _clean(message: str) -> str:
    """Joins Hydra's lines to sentences; a list of options becomes one sentence, the search path is left out."""
    message = message.split("Config search path:")[0]
    message = re.sub(r":\n\t", ": ", message).replace("\n\t", ", ")
    lines = [line.strip() for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith(_NOISE)]
    return " ".join(line if line.endswith((".", ":", ",", "?")) else f"{line}." for line in kept)


def _hint(text: str) -> str:
    if found := re.search(r"Could not (?:override|append)[^']*'([^'=]+)", text):
        return _key_hint(found.group(1))
    if found := re.search(r"Could not find '([\w/.-]+)'", text):
        group, _, option = found.group(1).rpartition("/")
        options = sorted(path.stem for path in (_CONF / group).glob("*.yaml"))
        near = did_you_mean(option, options)
        return f"{near}  Try: {group}={options[0]}" if options and group else f"{near} {_key_hint(found.group(1))}"
    return f"  {_PRINT_ALL}"


def _key_hint(key: str) -> str:
    key = key.lstrip("+~")
    known = known_keys()
    if key in known:
        group = key.split(".")[0]
        return f"That key belongs to {', '.join(f'{group}={option}' for option in known[key])}.  {_PRINT_ALL}"
    return f"{did_you_mean(key, known)}  {_PRINT_ALL}"


def refuse_group_value(error: ValueError, words: Sequence[str]) -> None:
    """Raises ConfigError where Hydra gave up on a group that is given no name (`arch=3`), without saying which."""
    if not str(error).startswith("Config group override must be"):
        return
    for word in words:
        group, _, value = word.lstrip("+").partition("=")
        options = sorted(path.stem for path in (_CONF / group).glob("*.yaml")) if group else []
        if options and any(_NOT_A_NAME.fullmatch(part) for part in value.split(",")):
            raise ConfigError(
                f"{word} is not accepted: {group} is a group, chosen by the name of one of {', '.join(options)}; its "
                f"keys are set as {group}.key={value}.  Try: {group}={options[0]}"
            ) from error


def known_keys() -> dict[str, list[str]]:
    """Every config group, and every key that the files under `conf/` set with the options that set it."""
    keys: dict[str, list[str]] = {}
    for path in sorted(_CONF.rglob("*.yaml")):
        group = path.relative_to(_CONF).parent.as_posix()
        if group == "experiment":
            continue
        prefix = "" if group == "." else f"{group}."
        keys.setdefault(group, [])
        for key in _flat(yaml.safe_load(path.read_text(encoding="utf-8")) or {}):
            keys.setdefault(f"{prefix}{key}", []).append(path.stem)
    return keys


def _flat(node: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in node.items():
        if name in ("defaults", "hydra"):
            continue
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
