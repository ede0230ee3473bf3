"""Hydra's own settings that this program does not read, and what to type instead."""

from __future__ import annotations

import re

from hydra.core.override_parser.types import Override

from sweeper.config import keys
from sweeper.core.errors import ConfigError

_WORKERS, _TRIALS, _FOLDER = "sweep.workers", "sweep.trials", "output_dir"

#: A pattern of Hydra's keys, also of its sweepers and launchers; the key that does the same here; an example.
#: Where there is no such key, the answer is the example.
_INSTEAD = (
    (r"hydra\.sweeper\.n_trials", _TRIALS, "20"),
    (r"hydra\.sweeper\.max_trials", _TRIALS, "20"),
    (r"hydra\.sweeper\.(n_jobs|max_batch_size)", _WORKERS, "2"),
    (r"hydra\.launcher\.(n_jobs|max_workers|array_parallelism|processes)", _WORKERS, "2"),
    (r"hydra[./]launcher(\..*)?", "", f"{_WORKERS}=2"),
    (r"hydra\.sweeper\.study_name", "sweep.name", "first-sweep"),
    (r"hydra\.sweeper\.direction", "objective.direction", "maximize"),
    (r"hydra\.sweeper\.sampler\.seed", "sampler.seed", "0"),
    (r"hydra[./]sweeper[./]sampler(\..*)?", "", "sampler=tpe"),
    (r"hydra/sweeper|hydra\.sweeper\._target_", "", "sampler=tpe"),
    (r"hydra\.sweeper\.storage", "", f"{_FOLDER}=another-folder"),
    (r"hydra\.sweeper\.search_space(\..*)?", "", "arch.depth=3,5,7"),
    (r"hydra\.sweeper\.(?!params\b).*", "", "sweep.trials=20"),
    (r"hydra\.(mode|run|sweep|output_subdir|job\.chdir)(\..*)?", "", f"{_FOLDER}=another-folder"),
)
_PLAIN = re.compile(r"[\w.-]+")


def check(override: Override) -> None:
    """Refuses a word that would run another sweeper or launcher, or would have no effect.

    Raises:
        ConfigError: names the key that does the same here.
    """
    key = override.get_key_element().lstrip("+~")
    if key == "hydra.mode" and not override.is_delete() and override.value() == "MULTIRUN":
        return
    if answer := instead(key, (override.input_line or "").partition("=")[2]):
        raise ConfigError(f"{override.input_line} is refused: {answer}")


def instead(key: str, value: str) -> str:
    """What to type instead of one of Hydra's settings; empty for any other key."""
    for pattern, own, example in _INSTEAD:
        if re.fullmatch(pattern, key):
            word = example if not own else keys.as_word(own, value if _PLAIN.fullmatch(value) else example)
            return (
                "this program has its own sweeper and launcher, and writes only to output_dir. Accepted of Hydra's "
                f"settings: hydra.sweeper.params, hydra.searchpath.  Try: {word}"
            )
    return ""
