"""A sweep's line before Hydra reads it: what Hydra would answer with a usage, a traceback, or silently pass over.

What does not live here: whether a key exists and a value is accepted, which composing the configuration shows.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString

from sweeper.config import keys
from sweeper.config.schema import VARYING
from sweeper.core.errors import ConfigError, did_you_mean

_HELP = "Try: python -m sweeper --help"

#: Keys of Hydra that would run another program than this one, or be without effect, since Hydra writes nothing here.
_HYDRAS_OWN = (
    "hydra.mode", "hydra/sweeper", "hydra.sweeper._target_", "hydra/launcher", "hydra.launcher", "hydra.run",
    "hydra.sweep", "hydra.output_subdir", "hydra.job.chdir",
)  # fmt: skip


def check(words: Sequence[str]) -> None:
    """Checks the options and overrides of one line.

    Raises:
        ConfigError: an option that does not exist, a key given twice, a value that cannot be a group's option.
        HydraException: an override that Hydra's grammar refuses.
    """
    options = _options(words)
    if options.hydra_help or options.shell_completion:
        return
    overrides = [_parsed(word) for word in options.overrides]
    for override in overrides:
        _check_hydras_own(override)
        _check_option(override)
    _refuse_twice(overrides)


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = get_args_parser()
    accepted = [option for action in parser._actions for option in action.option_strings]

    def refuse(message: str) -> NoReturn:
        raise ConfigError(_option_fault(message, accepted))

    parser.error = refuse  # type: ignore[method-assign]
    options = parser.parse_args(list(words))
    if options.experimental_rerun:
        raise ConfigError(
            "--experimental-rerun reads a pickle of Hydra's, and this program writes none. Accepted: the same line "
            "again with its name, which resumes it.  Try: python -m sweeper -m sweep.name=NAME arch.depth=3,5,7"
        )
    if (options.resolve or options.package) and not options.cfg:
        raise ConfigError(
            "--resolve and --package say how --cfg prints. Accepted: together with it."
            "  Try: python -m sweeper --cfg job --resolve"
        )
    if options.shell_completion and not any(
        word.startswith(("install=", "uninstall=", "query=")) for word in options.overrides
    ):
        raise ConfigError(
            f"--shell-completion {' '.join(options.overrides)} does nothing. Accepted: install=SHELL or "
            "uninstall=SHELL, SHELL one of bash, zsh, fish.  Try: sweeper --shell-completion install=bash"
        )
    return options


def _option_fault(message: str, accepted: Sequence[str]) -> str:
    """What argparse says of an option, and the nearest one; a key has no dashes."""
    _, _, given = message.partition("unrecognized arguments: ")
    if not given:
        return f"{message[:1].upper()}{message[1:]}. Accepted: options as --help lists them, key=value words.  {_HELP}"
    option, _, value = given.split()[0].partition("=")
    key = option.lstrip("-")
    if keys.is_group(key) or key in keys.known():
        word = keys.as_word(key, value) if value else keys.example(key)
        return f"{given} is no option: a key has no dashes. Accepted: {key}=VALUE.  Try: {word}"
    near = did_you_mean(option, accepted)
    return f"{given} is no option of a sweep's line. Accepted: {', '.join(accepted)}, key=value words. {near}  {_HELP}"


def _parsed(word: str) -> Override:
    return OverridesParser.create().parse_overrides([word])[0]


def _check_hydras_own(override: Override) -> None:
    key = override.get_key_element().lstrip("+~")
    if key == "hydra.mode" and not override.is_delete() and override.value() == "MULTIRUN":
        return
    if any(key == own or key.startswith(f"{own}.") for own in _HYDRAS_OWN):
        raise ConfigError(
            f"{override.input_line} is refused: of Hydra's own settings this program reads hydra.sweeper.params and "
            "hydra.searchpath, and it writes under output_dir alone.  Try: output_dir=another-folder"
        )


def _check_option(override: Override) -> None:
    """A group takes the name of an option, a list of names, or keys to merge; Hydra raises a ValueError otherwise."""
    key = override.key_or_group
    if not key:
        raise ConfigError(f"{override.input_line} has no key before its '='. Accepted: key=value.  Try: arch.depth=3")
    if override.is_delete() or not keys.is_group(key):
        return
    value = override.value()
    if not override.is_sweep_override() or isinstance(value, ChoiceSweep):
        values = value.list if isinstance(value, ChoiceSweep) else [value]
        if all(map(_names_options, values)):
            return
        raise ConfigError(
            f"{override.input_line} is not accepted: {key} is a group, chosen by the name of one of "
            f"{', '.join(keys.known()[key].options)}; its keys are set as {key}.KEY=VALUE.  Try: {keys.example(key)}"
        )


def _names_options(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(entry, str | QuotedString) for entry in value)
    return isinstance(value, str | QuotedString | dict)


def _refuse_twice(overrides: Sequence[Override]) -> None:
    """Hydra would take the last one, and a grid the one with the choices."""
    given: dict[str, Override] = {}
    for override in overrides:
        key = override.get_key_element().lstrip("+")
        if override.is_delete():
            continue
        first = given.setdefault(key, override)
        if first.input_line != override.input_line:
            raise ConfigError(
                f"{key} is given twice: {first.input_line} and {override.input_line}. Accepted: each key once, with "
                f"all its choices.  Try: {_united(key, first, override)}"
            )


def _united(key: str, first: Override, second: Override) -> str:
    texts = [(one.input_line or "").partition("=")[2] for one in (first, second)]
    if key.split(".")[0] in VARYING and not any(set("([{") & set(text) for text in texts):
        return keys.as_word(key, ",".join(dict.fromkeys(",".join(texts).split(","))))
    return keys.as_word(key, texts[1])
