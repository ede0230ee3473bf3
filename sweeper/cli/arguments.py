"""Prepares the words of a command for Hydra: options first, each key once; refuses what Hydra would misunderstand.

What does not live here: whether a key exists and a value is accepted, which composing the configuration shows; what
Hydra's own settings are called here (`sweeper.cli.hydra_settings`).
"""

from __future__ import annotations

import argparse
import locale
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import ConfigCompositionException, HydraException
from yaml import YAMLError

from sweeper.artifacts.versions import RECORDED_PACKAGES
from sweeper.cli import config_files, errors, hydra_settings
from sweeper.config import keys
from sweeper.config.keys import folders
from sweeper.core.errors import ConfigError, did_you_mean
from sweeper.models.builder import other_file
from sweeper.models.networks import CNN

_HELP = "Try: python -m sweeper --help"


@dataclass(frozen=True)
class Command:
    """The words of a command as Hydra is to read them.

    Attributes:
        options: such as `-m` and `--config-dir mine`.
        overrides: `key=value` words, each key once.
        notes: how the command differs from what was typed.
    """

    options: tuple[str, ...]
    overrides: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """Hydra reads options first; among the overrides it would take one after them for an option's value."""
        return [*self.options, *self.overrides]


def check_text(words: Sequence[str]) -> None:
    """Refuses words that Python could not read, and a current folder whose name it cannot.

    Raises:
        ConfigError: bytes that are not text in this locale, or in none; a current folder that was deleted.
    """
    try:
        folder = os.getcwd()
    except FileNotFoundError as error:
        raise ConfigError("The current folder was deleted. Accepted: a folder that exists.  Try: cd") from error
    for called, text in (*(("", word) for word in words), ("The current folder ", folder)):
        if not any("\udc80" <= character <= "\udcff" for character in text):
            continue
        readable = os.fsencode(text).decode("utf-8", errors="replace")
        if "\ufffd" in readable:
            raise ConfigError(
                f"{called}{readable} has bytes that are not UTF-8, shown as \ufffd. Accepted: text in UTF-8.  "
                "Try: another name, or the same name typed again"
            )
        raise ConfigError(
            f"{called}{readable} has characters that are not text in this locale "
            f"({locale.setlocale(locale.LC_CTYPE)}, with Python's UTF-8 mode off). Accepted: any text, in a locale "
            "with UTF-8.  Try: PYTHONUTF8=1 in front of the line"
        )


def read(words: Sequence[str]) -> Command:
    """Checks the options and overrides of one command.

    Raises:
        ConfigError: an option that does not exist, or a value that cannot be a group's option.
        HydraException: an override that Hydra's grammar refuses.
    """
    given = _parsed_options(words)
    options = _without(words, given.overrides)
    if given.hydra_help or given.shell_completion:
        return Command(options, tuple(given.overrides))
    overrides = [_parsed(word) for word in given.overrides]
    _look_in_folders(given.config_dir, overrides)
    for override in overrides:
        hydra_settings.check(override)
        _check_option(override)
        _check_builder(override)
    overrides, notes = _last_of_each(overrides)
    chosen = [(one.input_line or "").lstrip("+").partition("=") for one in overrides if not one.is_delete()]
    notes += folders.origins({group: options for group, _, options in chosen if keys.is_group(group)})
    overrides = [_without_plus(one) for one in overrides if not _is_default(one)]
    options = tuple(word for word in options if not _is_mode(word))
    if given.cfg or given.info or given.help:
        kept, shown = _fixed(overrides)
        return Command(options, kept, (*notes, *shown))
    # Without -m, Hydra answers an error in a command that sweeps with advice to add it.
    return Command(("-m", *options), tuple(override.input_line or "" for override in overrides), tuple(notes))


def _is_mode(word: str) -> bool:
    """Whether an option is `--multirun` or `--run`, which may be abbreviated."""
    return word in ("-m", "-r") or (len(word) > 3 and ("--multirun".startswith(word) or "--run".startswith(word)))


def run(command: Command, hydra_main: Callable[[], object]) -> None:
    """Lets Hydra read the command.

    Hydra first composes a configuration without what varies, and refuses a key that exists only under an option that
    varies (`optimizer=sgd,adam optimizer.momentum=0.9`). As a swept key with one choice it is left out there, and
    checked with each option.
    """
    sys.argv[1:] = command.words
    try:
        hydra_main()
    except ConfigCompositionException as error:
        overrides = _varied(command.overrides, errors.missing_key(error))
        if overrides == command.overrides:
            raise
        sys.argv[1:] = [*command.options, *overrides]
        try:
            hydra_main()
        except HydraException:
            sys.argv[1:] = command.words  # messages quote what was typed
            raise
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        if said := config_files.unreadable(error):
            raise ConfigError(said) from error
        raise


