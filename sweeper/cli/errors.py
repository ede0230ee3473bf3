"""Hydra's and OmegaConf's errors in one paragraph: what was given, what is accepted, what to type.

What does not live here: faults that this program finds itself (`sweeper.cli.arguments`, `sweeper.space.dimensions`,
`sweeper.preflight.check`).
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import OverrideParseException

from sweeper.cli import config_files
from sweeper.config import keys
from sweeper.core.errors import SweeperError, did_you_mean
from sweeper.core.events import Note
from sweeper.core.secrets import hide_passwords
from sweeper.host import process
from sweeper.report import event_lines

#: Lines of Hydra's messages that are left out: repetitions and internals.
_NOISE = ("object_type=", "reference_type=", "full_key:", "See https", "To append to your config")
_GRAMMAR = "Accepted: key=value, key=value,value for a grid, key=range(start,stop,step)."
_KEY = re.compile(r"[\w$@:/-]+(\.[\w$@:/-]+)*")
_SIMPLE = re.compile(r"[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*")  # choices that need no quotes
_FUNCTIONS = {
    "range": "range(3,8,2)",
    "interval": "interval(0.001,1)",
    "choice": "choice(3,5,7)",
    "shuffle": "shuffle(3,5,7)",
    "sort": "sort(7,3,5)",
    "glob": "glob(depth*)",
    "tag": "tag(log,interval(0.001,1))",
    "int": "int(3)",
    "float": "float(3)",
    "bool": "bool(true)",
    "str": "str(3)",
}


def hydra_error(error: Exception, typed: Sequence[str] = ()) -> str:
    """Writes the error as one paragraph, with the nearest name that exists.

    Args:
        error: what Hydra or OmegaConf raised.
        typed: the words of the command line.
    """
    if isinstance(error, OverrideParseException):
        return f"ConfigError: {_unreadable(error)}"
    text = _text(error)
    if said := config_files.fault(text, typed):
        return f"ConfigError: {said}"
    for pattern, explain in _KNOWN:
        if found := re.search(pattern, text):
            return f"ConfigError: {explain(found, text, typed)}"
    messages = dict.fromkeys(_clean(str(one)) for one in _chain(error))
    return f"ConfigError: {' '.join(message for message in messages if message)}  {keys.PRINT_ALL}"


def missing_key(error: Exception) -> str:
    """The key of a command that Hydra does not find; empty where it says something else."""
    found = re.search(r"Could not override '([^'=]+)'", _text(error))
    return found.group(1) if found else ""


def _text(error: Exception) -> str:
    return "\n".join(map(str, _chain(error)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _clean(message: str) -> str:
    """Joins Hydra's lines to sentences; the search path is left out."""
    message = message.split("Config search path:")[0]
    lines = [line.strip() for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith(_NOISE)]
    return " ".join(line if line.endswith((".", ":", ",", "?")) else f"{line}." for line in kept)


def _unreadable(error: OverrideParseException) -> str:
    """An override that the grammar refuses: a function that fails, or characters that do not fit."""
    word = error.override
    key, _, value = word.partition("=")
    if found := re.search(r"while evaluating '(.*)': (.*)", error.message):
        return _failed_call(word, *found.groups())
    what = f"{word.strip() or 'An empty word'} cannot be read: {_syntax_fault(word)}. {_GRAMMAR}"
    plain = re.sub(",+", ",", value.strip("'\" ,"))
    if _is_any_text(key):
        return f"{what}  Try: {_in_quotes(word)}"
    if _KEY.fullmatch(key.lstrip("+~")) and plain.isprintable() and plain and not set(plain) & set("()[]{}'\"=$"):
        if _SIMPLE.fullmatch(plain):
            return f"{what}  Try: {keys.as_word(key, plain)}"
        if key.lstrip("+~") == "sweep.name":  # quotes would not make it a name
            return f"{what}  Try: sweep.name=first-sweep"
        if not keys.is_number(key.lstrip("+~")):
            return f"{what}  Try: {keys.as_word(key, repr(plain))}"
    name = keys.nearest(key.strip(" +~.")) if key.strip(" +~.") not in keys.known() else key.strip(" +~.")
    return f"{what}  Try: {keys.example_sweep(name or 'arch.depth')}"


def _is_any_text(key: str) -> bool:
    """Whether a key takes any text, such as a path: special characters then need quotes and nothing else."""
    name = key.lstrip("+~")
    return keys.takes_text(name) and name != "sweep.name" and name.partition(".")[0] not in keys.OPEN


def _in_quotes(word: str) -> str:
    key, _, value = word.partition("=")
    return keys.as_word(key, QuotedString(value.strip("'\" "), Quote.single).with_quotes())


