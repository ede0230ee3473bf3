"""Every key that can be typed, what it takes, and what to type for it; read from the schema and `conf/`.

What does not live here: the ranges of values (`sweeper.config.schema`, `sweeper.models.config`); Hydra's errors
(`sweeper.cli.errors`).
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import shlex
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeper.config.keys import folders
from sweeper.config.schema import Config
from sweeper.core.errors import ConfigError, as_typed

PRINT_ALL = "Try: python -m sweeper --cfg job, which prints every key with its value"

#: Nodes without a schema: their keys depend on the option chosen, and a custom builder brings others.
OPEN = ("arch", "optimizer")

#: Keys that were renamed, with their names of today.
RENAMED = {"tracking.patience_s": "tracking.retry_timeout_s"}

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", types.NoneType: "null"}


@dataclass(frozen=True)
class Key:
    """A key or config group.

    Attributes:
        value: one that it takes; None for a node.
        options: the config files of its group that set it; of a group, all of its files.
        accepts: its type for people, or nothing where its reader checks it.
    """

    value: Any = None
    options: tuple[str, ...] = ()
    accepts: str = ""


def known() -> dict[str, Key]:
    """Every config group and key by its full name."""
    return _known(folders.every())


@functools.cache
def _known(every: tuple[Path, ...]) -> dict[str, Key]:
    keys = dict(_schema(Config))
    for place, path in ((folder, path) for folder in every for path in folders.files(folder)):
        group = path.relative_to(place).parent.as_posix()
        if group == ".":
            continue
        keys[group] = _also(keys.get(group, Key()), path.stem, None)
        is_beside = group not in OPEN and place == folders.beside()  # it may hold files of another program
        if group != "experiment" and not is_beside:
            for key, value in _flat(folders.entries(path), f"{group}."):
                keys[key] = _also(keys.get(key, Key()), path.stem, value)
    return keys


def _schema(node: Any, above: str = "") -> Iterator[tuple[str, Key]]:
    hints = typing.get_type_hints(node)
    for field in dataclasses.fields(node):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            yield f"{above}{field.name}", Key(accepts="keys under it")
            yield from _schema(hint, f"{above}{field.name}.")
        else:
            words = [_WORDS[kind] for kind in typing.get_args(hint) or (hint,) if kind in _WORDS]
            made = field.default_factory
            default = field.default if made is dataclasses.MISSING else made()
            yield f"{above}{field.name}", Key(default, accepts=" or ".join(words))


def _also(key: Key, option: str, value: Any) -> Key:
    first = value if key.value is None else key.value
    return dataclasses.replace(key, value=first, options=tuple(dict.fromkeys((*key.options, option))))


def _flat(node: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield f"{above}{name}", None
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def is_group(key: str) -> bool:
    """Whether a folder of configurations has a folder of that name, whose files are the key's options."""
    return folders.is_group(key) and bool(known().get(key))


@functools.cache
def may_be_null(group: str) -> bool:
    """Whether a command may choose no option of a group: where that is its default in `conf/config.yaml`."""
    defaults = folders.entries(folders.CONF / "config.yaml")["defaults"]
    return any(isinstance(entry, Mapping) and entry.get(group, "") is None for entry in defaults)


def _suggested(group: str) -> tuple[str, ...]:
    """The options of a group as they are suggested: from its default on, which always works, unless that is `none`."""
    options = known()[group].options
    defaults = folders.entries(folders.CONF / "config.yaml")["defaults"]
    chosen = next((entry[group] for entry in defaults if isinstance(entry, Mapping) and group in entry), None)
    first = options.index(chosen) if chosen in options and chosen != "none" else 0
    return options[first:] + options[:first]


def option(group: str, name: str) -> dict[str, Any]:
    """What the file of an option sets."""
    return dict(folders.entries(folders.CONF / group / f"{name}.yaml"))


def is_template(group: str, option: str) -> bool:
    """Whether an option leaves a value open that the command has to give, as `arch=custom` does."""
    path = folders.config_file(f"{group}/{option}")
    return path is not None and any(value == "???" for _, value in _flat(folders.entries(path), ""))


def is_number(key: str) -> bool:
    """Whether the key's value here is a number."""
    value = known().get(key, Key()).value
    return isinstance(value, int | float) and not isinstance(value, bool)


def under(key: str) -> list[str]:
    """The names of the keys directly under a node; under nothing, those at the top."""
    above = f"{key}." if key else ""
    return [name[len(above) :] for name in known() if name.startswith(above) and "." not in name[len(above) :]]


