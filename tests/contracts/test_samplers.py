"""What every sampler keeps to; a new one is added to SAMPLERS and gets all of these tests."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from sweeper.config.sweep import SamplerConfig
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialState
from sweeper.search import sampler
from sweeper.search.sampler import Proposal, Search, make_sampler
from sweeper.space.dimensions import Choices, Dimension, SearchSpace
from sweeper.space.parser import parse_space
from sweeper.space.rules import with_rules

CONF = Path(__file__).resolve().parents[2] / "conf" / "sampler"
ACCURACY = Objective("val_accuracy", "maximize")
PARAMS = Objective("num_params", "minimize")

#: Each with the package that it needs beyond Optuna's own.
SAMPLERS = {"random": "", "tpe": "", "nsgaii": "", "qmc": "scipy", "cmaes": "cmaes", "gp": "torch"}


def _is_missing(package: str) -> bool:
    return bool(package) and importlib.util.find_spec(package) is None


EVERY = [
    pytest.param(name, marks=pytest.mark.skipif(_is_missing(package), reason=f"{package} is not installed"))
    for name, package in SAMPLERS.items()
]

GROUPS = {"optimizer": ["adam", "sgd"]}


class _Groups:
    """Answers for Hydra's config loader: the options of a group."""

    def get_group_options(self, group_name: str, **_: Any) -> list[str]:
        return GROUPS.get(group_name, [])


PARSER = OverridesParser.create(config_loader=_Groups())  # type: ignore[arg-type]


def parse(*arguments: str, paired: Any = None) -> SearchSpace:
    return with_rules(parse_space(arguments, {}, PARSER, lambda key: GROUPS.get(key, [])), paired, None)


def exists(dimension: Dimension, groups: Choices) -> bool:
    """Momentum is a key of sgd alone, as in the project's own files."""
    if dimension.key != "optimizer.momentum":
        return True
    return any(choice is not None and choice.value == "sgd" for choice in groups)


NUMBERS = parse(
    "optimizer.learning_rate=tag(log,interval(1e-4,1))",
    "arch.dropout=interval(0,0.5)",
    "arch.dense_units=int(interval(4,64))",
    "arch.filters=tag(log,int(interval(1,64)))",
    "arch.depth=range(3,8,2)",
)
MIXED = parse(
    "optimizer.momentum=interval(0,0.99)",
    "optimizer=adam,sgd",
    "arch.depth=3,5,7",
    "arch.kernel_size=3,5,6",
    "arch.activation=relu,'a,b',null,[8,16]",
    "optimizer.learning_rate=tag(log,interval(1e-4,1))",
    "seed=range(8,0,-3)",
    paired=["arch.depth", "arch.kernel_size"],
)
SPACES = [pytest.param(NUMBERS, id="numbers"), pytest.param(MIXED, id="mixed")]


def settings(name: str, **options: Any) -> SamplerConfig:
    """As `sampler=NAME` has it."""
    written = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    return SamplerConfig(**{**written, "options": {**written["options"], **options}})


def search(name: str, space: SearchSpace, *objectives: Objective, seed: int = 3) -> Search:
    options = {"population_size": 4} if name == "nsgaii" else {}  # several generations in a short test
    return Search(settings(name, **options), space, objectives or (ACCURACY,), exists, seed)


def values(choices: Choices) -> list[Any]:
    return [None if choice is None else choice.value for choice in choices]


def overrides(space: SearchSpace, choices: Choices) -> tuple[str, ...]:
    return tuple(d.override(choice) for d, choice in zip(space.dimensions, choices, strict=True) if choice is not None)


def score(choices: Choices) -> float:
    """A figure that prefers small numbers, and adam."""
    numbers = [value for value in values(choices) if isinstance(value, int | float)]
    return -float(sum(numbers)) + ("adam" in values(choices))


def run(one: Search, number: int) -> list[Proposal]:
    """So many proposals, each told its score before the next."""
    made = []
    for _ in range(number):
        proposal = one.ask()
        one.tell(proposal.number, [score(proposal.choices)], TrialState.COMPLETE, ())
        made.append(proposal)
    return made


