"""Explains faults in a user's configuration files, mostly experiments: which file, which line, what to type.

What does not live here: faults of what was typed (`sweeper.cli.errors`).
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from sweeper.cli import hydra_settings
from sweeper.config import keys
from sweeper.config.keys import folders

_HEADER = "# @package _global_"
_ADD_HEADER = f"echo '{_HEADER}' | cat -"

#: What Hydra says of a file, here `experiment/mine`: `In 'experiment/mine': ConfigKeyError raised …`.
_IN_FILE = re.compile(r"In '([^']+/[^']+)': (?:\w+ raised while composing config:)?\s*(.*)", re.DOTALL)
_OVERRIDES = re.compile(r"Could not override '([^'@]+)[^']*'\. No match in the defaults list")
_TWICE = re.compile(r"Multiple values for (\S+)\. To override a value use 'override [^:]+: ([^']+)'")
_OVERRIDES_IN_1_4 = re.compile(r"Invalid Defaults List override '([^'@:]+)")


def unreadable(error: yaml.YAMLError | UnicodeDecodeError | OSError) -> str:
    """What is wrong with a file that cannot be parsed; empty if the error is about another file."""
    if isinstance(error, OSError):
        path = Path(str(error.filename))
        if path not in folders.config_files():
            return ""
        return (
            f"{path} cannot be read ({error.strerror}). Accepted: a readable file.  Try: ls -l {shlex.quote(str(path))}"
        )
    if isinstance(error, UnicodeDecodeError):
        return _not_utf8(error)
    if isinstance(error, ReaderError):
        return _not_printable(error)
    mark = getattr(error, "problem_mark", None)
    if mark is None or Path(mark.name) not in folders.config_files():
        return ""
    lines = Path(mark.name).read_text(encoding="utf-8").splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    problem = str(getattr(error, "problem", error))
    where = f"{mark.name}, line {mark.line + 1}"
    if "\t" in line[: mark.column + 1]:
        return (
            f"{where}, has a tab, which YAML does not accept. Accepted: spaces.  "
            f"Try: {_rewritten('expand -t 2', mark.name)}"
        )
    if found := re.search(r"duplicate key (\S+)", problem):
        return f"{where}, sets {found.group(1)} again. Accepted: each key once.  Try: delete one of the two lines"
    return f"{where}, is not YAML: {problem} ({line.strip()!r}). Accepted: key: value.  Try: training: {{epochs: 3}}"


def _rewritten(filter_: str, file: str) -> str:
    """A shell command that passes a file through a filter and replaces it."""
    quoted = shlex.quote(file)
    return f"{filter_} {quoted} > new.yaml && mv new.yaml {quoted}"


def _not_utf8(error: UnicodeDecodeError) -> str:
    for path in folders.config_files():
        read = path.read_bytes()
        if error.object and error.object in read:
            line = read[: read.index(error.object) + error.start].count(b"\n") + 1
            encoding = "UTF-16" if read.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "LATIN1"
            return (
                f"{path}, line {line}, has a letter that is not UTF-8 (byte 0x{error.object[error.start]:02x}). "
                f"Accepted: text in UTF-8.  Try: {_rewritten(f'iconv -f {encoding} -t UTF-8', str(path))}"
            )
    return ""


def _not_printable(error: ReaderError) -> str:
    path = Path(str(error.name))
    if path not in folders.config_files():
        return ""
    code = error.character if isinstance(error.character, int) else ord(error.character)
    line = path.read_text(encoding="utf-8")[: error.position].count("\n") + 1
    return (
        f"{path}, line {line}, has the control character 0x{code:02x}, which YAML does not accept. Accepted: text in "
        "UTF-8.  Try: delete that character"
    )


def fault(text: str, typed: Sequence[str]) -> str:
    """What is wrong with the contents of a file, from what Hydra says; empty where Hydra names no file.

    Args:
        text: Hydra's messages.
        typed: the words of the command, which choose the files.
    """
    if found := _TWICE.search(text):
        group, option = found.groups()
        if any(word.startswith(f"+{group}=") for word in typed):
            return f"+{group} adds an option to {group}, which has one. Accepted: one option.  Try: {group}={option}"
        return (
            f"{chosen(typed)} chooses an option of {group}, which has one already. Accepted in the list of defaults: "
            f"override, and a slash before the group.  Try: - override /{group}: {option}"
        )
    if found := _IN_FILE.search(text):
        name, said = found.groups()
        return _contents(name, str(folders.config_file(name) or f"{name}.yaml"), said)
    return ""


def _contents(name: str, file: str, said: str) -> str:
    folder = name.rpartition("/")[0]
    key = next(iter(re.findall(r"full_key: (\S+)", said)), "")
    if found := _OVERRIDES.search(said):
        return _overridden(file, folder, found.group(1))
    if found := _OVERRIDES_IN_1_4.search(said):
        written = found.group(1).strip()
        return _overridden(file, folder, written[1:] if written.startswith("/") else f"{folder}/{written}")
    if key == folder == "experiment":
        if Path(file).read_bytes().startswith(codecs.BOM_UTF8):
            return (
                f"{file} begins with a byte order mark, so that Hydra does not see its first line. Accepted: UTF-8 "
                f"without one.  Try: {_rewritten('tail -c +4', file)}"
            )
        return (
            f"{file} sets keys under {folder}, which has none, since its first line is not {_HEADER!r}. Accepted: that "
            f"line before all others.  Try: {_rewritten(_ADD_HEADER, file)}"
        )
    if answer := hydra_settings.instead(key, ""):
        return f"{file} sets {key}: {answer}"
    if re.search(r"Key '.*' (is )?not in", said):
        near, node = keys.nearest(key), key.rpartition(".")[0]
        cure = f"{keys.meant(key)}  Try: {near}" if near else f" {keys.PRINT_ALL}"
        return f"{file} sets {key}, which is not a key. Accepted: {', '.join(keys.under(node))}. {cure}"
    if (found := re.search(r"Value '(.*?)' ", said)) and key in keys.known():
        return f"{file} sets {keys.refused_value(key, found.group(1))}"
    if ("ListConfig" in said or "container types" in said) and not key:
        return f"{file} is a list. Accepted: keys with their values.  Try: training: {{epochs: 3}}"
    return ""


def _overridden(file: str, folder: str, group: str) -> str:
    """An override of a default without its slash, so that Hydra looks in the file's own folder; or of no group."""
    short = group.removeprefix(f"{folder}/")
    if short != group and keys.is_group(short):
        written = re.search(rf"override\s+{re.escape(short)}\s*:\s*(\S+)", Path(file).read_text(encoding="utf-8"))
        option = written.group(1) if written else keys.known()[short].options[0]
        return (
            f"{file} has 'override {short}' in its list of defaults, and a group's name begins with a slash there. "
            f"Accepted: override /{short}: OPTION.  Try: - override /{short}: {option}"
        )
    near = keys.nearest(short)
    cure = f"Did you mean {near!r}?  Try: - override /{near}: {keys.example(near).partition('=')[2]}" if near else ""
    return f"{file} overrides {short}, which is not a group with a default. {cure or keys.PRINT_ALL}"


def chosen(typed: Sequence[str]) -> str:
    """The files that the command chooses outside `conf/`, or else all that it chooses, for a message."""
    words = [word.lstrip("+").partition("=") for word in typed if "=" in word]
    paths = [folders.config_file(f"{group}/{option}") for group, _, options in words for option in options.split(",")]
    found = [path for path in paths if path is not None]
    own = [path for path in found if not path.is_relative_to(folders.CONF)] or found
    return " or ".join(map(str, own)) or "A configuration file"
