"""Search spaces from words, as they are typed."""

from __future__ import annotations

from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from sweeper.space.dimensions import SearchSpace
from sweeper.space.parser import parse_space
from sweeper.space.rules import with_rules

GROUPS = {"arch": ["cnn", "depth3_kernel3", "depth5_kernel5"], "optimizer": ["adam", "sgd"]}


class _Groups:
    """Answers for Hydra's config loader: the options of a group."""

    def get_group_options(self, group_name: str, **_: Any) -> list[str]:
        return GROUPS.get(group_name, [])


PARSER = OverridesParser.create(config_loader=_Groups())  # type: ignore[arg-type]


def parse(*arguments: str, params: dict[str, Any] | None = None, zip: Any = None, exclude: Any = None) -> SearchSpace:
    space = parse_space(arguments, params or {}, PARSER, lambda key: GROUPS.get(key, []))
    return with_rules(space, zip, exclude)


KEYS = ["arch.depth", "arch.kernel_size", "training.epochs", "optimizer.learning_rate", "seed"]