def _varied(overrides: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Turns a fixed key into a swept key with a single choice."""
    if key.partition(".")[0] not in keys.OPEN:
        return overrides
    return tuple(
        f"{key}=choice({word.partition('=')[2]})"
        if word.partition("=")[0] == key and not _parsed(word).is_sweep_override() and not word.endswith("=null")
        else word
        for word in overrides
    )


def _parsed_options(words: Sequence[str]) -> argparse.Namespace:
    parser = get_args_parser()
    accepted = [option for action in parser._actions for option in action.option_strings]
    for action in parser._actions:
        if "--version" in action.option_strings and "--version" in words:
            action.version = _versions()  # type: ignore[attr-defined]

    def refuse(message: str) -> NoReturn:
        raise ConfigError(_option_fault(message, accepted))

    parser.error = refuse  # type: ignore[method-assign]
    options = parser.parse_intermixed_args(list(words))
    if options.experimental_rerun:
        raise ConfigError(
            "--experimental-rerun reads a pickle of Hydra's, and this program writes none. Accepted: the same command "
            "again with the sweep's name, which resumes it.  Try: python -m sweeper -m sweep.name=NAME arch.depth=3,5,7"
        )
    if (options.resolve or options.package) and not options.cfg:
        raise ConfigError(
            "--resolve and --package say how --cfg prints. Accepted: together with it."
            "  Try: python -m sweeper --cfg job --resolve"
        )
    if options.cfg and options.info:
        raise ConfigError("--cfg and --info are both given. Accepted: one of them.  Try: python -m sweeper --cfg job")
    if options.shell_completion and not any(
        word.startswith(("install=", "uninstall=", "query=")) for word in options.overrides
    ):
        raise ConfigError(
            f"--shell-completion {' '.join(options.overrides)} does nothing. Accepted: install=SHELL or "
            "uninstall=SHELL, SHELL one of bash, zsh, fish.  Try: sweeper --shell-completion install=bash"
        )
    return options


def _versions() -> str:
    """This program's version and those of the packages that its results depend on."""
    own, *others = sorted(RECORDED_PACKAGES, key=lambda name: name != "keras-sweeper")
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in others)
    return f"{own} {metadata.version(own)} (Python {platform.python_version()}, {packages})"


def _option_fault(message: str, accepted: Sequence[str]) -> str:
    """What argparse says of an option, and the nearest one; a key has no dashes."""
    _, _, given = message.partition("unrecognized arguments: ")
    if not given:
        return f"{message[:1].upper()}{message[1:]}. Accepted: options as --help lists them, key=value words.  {_HELP}"
    option, _, value = given.split()[0].partition("=")
    key = option.lstrip("-")
    if keys.is_group(key) or key in keys.known():
        word = keys.as_word(key, value) if value else keys.example(key)
        return f"{given} is not an option: a key has no dashes. Accepted: {key}=VALUE.  Try: {word}"
    near = did_you_mean(option, accepted)
    return f"{given} is not an option of a sweep. Accepted: {', '.join(accepted)}, key=value words. {near}  {_HELP}"


def _without(words: Sequence[str], overrides: Sequence[str]) -> tuple[str, ...]:
    """The words that are not overrides, in their order."""
    left = list(words)
    for override in reversed(overrides):
        place = len(left) - 1 - left[::-1].index(override)
        del left[place]
    return tuple(left)


def _parsed(word: str) -> Override:
    return OverridesParser.create().parse_overrides([word])[0]


def _look_in_folders(config_dir: str | None, overrides: Sequence[Override]) -> None:
    """Makes the options in the folders of the command known, so that messages list them."""
    named = [config_dir] if config_dir else []
    for override in overrides:
        value = override.value()
        if override.get_key_element().lstrip("+") == "hydra.searchpath" and isinstance(value, list):
            named += [str(Transformer.encode(entry)).strip("'\"") for entry in value]
    for folder in named:
        path = Path(urlsplit(folder).path if folder.startswith("file:") else folder).expanduser()
        if path.is_dir():  # Hydra refuses one that is not there
            folders.look_in(path.resolve())


