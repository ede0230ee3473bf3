"""From a search space to the resolved configuration of each of its points, by Hydra.

Composing from files costs 55 ms, so it is done once for each combination of config groups; each value of the other
keys is then set once in that configuration, and points are made of what it became.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from sweeper.config import keys
from sweeper.config.identity import differences, leaves
from sweeper.config.keys import folders
from sweeper.config.schema import VARYING
from sweeper.core.errors import ConfigError, SpaceError, as_typed
from sweeper.space.dimensions import NO_OPTION, Choice, Choices, Dimension, SearchSpace
from sweeper.space.nodes import as_earlier_releases, cast_config, identity_of, settled
from sweeper.space.template import Template, are_apart, is_leaf, select


@dataclass(frozen=True)
class Point:
    """One point of the search space.

    Attributes:
        overrides: what distinguishes it, as typed: `("arch.depth=3",)`.
        params: the swept keys with their values (of a group: the option's name).
        config: resolved plain containers under arch, data, training, optimizer and seed; under augment where images are
            changed.
    """

    overrides: tuple[str, ...]
    params: dict[str, Any]
    config: dict[str, Any]

    @property
    def identity(self) -> str:
        """Equal for points that train the same thing."""
        return identity_of(self.config)


@dataclass
class _Base:
    """The configuration of one combination of groups.

    Attributes:
        config: with some values of the keys that vary, which are set again.
        varied: top nodes that may differ from point to point.
        unvaried: the others, plain; shared by all points, which is never changed.
        existing: the keys that vary and exist here.
        is_simple: whether no value may be another one's: by an interpolation, or since one key lies below another.
        template: nodes of the first such point, of which others are made.
    """

    config: DictConfig
    varied: tuple[str, ...]
    unvaried: dict[str, Any]
    existing: frozenset[str]
    is_simple: bool
    template: Template | None = None


class Composer:
    """Composes the points of one search space.

    A swept key that exists under one choice of a group only (`optimizer.momentum` under `optimizer=sgd`) varies
    there alone: elsewhere a point has no choice for it.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig, space: SearchSpace) -> None:
        self._loader = loader
        self._master = master
        self.space = space
        self._groups: dict[tuple[str, ...], _Base] = {}
        self._found: set[str] = set()
        self._settled: dict[str, Any] = {}
        #: Overrides that choose no option of a group, which is its default, and which Hydra does not accept.
        self._defaults = {f"{d.key}={NO_OPTION}" for d in space.dimensions if d.is_group and NO_OPTION in d.options}

    def points(self) -> Iterator[Point]:
        """Yields the grid's points in the order of the command line.

        Raises:
            ConfigError: a value that its key does not take.
            HydraException: an option or a key that does not exist.
        """
        for choices in self.space.grid():
            yield self.point(choices)
        self.check_keys()

    def probes(self) -> Iterator[Point]:
        """Yields points in which each choice, and both ends of each interval, occur under every choice of groups.

        One dimension leaves the first value at a time, so they grow with the sum of the choices, not their product.
        """
        dimensions = self.space.dimensions
        groups = [dimension.choices if dimension.is_group else dimension.probes()[:1] for dimension in dimensions]
        for base in itertools.product(*groups):
            yield self.point(base)
            for index, dimension in enumerate(dimensions):
                if not dimension.is_group:
                    for choice in dimension.probes()[1:]:
                        yield self.point((*base[:index], choice, *base[index + 1 :]))
        self.check_keys()

    def check_keys(self) -> None:
        """Refuses a swept key that existed under no choice of groups so far, as Hydra refuses one that is fixed.

        Raises:
            HydraException: names the key.
        """
        for dimension in self.space.dimensions:
            if dimension.key not in self._found:
                self._load((dimension.override(dimension.probes()[0]),))

    def point(self, choices: Choices) -> Point:
        """Composes one point; `choices` has one choice a dimension, which is left out where it does not exist."""
        base = self._group(choices)
        pairs = [
            (dimension, choice)
            for dimension, choice in zip(self.space.dimensions, choices, strict=True)
            if choice is not None and (dimension.is_group or dimension.prefix or dimension.key in base.existing)
        ]
        self._found.update(dimension.key for dimension, _ in pairs)
        overrides = tuple(dimension.override(choice) for dimension, choice in pairs)
        config = self._resolve(base, pairs, overrides)
        params = {
            dimension.key: choice.value if dimension.is_group else select(config, dimension.key)
            for dimension, choice in pairs
        }
        config = as_earlier_releases(config)  # after `params`, which may name such a key
        return Point(overrides, params, settled(config, self._settled) if self._settled else config)

    def default(self) -> Point:
        """The point of which each swept key is what it is where it is not typed; keys after `+` are left out.

        Raises:
            ConfigError: a key has no value of its own.
        """
        composed = self._loader.load_sweep_config(
            self._master, [word for word in self.space.fixed if word not in self._defaults]
        )
        return self.point(tuple(_default(dimension, composed) for dimension in self.space.dimensions))

    def settle(self, values: Mapping[str, Any]) -> None:
        """From here on points have these values of `training` where `auto` leaves them open."""
        self._settled.update(values)

    def exists(self, dimension: Dimension, groups: Choices) -> bool:
        """Whether a key exists under these choices of groups (the other entries are not read)."""
        return dimension.is_group or bool(dimension.prefix) or dimension.key in self._group(groups).existing

    def nodes(self, top: str) -> Iterator[Mapping[str, Any]]:
        """Yields the node `arch` or `optimizer` for each combination of groups; its swept values are arbitrary."""
        groups = [dimension.choices if dimension.is_group else (None,) for dimension in self.space.dimensions]
        for choices in itertools.product(*groups):
            node = _plain(self._group(choices).config, (top,))[top]
            if isinstance(node, Mapping):
                yield node

    def _resolve(
        self, base: _Base, pairs: list[tuple[Dimension, Choice]], overrides: tuple[str, ...]
    ) -> dict[str, Any]:
        if any(
            isinstance(choice.value, dict) for _, choice in pairs
        ):  # a dict is merged into the value of an earlier point, so these are composed from files
            return cast_config(_plain(self._load(overrides)))
        values = [(dimension, choice) for dimension, choice in pairs if not dimension.is_group]
        is_simple = base.is_simple and all(is_leaf(choice.value) for _, choice in values)
        if is_simple and base.template is not None:
            found = base.template.with_values(values, lambda key, choice: _leaf(base.config, key, choice))
        else:
            for dimension, choice in values:
                _set(base.config, dimension.key, choice)
            found = base.unvaried | _plain(base.config, base.varied)
            base.template = Template(found) if is_simple else base.template
        return cast_config(found)

    def _group(self, choices: Choices) -> _Base:
        """The configuration of this combination of groups; its value keys are set again for each point."""
        pairs = list(zip(self.space.dimensions, choices, strict=True))
        chosen = tuple(d.override(choice) for d, choice in pairs if d.is_group and choice is not None)
        if chosen not in self._groups:
            added = (d.override(d.probes()[0]) for d, _ in pairs if d.prefix and not d.is_group)
            self._groups[chosen] = self._base(self._load((*chosen, *added)))
        return self._groups[chosen]

    def _base(self, config: DictConfig) -> _Base:
        """Nodes that no value key lies under are made plain once, unless an interpolation may bring a value there."""
        swept = [d.key for d in self.space.dimensions if not d.is_group]
        touched, has_references = {key.split(".")[0] for key in swept}, "${" in OmegaConf.to_yaml(config)
        varied = VARYING if has_references else tuple(key for key in VARYING if key in touched)
        unvaried = _plain(config, tuple(key for key in VARYING if key not in varied))
        existing = frozenset(key for key in swept if _exists(config, key))
        is_simple = not has_references and touched <= {*VARYING} and are_apart(swept)
        return _Base(config, varied, unvaried, existing, is_simple)

    def _load(self, overrides: tuple[str, ...]) -> DictConfig:
        words = [word for word in (*self.space.fixed, *overrides) if word not in self._defaults]
        try:
            composed = self._loader.load_sweep_config(self._master, words)
        except ConfigCompositionException as error:
            if "before the sweep starts" in str(error):  # Hydra 1.4 finds it itself
                _refuse_files_with_settings(self.space.dimensions)
            raise
        keys.check(composed)
        for dimension in self.space.dimensions:
            if dimension.is_group and dimension.key not in VARYING:
                _refuse_other_settings(dimension, self._master, composed)
        # Interpolations may point outside these nodes, so the whole is kept; only Hydra's own node is left out.
        return OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])