def lies_in(space: SearchSpace, choices: Choices) -> bool:
    def taken(dimension: Dimension, choice: Any) -> bool:
        if choice is None:
            return not exists(dimension, choices)
        if dimension.interval is None:
            return choice in dimension.choices
        is_kind = isinstance(choice.value, int if dimension.interval.is_int else float)
        return is_kind and choice.value in dimension.interval and choice == dimension.interval.choice(choice.value)

    return all(taken(dimension, choice) for dimension, choice in zip(space.dimensions, choices, strict=True))


@pytest.mark.parametrize("name", EVERY)
class TestEverySampler:
    @pytest.mark.parametrize("space", SPACES)
    def test_proposals_lie_in_the_space(self, name: str, space: SearchSpace) -> None:
        proposals = run(search(name, space), 20)

        assert all(lies_in(space, proposal.choices) for proposal in proposals)
        assert [proposal.number for proposal in proposals] == list(range(20))
        assert len({overrides(space, proposal.choices) for proposal in proposals}) > 10

    def test_keys_that_go_together_are_proposed_together(self, name: str) -> None:
        found = {tuple(values(proposal.choices)[2:4]) for proposal in run(search(name, MIXED), 20)}

        assert found <= {(3, 3), (5, 5), (7, 6)}
        assert len(found) > 1

    def test_a_key_of_one_option_is_proposed_under_it_alone(self, name: str) -> None:
        found = [values(proposal.choices)[:2] for proposal in run(search(name, MIXED), 20)]

        assert {option for _, option in found} == {"adam", "sgd"}
        assert all((momentum is None) == (option == "adam") for momentum, option in found)

    def test_a_group_and_its_own_key_go_together(self, name: str) -> None:
        space = parse(
            "optimizer.momentum=0.5,0.9",
            "optimizer=adam,sgd",
            "seed=range(0,9)",
            paired=["optimizer.momentum", "optimizer"],
        )
        found = {tuple(values(proposal.choices)[:2]) for proposal in run(search(name, space), 12)}

        assert found == {(None, "adam"), (0.9, "sgd")}

    @pytest.mark.parametrize("space", SPACES)
    def test_the_same_seed_gives_the_same_proposals_and_another_gives_others(
        self, name: str, space: SearchSpace
    ) -> None:
        one, same, other = (run(search(name, space, seed=seed), 12) for seed in (3, 3, 4))

        assert one == same
        assert one != other

    def test_a_fresh_process_proposes_the_same(self, name: str) -> None:
        code = (
            "import json, sys; sys.path.insert(0, sys.argv[2])\n"
            "import test_samplers as t\n"
            "print(json.dumps([t.values(p.choices) for p in t.run(t.search(sys.argv[1], t.MIXED), 12)]))\n"
        )
        words = [sys.executable, "-c", code, name, str(Path(__file__).parent)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        here = [values(proposal.choices) for proposal in run(search(name, MIXED), 12)]
        assert json.loads(done.stdout) == json.loads(json.dumps(here))

    def test_the_seed_of_the_sampler_goes_before_the_seed_of_the_trials(self, name: str) -> None:
        config = settings(name)
        config.seed = 3
        own = Search(config, NUMBERS, (ACCURACY,), exists, 99)

        assert run(own, 3) == run(Search(settings(name), NUMBERS, (ACCURACY,), exists, 3), 3)

    @pytest.mark.parametrize(
        ("told", "state", "history"),
        [
            pytest.param([0.5], TrialState.COMPLETE, [0.1, 0.5], id="complete"),
            pytest.param(None, TrialState.PRUNED, [0.1, 0.2], id="pruned"),
            pytest.param(None, TrialState.PRUNED, [], id="pruned without a figure"),
            pytest.param(None, TrialState.FAILED, [0.1, float("nan")], id="failed"),
        ],
    )
    def test_whatever_came_of_a_proposal_can_be_told(
        self, name: str, told: list[float] | None, state: TrialState, history: list[float]
    ) -> None:
        one = search(name, MIXED)
        for _ in range(4):
            one.tell(one.ask().number, told, state, history)

        assert all(lies_in(MIXED, proposal.choices) for proposal in run(one, 8))

    def test_proposals_may_be_open_at_the_same_time_and_told_in_any_order(self, name: str) -> None:
        one = search(name, MIXED)
        proposals = [one.ask() for _ in range(4)]
        for proposal in reversed(proposals):
            one.tell(proposal.number, [score(proposal.choices)], TrialState.COMPLETE, ())

        assert len({overrides(MIXED, proposal.choices) for proposal in proposals}) == 4
        assert one.ask().number == 4

    def test_enqueued_points_come_first_and_the_sampler_completes_them(self, name: str) -> None:
        one = search(name, MIXED)
        one.enqueue({"optimizer": "sgd", "optimizer.momentum": 0.25, "arch.depth": 7, "seed": 5})
        one.enqueue({"arch.activation": [8, 16], "arch.kernel_size": 5})
        first, second, third = run(one, 3)

        momentum, option, depth, kernel, _, _, seed = values(first.choices)
        assert (momentum, option, depth, kernel, seed) == (0.25, "sgd", 7, 6, 5)
        assert values(second.choices)[2:5] == [5, 5, [8, 16]]
        assert all(lies_in(MIXED, proposal.choices) for proposal in (first, second, third))
        assert len({overrides(MIXED, proposal.choices) for proposal in (first, second, third)}) == 3

    @pytest.mark.parametrize("space", SPACES)
    def test_a_search_that_learned_the_history_goes_on_as_the_undisturbed_one(
        self, name: str, space: SearchSpace
    ) -> None:
        undisturbed, resumed = search(name, space), search(name, space)
        for number, proposal in enumerate(run(undisturbed, 14)):
            typed = overrides(space, proposal.choices)
            learned = resumed.learn(typed, [score(proposal.choices)], TrialState.COMPLETE, ())
            assert learned == Proposal(number, proposal.choices)

        assert run(resumed, 6) == run(undisturbed, 6)

    def test_what_failed_or_was_pruned_is_learned_as_well(self, name: str) -> None:
        undisturbed, resumed = search(name, NUMBERS), search(name, NUMBERS)
        outcomes: list[tuple[list[float] | None, TrialState, list[float]]] = [
            ([0.5], TrialState.COMPLETE, [0.4, 0.5]),
            (None, TrialState.PRUNED, [0.3]),
            (None, TrialState.FAILED, []),
        ]
        for number in range(12):
            proposal = undisturbed.ask()
            undisturbed.tell(proposal.number, *outcomes[number % 3])
            resumed.learn(overrides(NUMBERS, proposal.choices), *outcomes[number % 3])

        assert run(resumed, 4) == run(undisturbed, 4)

    def test_a_point_that_still_runs_is_learned_as_an_open_proposal(self, name: str) -> None:
        undisturbed, resumed = search(name, NUMBERS), search(name, NUMBERS)
        proposal = undisturbed.ask()
        learned = resumed.learn(overrides(NUMBERS, proposal.choices), None, TrialState.RUNNING, ())

        assert learned == proposal
        for one in (undisturbed, resumed):
            one.tell(proposal.number, [score(proposal.choices)], TrialState.COMPLETE, ())
        assert run(resumed, 6) == run(undisturbed, 6)

    def test_two_objectives_are_searched_or_refused_with_the_reason(self, name: str) -> None:
        one = search(name, NUMBERS, ACCURACY, PARAMS)
        if name == "cmaes":
            with pytest.raises(ConfigError, match=r"^sampler=cmaes cannot propose points .*Try: sampler=tpe$"):
                one.ask()
            return
        for _ in range(8):
            proposal = one.ask()
            assert lies_in(NUMBERS, proposal.choices)
            one.tell(proposal.number, [score(proposal.choices), 5.0], TrialState.COMPLETE, ())
        for state in (TrialState.PRUNED, TrialState.FAILED):
            one.tell(one.ask().number, None, state, [0.5])

    def test_an_option_that_it_does_not_take_is_refused_with_its_name(self, name: str) -> None:
        message = r"^sampler\._target_=optuna\.samplers\.\w+ cannot be made with sampler\.options=.*nonsense.*Try: "

        with pytest.raises(ConfigError, match=message):
            make_sampler(settings(name, nonsense=3), 0, 0)


LEARNED = [
    pytest.param(("arch.depth=3", "arch.kernel_size=3"), (3, 3), id="a point"),
    pytest.param(("arch.kernel_size=3", "arch.depth=3"), (3, 3), id="its keys in another order"),
    pytest.param(("++arch.depth=3", "+arch.kernel_size=3"), (3, 3), id="its keys added"),
    pytest.param(("arch.depth=4", "arch.kernel_size=3"), None, id="a choice that is none any more"),
    pytest.param(("arch.depth=3",), None, id="a key that did not vary"),
    pytest.param(("arch.depth=3", "arch.kernel_size=3", "seed=1"), None, id="a key that varies no more"),
    pytest.param(("arch.depth=3", "arch.kernel_size=5"), None, id="values that do not go together"),
]


@pytest.mark.parametrize(("typed", "expected"), LEARNED)
def test_a_point_of_another_sweep_is_learned_where_this_space_has_it(typed: tuple[str, ...], expected: Any) -> None:
    space = parse("arch.depth=3,5,7", "arch.kernel_size=3,5,6", paired=["arch.depth", "arch.kernel_size"])
    learned = search("random", space).learn(typed, [0.5], TrialState.COMPLETE, ())

    assert (None if learned is None else tuple(values(learned.choices))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.25", 0.25), ("0", 0.0), ("0.5", 0.5), ("0.6", None), ("null", None)],
    ids=["within", "an end", "the other end", "outside", "no number"],
)
def test_a_number_of_another_sweep_is_learned_where_the_interval_has_it(text: str, expected: float | None) -> None:
    learned = search("random", parse("arch.dropout=interval(0,0.5)")).learn(
        (f"arch.dropout={text}",), [0.5], TrialState.COMPLETE, ()
    )

    assert (None if learned is None else values(learned.choices)[0]) == expected


def test_pairs_that_repeat_a_value_are_told_apart() -> None:
    space = parse("arch.depth=3,3,5", "arch.kernel_size=3,5,5", paired=["arch.depth", "arch.kernel_size"])
    one = search("random", space)

    learned = one.learn(("arch.depth=3", "arch.kernel_size=5"), [0.5], TrialState.COMPLETE, ())
    assert learned is not None
    assert values(learned.choices) == [3, 5]
    one.enqueue({"arch.depth": 3, "arch.kernel_size": 5})
    assert values(one.ask().choices) == [3, 5]


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        pytest.param(
            "optuna.samplers.TPESample", {}, "names nothing: optuna.samplers has no class TPESample", id="no such class"
        ),
        pytest.param("optuna.smaplers.TPESampler", {}, "No module named 'optuna.smaplers'", id="no such module"),
        pytest.param("TPESampler", {}, "is not a dotted path", id="no path"),
        pytest.param("fractions.Fraction", {}, "it is no sampler", id="no sampler"),
        pytest.param(
            "optuna.samplers.TPESampler", {"n_startup_trials": "x", "gamma": 3, "nope": 1}, "nope", id="options"
        ),
        pytest.param("optuna.samplers.QMCSampler", {"qmc_type": "sobl"}, "sobl", id="a value that is none"),
    ],
)
def test_a_class_that_makes_no_sampler_is_refused_with_the_reason(
    target: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^sampler\._target_={target} .*{message}.*Try: sampler=tpe$"):
        make_sampler(SamplerConfig("own", _target_=target, options=options), 0, 0)


@pytest.mark.parametrize(("name", "package"), [(name, package) for name, package in SAMPLERS.items() if package])
def test_a_missing_package_is_named_with_the_line_that_installs_it(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None if wanted == package else found(wanted))

    with pytest.raises(
        ConfigError, match=rf"^sampler={name} needs the package {package}, .*Try: pip install {package}$"
    ):
        make_sampler(settings(name), 0, 0)


def test_a_tpe_that_remembers_the_search_space_proposes_what_one_without_memory_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def proposals() -> list[Proposal]:
        made = Search(settings("tpe"), MIXED, [ACCURACY], exists, seed=0)
        found = []
        for number in range(40):
            found.append(made.ask())
            if number % 3:  # some are still running when the next one is proposed
                made.tell(found[-1].number, [number * 7 % 11], TrialState.COMPLETE, [])
        return found

    remembering = proposals()
    assert hasattr(make_sampler(settings("tpe"), 0, 0), "_search_space"), "Optuna keeps it under another name"
    monkeypatch.setattr(sampler, "_with_memory_of", lambda former, new: new)

    assert proposals() == remembering