def _check_option(override: Override) -> None:
    """A group takes the name of an option, a list of names, or keys to merge; Hydra raises a ValueError otherwise."""
    key = override.key_or_group
    if not key:
        raise ConfigError(f"{override.input_line} has no key before its '='. Accepted: key=value.  Try: arch.depth=3")
    text = (override.input_line or "").partition("=")[2]
    if keys.takes_text(key) and override.is_sweep_override() and Path(text).exists():
        word = keys.as_word(key, QuotedString(text, Quote.single).with_quotes())
        raise ConfigError(f"{override.input_line} is read as several values. Accepted: a path in quotes.  Try: {word}")
    if override.is_delete() or not keys.is_group(key):
        return
    value = override.value()
    if not override.is_sweep_override() or isinstance(value, ChoiceSweep):
        values = value.list if isinstance(value, ChoiceSweep) else [value]
        if all(_names_options(key, one) for one in values):
            return
        null = ", or null" if keys.may_be_null(key) else ""
        raise ConfigError(
            f"{override.input_line} is not accepted: {key} is a group, chosen by the name of one of "
            f"{', '.join(keys.known()[key].options)}{null}; its keys are set as {key}.KEY=VALUE.  "
            f"Try: {keys.example(key)}"
        )


def _check_builder(override: Override) -> None:
    """Refuses the name of the project's own network where a file of the user's has that name too."""
    key, _, value = (override.input_line or "").partition("=")
    theirs = other_file() if key.lstrip("+") == "arch._target_" and CNN in value.split(",") else None
    if theirs is not None:
        raise ConfigError(
            f"{override.input_line} always names this program's own network, and {theirs} has that name too. Accepted: "
            "arch=cnn for the former; for yours, a file with another name."
            "  Try: arch=custom arch._target_=models.my_cnn.build"
        )


def _names_options(group: str, value: Any) -> bool:
    if value is None:
        return keys.may_be_null(group)
    if isinstance(value, list):
        return all(isinstance(entry, str | QuotedString) for entry in value)
    return isinstance(value, str | QuotedString | dict)


def _is_default(override: Override) -> bool:
    """Whether a word chooses no option of a group, its default; Hydra does not accept that on a command line."""
    return not override.is_delete() and override.value() is None and keys.may_be_null(override.key_or_group)


def _without_plus(override: Override) -> Override:
    """`+experiment=mine` as `experiment=mine`: programs that have no default for the group need the plus."""
    key = override.get_key_element()
    if override.is_delete() or not key.startswith("+") or not keys.may_be_null(key.lstrip("+")):
        return override
    return _parsed((override.input_line or "").lstrip("+"))


def _last_of_each(overrides: Sequence[Override]) -> tuple[list[Override], list[str]]:
    """Each key once, as it was given last: a script's defaults come before what is added to them."""
    kept: dict[str, Override] = {}
    notes = []
    for place, override in enumerate(overrides):
        name = override.get_key_element().lstrip("+")
        if override.is_delete() or isinstance(override.value(), dict):  # mappings are merged
            name = f"{name} {place}"
        earlier = kept.pop(name, None)
        if earlier is not None and earlier.input_line != override.input_line:
            override = _added_alike(earlier, override)
            notes.append(f"{name} is given twice: {override.input_line} is used, not {earlier.input_line}.")
        kept[name] = override
    return list(kept.values()), notes


def _added_alike(earlier: Override, override: Override) -> Override:
    """The later word with the earlier one's `+`, which adds a key that no file has."""
    key = earlier.get_key_element()
    plus = key[: len(key) - len(key.lstrip("+"))]
    return override if override.get_key_element().startswith("+") else _parsed(f"{plus}{override.input_line}")


def _fixed(overrides: Sequence[Override]) -> tuple[tuple[str, ...], list[str]]:
    """The words for a configuration that is printed: what varies has its first value, and a note says so."""
    words, notes = [], []
    for override in overrides:
        first = _first_value(override)
        if not override.is_sweep_override():
            words.append(override.input_line or "")
        elif first is None:
            notes.append(f"{override.input_line} varies: what is printed is without it.")
        else:
            words.append(f"{override.get_key_element()}={first}")
            notes.append(f"{override.input_line} varies: what is printed has {words[-1]}.")
    return tuple(words), notes


def _first_value(override: Override) -> str | None:
    value = override.value()
    if isinstance(value, ChoiceSweep):
        return str(Transformer.encode(value.list[0]))
    if isinstance(value, RangeSweep | IntervalSweep):
        return str(value.start)
    return None