def _default(dimension: Dimension, composed: DictConfig) -> Choice | None:
    """What a key is where it is not typed; None where it does not exist."""
    key = dimension.key
    if dimension.is_group:
        option = composed.hydra.runtime.choices.get(key)
        value: Any = NO_OPTION if option is None else str(option)
        return next((choice for choice in dimension.choices if choice.text == value), Choice(value, value))
    if dimension.prefix or not _exists(composed, key):
        return None
    top, *path = key.split(".")
    value = select({top: _plain(composed, (top,))[top]}, ".".join([top, *path]))
    if dimension.interval is not None:
        return dimension.interval.choice(value) if value in dimension.interval else Choice(as_typed(value), value)
    known = (choice for choice in dimension.choices if choice.value == value and type(choice.value) is type(value))
    return next(known, Choice(as_typed(value), value))


def _refuse_other_settings(dimension: Dimension, master: DictConfig, composed: DictConfig) -> None:
    """Refuses a varying experiment that sets what belongs to the sweep as a whole."""
    before, after = (_sweeps_own(config) for config in (master, composed))
    if changed := differences(before, after):
        raise _sets(dimension, changed[0].partition(":")[0])


def _refuse_files_with_settings(dimensions: Sequence[Dimension]) -> None:
    """Refuses a varying experiment whose file sets something under `hydra`."""
    for dimension in dimensions:
        for choice in dimension.choices if dimension.is_group and dimension.key not in VARYING else ():
            path = folders.config_file(f"{dimension.key}/{choice.text}")
            below = {} if path is None else folders.entries(path).get("hydra", {})
            if isinstance(below, Mapping) and (found := [key for key, _ in leaves(below, "hydra.")]):
                raise _sets(dimension, found[0])