def nearest(given: str) -> str:
    """The known key that was most likely meant, or "": a former name, a misspelling, a key without its node, `lr`."""
    if given in RENAMED:
        return RENAMED[given]
    node, _, leaf = given.rpartition(".")
    if node.split(".")[0] == "hydra" or not leaf:
        return ""
    leaves: dict[str, list[str]] = {}
    for key in known():
        leaves.setdefault(key.rpartition(".")[2], []).append(key)
    own = [name for name in under(node) if node] or [key for key in known() if "." not in key]
    for names in (own, list(leaves)):
        for name in (*(name for name in names if name == leaf), *_abbreviated(leaf, names), *_close(leaf, names)):
            return _close(given, leaves[name], 0.0)[0]
    return ""


def _abbreviated(given: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if "_" in name and given == "".join(word[:1] for word in name.split("_"))]


def _close(given: str, names: Sequence[str], cutoff: float = 0.65) -> list[str]:
    return difflib.get_close_matches(given, names, n=1, cutoff=cutoff)


def example(key: str) -> str:
    """A word for the command line that is accepted, e.g. `arch.depth=3`; empty for an unknown key."""
    entry = known().get(key)
    if entry is None:
        return ""
    if is_group(key):
        return f"{key}={_suggested(key)[0]}"
    below = under(key)
    if entry.accepts == "keys under it" and below:
        return example(f"{key}.{below[0]}")
    return as_word(key, as_typed(entry.value))


def example_sweep(key: str) -> str:
    """The same with two choices, e.g. `arch=cnn,depth3_kernel3`; for a key whose values are unknown, `KEY=3,5,7`."""
    entry = known().get(key)
    if entry is None or (is_number(key) and isinstance(entry.value, int)):
        return f"{key}=3,5,7"
    if is_group(key):
        return f"{key}={','.join([name for name in _suggested(key) if not is_template(key, name)][:2])}"
    if is_number(key):
        return f"{key}=0.1,0.3"
    return example(key)


def takes_text(key: str) -> bool:
    """Whether any text is a value of this key, as a path is."""
    return "text" in known().get(key, Key()).accepts and not is_group(key)


def as_word(key: str, value: str) -> str:
    """`KEY=VALUE`, quoted where a shell needs it."""
    word = f"{key}={value}"
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def refused_value(key: str, text: str) -> str:
    """What is wrong with a value whose type its key does not take."""
    entry = known()[key]
    accepted = entry.accepts
    if accepted == "keys under it":
        accepted += f" ({', '.join(f'{key}.{name}' for name in under(key))})"
    if is_group(key):
        accepted += f", or an option ({', '.join(entry.options)})"
    return f"{key}={text} is not accepted: {accepted or 'another type'}.  Try: {example(key)}"


def check(config: DictConfig) -> None:
    """Refuses a key that nothing reads (added by `+`) and a required key that is missing (deleted by `~`).

    Raises:
        ConfigError: names the key.
    """
    _check_node(config, Config, "")
    names = [str(key) for key in config if key != "hydra"]
    for name in set(names) - {field.name for field in dataclasses.fields(Config)}:
        text = OmegaConf.to_yaml(OmegaConf.masked_copy(config, names))
        if not re.search(rf"\$\{{\.*{re.escape(name)}\b", text):  # an interpolation reads it
            raise ConfigError(_unread(name, ""))


def _check_node(node: DictConfig, schema: Any, above: str) -> None:
    hints = typing.get_type_hints(schema)
    for name, hint in hints.items():
        if name not in node and not OmegaConf.is_missing(node, name):
            raise ConfigError(f"{above}{name} is deleted, but required. Accepted: a value."
                              f"  Try: {example(f'{above}{name}')}")  # fmt: skip
        if dataclasses.is_dataclass(hint) and name in node:
            if not OmegaConf.is_dict(node[name]):
                raise ConfigError(refused_value(f"{above}{name}", as_typed(node[name])))
            _check_node(node[name], hint, f"{above}{name}.")
    for name in [str(key) for key in node if key not in hints] if above else []:
        raise ConfigError(_unread(f"{above}{name}", above.rstrip(".")))


def meant(key: str) -> str:
    """A sentence about the key that was most likely meant; empty where none is near."""
    if key in RENAMED:
        return f"It is now called {RENAMED[key]}."
    near = nearest(key)
    return f"Did you mean {near!r}?" if near else ""


def _unread(key: str, node: str) -> str:
    near = nearest(key)
    cure = f"{meant(key)}  Try: {example(near)}" if near else f" {PRINT_ALL}"
    where = f" under {node}" if node else ""
    return f"Nothing reads {key}. Accepted{where}: {', '.join(under(node))}. {cure}"
