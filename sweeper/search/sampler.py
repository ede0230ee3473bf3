"""Where a sampler's points come from: a study of Optuna in memory that is asked for points and gets their values.

The sweep's own study (`sweeper.storage.study`) is the source of truth and holds trials; this one holds points (with
`sweep.seeds`, the mean of a point's repeats), is rebuilt from it at each start, and costs no disk access.

Each proposal is drawn by a sampler with its own seed, from `sampler.seed` and the number of proposals before it.
So a sweep that was killed proposes what the undisturbed one would have, given the same results in the same order.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.config.sweep import SamplerConfig
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialState
from sweeper.search import instantiate
from sweeper.space.dimensions import Choice, Choices, Dimension, SearchSpace
from sweeper.storage import distributions

if TYPE_CHECKING:  # 0.3 s, and not needed for a refusal
    import optuna
    from optuna.distributions import BaseDistribution

#: Packages that a sampler needs beyond Optuna's own, and the line that installs them.
_NEEDS = {
    "optuna.samplers.CmaEsSampler": ("cmaes", "pip install cmaes"),
    "optuna.samplers.GPSampler": ("torch", "pip install torch"),
    "optuna.samplers.QMCSampler": ("scipy", "pip install scipy"),
}

#: Samplers whose sequence is one whole: a seed that changed from draw to draw would break it.
_ONE_SEED = ("QMCSampler",)

#: Samplers that look at nothing but trials and their values. Others keep notes in their study as they propose, so
#: that what is learned passes through them as well.
_WITHOUT_NOTES = ("RandomSampler", "TPESampler", "GPSampler")


@dataclass(frozen=True)
class Proposal:
    """A point that a sampler proposes.

    Attributes:
        number: of the proposal, in the sampler's own study.
        choices: one per dimension, None where a dimension does not exist under the chosen groups.
    """

    number: int
    choices: Choices


#: Returns whether a dimension exists under the groups chosen so far.
Exists = Callable[[Dimension, Choices], bool]


class Search:
    """Asks a sampler of Optuna for points of a space."""

    def __init__(
        self, config: SamplerConfig, space: SearchSpace, objectives: Sequence[Objective], exists: Exists, seed: int
    ) -> None:
        optuna = _optuna()
        self._config = config
        self._space = space
        self._exists = exists
        self._seed = seed if config.seed is None else config.seed
        self._study = optuna.create_study(directions=[objective.direction for objective in objectives])
        self._open: dict[int, Any] = {}
        self._num_proposed = 0

    def ask(self) -> Proposal:
        """Proposes a point; trials that still run are known to the sampler.

        Raises:
            ConfigError: the sampler cannot handle this space or these objectives.
        """
        try:
            return self._propose(self._config)
        except (ValueError, NotImplementedError, TypeError, ImportError) as error:
            raise _unable(self._config, error) from error

    def _propose(self, config: SamplerConfig) -> Proposal:
        number, self._num_proposed = self._num_proposed, self._num_proposed + 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental features, and parameters drawn one by one
            self._study.sampler = _with_memory_of(self._study.sampler, make_sampler(config, self._seed, number))
            trial = self._study.ask()
            _ = trial.relative_params  # drawn even where every value is given: a sampler may take notes as it draws
            choices = self._suggest(trial)
        self._open[trial.number] = trial
        return Proposal(trial.number, choices)

    def enqueue(self, point: Mapping[str, Any]) -> None:
        """Makes the next proposal a given point; keys that it lacks are the sampler's."""
        self._study.enqueue_trial(self._params(point))

    def tell(self, number: int, values: Sequence[float] | None, state: TrialState, history: Sequence[float]) -> None:
        """Reports the outcome of a proposal.

        Args:
            number: the proposal's.
            values: one per objective; None unless complete.
            state: complete, pruned or failed.
            history: the first objective after each epoch, where an epoch has it; a pruned point is judged by it.
        """
        states = _optuna().trial.TrialState
        trial = self._open.pop(number)
        if len(self._study.directions) == 1:
            for step, value in enumerate(history, start=1):
                if math.isfinite(value):
                    trial.report(value, step)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if state is TrialState.COMPLETE:
                self._study.tell(trial, list(values or ()))
            elif state is TrialState.PRUNED and len(self._study.directions) == 1:
                self._study.tell(trial, state=states.PRUNED)
            else:
                self._study.tell(trial, state=states.FAIL)

    def learn(
        self, overrides: Sequence[str], values: Sequence[float] | None, state: TrialState, history: Sequence[float]
    ) -> Proposal | None:
        """Adds a point that was tried before; returns it, or None where this space does not have it.

        A point whose `state` is running becomes an open proposal, to be reported later.
        """
        texts = dict(_split(override) for override in overrides)
        choices = tuple(self._choice(dimension, texts.get(dimension.key)) for dimension in self._space.dimensions)
        known = {key for key, _ in texts.items()}
        missing = [d for d, choice in zip(self._space.dimensions, choices, strict=True) if choice is None]
        if not known <= {*self._space.keys} or any(self._exists(dimension, choices) for dimension in missing):
            return None
        point = {d.key: choice.value for d, choice in zip(self._space.dimensions, choices, strict=True) if choice}
        if not self._space.pairs_fit(point):
            return None
        self._study.enqueue_trial(self._params(point))
        proposal = self._propose(_RANDOM if str(self._config._target_).endswith(_WITHOUT_NOTES) else self._config)
        if state is not TrialState.RUNNING:
            self.tell(proposal.number, values, state, history)
        return proposal

    def _params(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """A partial point as the study has it."""
        params = {}
        for axis in self._space.axes():
            dimensions = [self._space.dimensions[index] for index in axis]
            given = {dimension.key: point[dimension.key] for dimension in dimensions if dimension.key in point}
            if given:
                params[self._name(axis)] = self._internal(axis, given)
        return params

    def _suggest(self, trial: optuna.Trial) -> Choices:
        """Draws groups first: which other keys exist follows from them."""
        choices: list[Choice | None] = [None] * len(self._space.dimensions)
        axes = sorted(self._space.axes(), key=lambda axis: not any(self._space.dimensions[i].is_group for i in axis))
        for axis in axes:
            if not any(self._exists(self._space.dimensions[index], tuple(choices)) for index in axis):
                continue
            value = _draw(trial, self._name(axis), self._distribution(axis))
            for index in sorted(axis, key=lambda index: not self._space.dimensions[index].is_group):
                if self._exists(self._space.dimensions[index], tuple(choices)):
                    choices[index] = self._external(axis, self._space.dimensions[index], value)
        return tuple(choices)

    def _name(self, axis: tuple[int, ...]) -> str:
        return ",".join(self._space.dimensions[index].key for index in axis)

    def _distribution(self, axis: tuple[int, ...]) -> BaseDistribution:
        first = self._space.dimensions[axis[0]]
        if (interval := first.interval) is not None:
            return distributions.of_range(interval.low, interval.high, is_int=interval.is_int, log=interval.log)
        if len(axis) == 1 and first.is_range:  # its places, in order: no rounding of what a step of 0.1 adds up to
            return distributions.of_range(0, len(first.choices) - 1, is_int=True)
        return distributions.of_choices(self._texts(axis))

    def _texts(self, axis: tuple[int, ...]) -> list[str]:
        """The choices of an axis, those that go together as one."""
        return [",".join(choice.text for choice in row) for row in self._space.rows(axis)]

    def _internal(self, axis: tuple[int, ...], given: Mapping[str, Any]) -> Any:
        """The values of one or more dimensions of an axis as the study has them."""
        first = self._space.dimensions[axis[0]]
        if first.interval is not None:
            return first.interval.choice(given[first.key]).value
        place = self._space.place(axis, given)
        if place is None:
            raise ValueError(f"{dict(given)} is not a configuration of this space")
        return place if len(axis) == 1 and first.is_range else self._texts(axis)[place]

    def _external(self, axis: tuple[int, ...], dimension: Dimension, value: Any) -> Choice:
        if dimension.interval is not None:
            return dimension.interval.choice(value)
        if len(axis) == 1 and dimension.is_range:
            return dimension.choices[int(value)]
        return dimension.choices[self._texts(axis).index(value)]

    def _choice(self, dimension: Dimension, text: str | None) -> Choice | None:
        """The choice that was typed as `text`; None where the dimension has no such choice any more."""
        if text is None:
            return None
        if dimension.interval is None:
            return next((choice for choice in dimension.choices if _is_typed_as(choice, text)), None)
        try:
            value = float(text)
        except ValueError:
            return None
        return dimension.interval.choice(value) if value in dimension.interval else None


def _draw(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case FloatDistribution():
            return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
        case IntDistribution():
            return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
        case CategoricalDistribution():
            return trial.suggest_categorical(name, distribution.choices)
    raise TypeError(distribution)


#: What draws for points whose values are given anyway.
_RANDOM = SamplerConfig("random", _target_="optuna.samplers.RandomSampler")


def _is_typed_as(choice: Choice, text: str) -> bool:
    """Whether a choice is what was typed, or the same number (`0.0` for `0`)."""
    if choice.text == text:
        return True
    try:
        return type(choice.value) in (int, float) and float(text) == choice.value
    except ValueError:
        return False


def _split(override: str) -> tuple[str, str]:
    key, _, text = override.partition("=")
    return key.lstrip("+"), text


def make_sampler(config: SamplerConfig, seed: int, number: int) -> Any:
    """The sampler for one proposal.

    Raises:
        ConfigError: no such class, an option that it does not take, or a package that is not installed.
    """
    check_installed(config)

    def options(kind: Any) -> dict[str, Any]:
        given = dict(config.options)
        if "seed" not in given and _takes_seed(kind):
            given["seed"] = seed if str(config._target_).endswith(_ONE_SEED) else _derived(seed, number)
        return given

    return instantiate.make("sampler", config, _optuna().samplers.BaseSampler, options, "sampler=tpe")


@functools.cache
def _takes_seed(kind: Any) -> bool:
    return "seed" in inspect.signature(kind).parameters


def _with_memory_of(former: Any, sampler: Any) -> Any:
    """Gives a new sampler what the former one knows of the search space.

    Optuna's samplers look through all trials for the parameters that these share, and remember how far they came. A
    sampler per proposal would begin at the first trial each time: half of TPE's time at 10,000 trials. The search space
    is the same either way.
    """
    known = getattr(former, "_search_space", None)
    if known is not None and type(known) is type(getattr(sampler, "_search_space", None)):
        sampler._search_space = known
    return sampler


def check_installed(config: SamplerConfig) -> None:
    """Refuses a sampler whose package is missing.

    Raises:
        ConfigError: names the package and the line that installs it.
    """
    package, line = _NEEDS.get(str(config._target_), ("", ""))
    if package and importlib.util.find_spec(package) is None:
        raise ConfigError(
            f"sampler={config.name} needs the package {package}, which is not installed. Accepted without it: random, "
            f"tpe, nsgaii, qmc, grid.  Try: {line}"
        )


def _unable(config: SamplerConfig, error: Exception) -> ConfigError:
    return ConfigError(
        f"sampler={config.name} cannot propose configurations of this space: {error}. Accepted: a sampler for this "
        "kind of space and number of objectives.  Try: sampler=tpe"
    )


def _derived(seed: int, number: int) -> int:
    """A seed below 2**32 that differs for each proposal."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4], "big")


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