def _sets(dimension: Dimension, key: str) -> SpaceError:
    return SpaceError(
        f"{dimension.key}={dimension.text} cannot vary: one of them sets {key}, which belongs to the sweep as a "
        f"whole. Accepted: options that set keys of {', '.join(VARYING)} alone.  Try: "
        f"{dimension.key}={dimension.choices[0].text}, or one sweep for each value"
    )


def _sweeps_own(config: DictConfig) -> dict[str, Any]:
    names = [str(name) for name in config if name not in (*VARYING, "hydra")]
    nodes: Any = OmegaConf.to_container(OmegaConf.masked_copy(config, names))
    params: Any = OmegaConf.to_container(config.hydra.sweeper.params)
    return dict(leaves({**nodes, "hydra": {"sweeper": {"params": params}}}))


def _exists(config: DictConfig, key: str) -> bool:
    """Whether the configuration has this key, be its value null or still missing."""
    node: Any = config
    for part in key.split("."):
        if OmegaConf.is_list(node):
            if not part.isdigit() or int(part) >= len(node):
                return False
            node = node[int(part)]
        elif OmegaConf.is_dict(node) and part in node.keys():  # noqa: SIM118  `in` leaves out what is missing
            node = node._get_node(part)
        else:
            return False
    return True


def _set(config: DictConfig, key: str, choice: Choice) -> None:
    try:
        OmegaConf.update(config, key, choice.value, merge=False)
    except OmegaConfBaseException as error:
        if key not in keys.known():
            raise ConfigError(
                f"{key}={choice.text} is not accepted: {_first_line(error)}.  {keys.PRINT_ALL}"
            ) from error
        raise ConfigError(keys.refused_value(key, choice.text)) from error


def _leaf(config: DictConfig, key: str, choice: Choice) -> Any:
    """What a key becomes with a value, in plain containers."""
    _set(config, key, choice)
    value = OmegaConf.select(config, key)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _plain(config: DictConfig, keys_: Sequence[str] = VARYING) -> dict[str, Any]:
    try:
        return {key: _container(config, key) for key in keys_}
    except MissingMandatoryValue as error:
        builder = error.full_key == "arch._target_"
        example = "arch=custom arch._target_=my_networks.build" if builder else keys.example(error.full_key or "")
        raise ConfigError(
            f"{error.full_key} has no value, and needs one (??? is its placeholder).  Try: {example}"
        ) from error
    except OmegaConfBaseException as error:
        raise ConfigError(
            f"{error.full_key or 'The configuration'} cannot be resolved: {_first_line(error)}. Accepted in ${{...}}: "
            f"a key that exists, or ${{oc.env:NAME}} of a variable that is set.  {keys.PRINT_ALL}"
        ) from error


def _container(config: DictConfig, key: str) -> Any:
    value = config[key]
    if not OmegaConf.is_config(value):
        return value
    return OmegaConf.to_container(value, resolve=True, throw_on_missing=True)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