def _failed_call(word: str, call: str, reason: str) -> str:
    name, key = call.partition("(")[0], word.partition("=")[0]
    if "Unknown function" in reason and _is_any_text(key):
        return f"{word}: there is no function {name}. Accepted: text with brackets in quotes.  Try: {_in_quotes(word)}"
    if "Unknown function" in reason:
        near = did_you_mean(name, _FUNCTIONS)
        wanted = re.findall(r"'(.*)'", near)
        return (
            f"{word}: there is no function {name}. Accepted: {', '.join(_FUNCTIONS)}. {near}"
            f"  Try: {keys.as_word(key, call.replace(name, wanted[0], 1)) if wanted else keys.example_sweep(key)}"
        )
    form = _FUNCTIONS.get(name, "range(3,8,2)")
    return f"{word} cannot be evaluated: {reason}. Accepted, for example: {form}.  Try: {_call_example(word, form)}"


def _call_example(word: str, form: str) -> str:
    key = word.partition("=")[0]
    return keys.as_word(key, form) if form.startswith("range") else keys.example_sweep(key)


def _syntax_fault(word: str) -> str:
    key, equals, value = word.partition("=")
    if " " in word and word.count("=") > 1:
        return "it is several overrides in one pair of quotes"
    if not equals:
        return "it has no '='"
    if not key.strip():
        return "there is no key before the '='"
    if not _KEY.fullmatch(key.lstrip("+~")):
        return f"{key!r} is not the name of a key"
    if any(value.count(quote) % 2 for quote in "'\""):
        return "a quote is not closed"
    if any(value.count(opened) != value.count(closed) for opened, closed in ("()", "[]", "{}")):
        return "a bracket is not closed"
    if value.strip().endswith(",") or ",," in value or value.strip().startswith(","):
        return "a value is missing next to a comma"
    return "a value with brackets, '=', spaces at its ends or special characters needs quotes"


def _no_option(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    group, _, option = found.group(1).rpartition("/")
    options = list(dict.fromkeys(re.findall(r"^\t(\S+)$", text, re.MULTILINE)))
    near = did_you_mean(option, options)
    wanted = re.findall(r"'(.*)'", near) or options
    if not options:
        return f"There is no config group {found.group(1)}.  {keys.PRINT_ALL}"
    is_typed = any(option in word.partition("=")[2].split(",") for word in typed)
    where = "" if is_typed else f", chosen by {config_files.chosen(typed)},"
    return f"{group}={option}{where} does not exist. Accepted: {', '.join(options)}. {near}  Try: {group}={wanted[0]}"


def _no_key(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    full = re.search(r"full_key: (\S+)", text)
    key = full.group(1) if full else found.group(1).lstrip("+~")
    value = _typed_value(key, typed)
    top = key.split(".")[0]
    if key in keys.known() and top in keys.OPEN:
        options = keys.known()[key].options
        word = keys.as_word(key, value) if value else keys.example(key)
        varied = _typed_value(top, typed)
        choice = f"{varied},{options[0]}" if "," in varied else options[0]
        return (
            f"{key} is not a key of the chosen {top}. Accepted with: "
            f"{', '.join(f'{top}={option}' for option in options)}.  Try: {keys.as_word(top, choice)} {word}"
        )
    if key.startswith(("sampler.options.", "pruner.options.")):
        return (
            f"{key} is not set in that group's file, and a new option is added with a +. Accepted: what the class "
            f"takes.  Try: {keys.as_word(f'+{key}', value or '1')}"
        )
    near = keys.nearest(key)
    node = key.rpartition(".")[0]
    accepted = keys.under(node) or keys.under("")
    own = f" (and +{key}=VALUE for a custom one)" if top in keys.OPEN and node and not near else ""
    given = f"{key} is not a key. Accepted{f' under {node}' if keys.under(node) and node else ''}: "
    if not near:
        return f"{given}{', '.join(accepted)}{own}.  {keys.PRINT_ALL}"
    word = keys.as_word(near, value) if value else keys.example(near)
    return f"{given}{', '.join(accepted)}{own}. {keys.meant(key)}  Try: {word}"


def _typed_value(key: str, typed: Sequence[str]) -> str:
    return next((word.partition("=")[2] for word in typed if word.lstrip("+").startswith(f"{key}=")), "")


def _there_already(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    key = found.group(1)
    word = keys.as_word(key, _typed_value(key, typed))
    return f"+{key} adds a key that exists already. Accepted: the key without +.  Try: {word}"


def _wrong_type(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    key, _, value = found.group(1).lstrip("+~").partition("=")
    if key not in keys.known():
        return _no_key(re.match("(.*)", key) or found, "", typed)
    if found.group(1).startswith("~"):
        return f"~{key} deletes a key that is required. Accepted: another value.  Try: {keys.example(key)}"
    return keys.refused_value(key, value)


def _no_such_deletion(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    key = found.group(1)
    near = keys.nearest(key)
    meant = f"Did you mean {near!r}?" if near and near != key else ""
    return f"~{key} deletes a key that is not set. Accepted: a key that is set. {meant}  {keys.PRINT_ALL}"


def _no_config_file(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    return (
        f"--config-name {found.group(1)}: there is no such file under conf/ or --config-dir. Accepted: config, or a "
        "custom file.  Try: python -m sweeper --config-name config --cfg job"
    )


def _no_config_folder(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    return (
        f"--config-dir {found.group(1)} is not a folder. Accepted: a folder such as "
        "conf/, or none.  Try: python -m sweeper --cfg job"
    )


def _hydras_own(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    return (
        f"{found.group(1)} cannot vary: Hydra's own settings are not part of a trial. Accepted: keys of arch, data, "
        "training, optimizer, augment, seed.  Try: python -m sweeper -m arch.depth=3,5,7"
    )


def _group_twice(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    group = found.group(1)
    return f"{group} has an option already, and + adds another. Accepted: one option.  Try: {keys.example(group)}"


def _forced_group(found: re.Match[str], text: str, typed: Sequence[str]) -> str:
    group = found.group(1).lstrip("+").partition("=")[0]
    return f"{found.group(1)} forces a config group. Accepted: {group}=OPTION.  Try: {keys.example(group)}"


_Explain = Callable[[re.Match[str], str, Sequence[str]], str]

#: What Hydra 1.3 and OmegaConf 2.3 say, and the function that explains it.
_KNOWN: tuple[tuple[str, _Explain], ...] = (
    (r"Could not find '([^']+)'", _no_option),
    (r"Could not append to config\. An item is already at '([^']+)'", _there_already),
    (r"Could not (?:override|append)[^']*'([^'=]+)", _no_key),
    (r"Error merging override (.+)", _wrong_type),
    (r"Could not delete from config\. '([^']+)'", _no_such_deletion),
    (r"Cannot find primary config '([^']*)'", _no_config_file),
    (r"config directory '([^']*)'", _no_config_folder),
    (r"Sweeping over Hydra's configuration is not supported : '(.*)'", _hydras_own),
    (r"^(\S+) appears more than once in the final defaults list", _group_twice),
    (r"force-add of config groups is not supported: '(.*)'", _forced_group),
)


def guarded(function: Callable[[], int]) -> int:
    """Calls `function`; an expected error becomes one paragraph on stderr and its exit status."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from sweeper.cli import errors

    try:
        return _or_interrupted(function)
    except SweeperError as error:
        _report(f"{type(error).__name__}: {error}", error.exit_status)
        return error.exit_status
    except (HydraException, OmegaConfBaseException) as error:
        _report(errors.hydra_error(error, sys.argv[1:]), 2)
        return 2
    except AttributeError as error:
        if not (sys.flags.optimize and _is_of_grammar(error)):
            raise
        _report(
            "ConfigError: Python runs with -O (or PYTHONOPTIMIZE), and Hydra then cannot read functions such as "
            "range(0,2), or keys in braces: it needs the assertions that -O leaves out. Accepted: Python without -O.  "
            "Try: PYTHONOPTIMIZE= python -m sweeper with the same words",
            2,
        )
        return 2
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130
    except BrokenPipeError:  # the reader of our output has ended, as `| head` does
        sys.stderr.close()
        return 1


def _is_of_grammar(error: AttributeError) -> bool:
    """Whether it was raised within Hydra's parser of overrides."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(Path(frame.filename).name == "overrides_visitor.py" for frame in frames)


def _or_interrupted(function: Callable[[], int]) -> int:
    """Calls `function`. A library that is interrupted may raise another error instead: Ctrl-C is its cause."""
    try:
        return function()
    except Exception:
        process.raise_if_interrupted()
        raise


def _report(text: str, exit_status: int) -> None:
    """Prints an error's paragraph, `ConfigError: …`; with `sweep.progress=json` it is an event."""
    events = event_lines.channel()
    if events is None:
        say(text)
    else:
        kind, _, message = hide_passwords(" ".join(text.split())).partition(": ")
        events.write(event_lines.ERROR, {"kind": kind, "text": message, "exit_status": exit_status})


def say(text: str) -> None:
    """Prints a paragraph on standard error; with `sweep.progress=json` it is an event."""
    events = event_lines.channel()
    if events is not None:
        events(Note(hide_passwords(" ".join(text.split()))))
        return
    print(hide_passwords(" ".join(text.split())), file=sys.stderr)  # noqa: T201  an error's paragraph belongs on stderr
