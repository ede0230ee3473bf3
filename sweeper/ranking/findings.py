"""What can be said of a sweep's ranking, as plain data that every form of the report shows.

What does not live here: the statistics (`sweeper.inference`), finding out (`sweeper.ranking.judge`), and how it looks
(`sweeper.report.terminal`, `sweeper.report.page`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sweeper.core.looks import SecondStage
from sweeper.core.test_set import Opening
from sweeper.inference import Needed


@dataclass(frozen=True)
class ExpectedAccuracy:
    """The leader's accuracy as it was measured, and what is to be expected of it on new images.

    Attributes:
        raw: the highest validation accuracy, which is too high because it was chosen for being the highest.
        expected: by out-of-bag bootstrap.
        low, high: its 95 % interval.
    """

    raw: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How much better the leader is than a trial: a fraction of the images, or a mean loss or score lower by so much.

    Attributes:
        value: the difference; low, high: the ends of its interval.
    """

    value: float
    low: float
    high: float

    def words(self, kind: str, sign: str = "") -> tuple[str, str]:
        """The difference with its unit, and the interval: points of a share of images, else the metric itself.

        Args:
            kind: of the ranking's metric (`sweeper.ranking.case.Kind`).
            sign: "+" to write the sign of what is positive too.
        """
        if kind in ("accuracy", "hits"):
            value, low, high = (f"{100 * end:{sign}.2f}" for end in (self.value, self.low, self.high))
            return f"{value} points", f"{low} to {high}"
        value, low, high = (f"{end:{sign}.3g}" for end in (self.value, self.low, self.high))
        return value, f"{low} to {high}"


@dataclass(frozen=True)
class LevelEffect:
    """How much more accurate configurations of a grid are with one value of a parameter than with its first.

    Attributes:
        param: the key. level, base: the two values as the leaderboard shows them.
        difference: of the means over all other values of the grid, over seeds and images.
    """

    param: str
    level: str
    base: str
    difference: Difference


@dataclass(frozen=True)
class Cheapest:
    """The cheapest trial that is shown to be not worse than the leader by more than `report.margin`.

    Attributes:
        cost: `num_params`, `flops`, `duration_s` or `predict_latency_ms`.
        trial: its number; the leader's own where no cheaper one is shown to be as good.
        value, leaders: what it costs, and what the leader does.
    """

    cost: str
    trial: int
    value: float
    leaders: float


@dataclass(frozen=True)
class Finalist:
    """A trial that was evaluated on the test set.

    Attributes:
        trial: its number.
        accuracy, loss: on the test images; low, high: the Wilson 95 % interval of the accuracy.
        p: of the test against the leader, by Holm's correction over the finalists; None for the leader, and where no
            test fits the objective.
        score: what the ranking's metric is on the test images, where that is neither accuracy nor loss.
    """

    trial: int
    accuracy: float
    loss: float
    low: float
    high: float
    p: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class Confirmation:
    """What the test set said. It never re-orders the rows.

    Attributes:
        num_images: test images.
        openings: every opening in this sweep, the first first.
        elsewhere: those of the same images by other sweeps of the output folder, before the last of these.
        finalists: by rank on the validation images, the leader first.
        better_than: finalists that the leader is confirmed to be better than.
    """

    num_images: int
    openings: tuple[Opening, ...]
    finalists: tuple[Finalist, ...]
    better_than: tuple[int, ...]
    elsewhere: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class ConfigurationFindings:
    """What repeats say of the configurations (points), rather than of the trained networks.

    Attributes:
        num_seeds: repeats of each point.
        num_points: points that have all of them.
        group: points of the leading group, the best first, by the number of their first trial; empty where fewer
            than two are there to be compared, or no test compares them.
        why_untested: why no test compares them; empty where one does, and where fewer than two are there.
        num_folds: parts of the images of which each validated in turn; 1 where all trials have the same images.
        leader: the trials of the leading configuration, by repeat; empty where none has all of its repeats.
        mean: of the tested metric over them.
        image_share: of what is uncertain between the leader and its nearest rival in the group, the share that comes
            from the images, 0 to 1, and not from the seeds; None where the group has one member.
    """

    num_seeds: int
    num_points: int
    group: tuple[int, ...]
    why_untested: str = ""
    num_folds: int = 1
    leader: tuple[int, ...] = ()
    mean: float | None = None
    image_share: float | None = None

    @property
    def trainings(self) -> str:
        """`3 seeds`, `5 folds`, `5 folds of 2 seeds each`: what a configuration's mean is over."""
        if self.num_folds == 1:
            return f"{self.num_seeds} seeds"
        seeds = self.num_seeds // self.num_folds
        return f"{self.num_folds} folds" + (f" of {seeds} seeds each" if seeds > 1 else "")


@dataclass(frozen=True)
class Findings:
    """What can be said of a ranking, and how far it can be trusted.

    Attributes:
        leader: the number of the trial that leads, with repeats of the median seed of the configuration that leads;
            None where none is complete.
        num_compared: trials that were compared image by image, and num_images: on how many.
        num_groups: groups of images that were taken as independent; 0 where the images were.
        group: trials that the validation images cannot tell from the leader, which is the first of them; with repeats
            all trials of the leading configurations. Empty where it was not found.
        why_untested: why trials could not be compared image by image; empty where they were, or where the objective
            allows no such test.
        left_out: complete trials that were not compared, since their predictions are missing.
        rank_intervals: lowest and highest rank of a trial, by its number; empty above 500 trials.
        differences: of the leader's accuracy and each other trial's, by the other's number; the 95 % intervals hold
            all at once. With repeats, of the mean of the leading configuration and of that to which the trial belongs.
            Also by top-5 accuracy; by macro F1 and balanced accuracy where each class has five images (or groups of
            them); and from 200 images (or groups) on by loss and Brier score, where they say how much lower the
            leader's is. Empty for other metrics.
        effects: with repeats and a complete grid, each level of each parameter against the first one; the 95 %
            intervals hold all at once. Empty for other metrics.
        equal: trials of the group that are shown to differ from the leader by at most `report.margin`; with repeats all
            those of such configurations. By accuracy.
        needed: what it would take to show a difference of the margin; None where nothing is undecided, or unknown.
        expected: of the leader, with repeats of its configuration over seeds; None where it was not found out.
        cheapest: one a cost that is known.
        configurations: with repeats; else None.
        test: None where the test set was not opened.
        second: with `sweep.seeds=auto`, the candidates and the looks at them; None before they are chosen.
    """

    leader: int | None = None
    num_compared: int = 0
    num_images: int = 0
    num_groups: int = 0
    group: tuple[int, ...] = ()
    why_untested: str = ""
    left_out: tuple[int, ...] = ()
    rank_intervals: dict[int, tuple[int, int]] = field(default_factory=dict)
    differences: dict[int, Difference] = field(default_factory=dict)
    effects: tuple[LevelEffect, ...] = ()
    equal: tuple[int, ...] = ()
    needed: Needed | None = None
    expected: ExpectedAccuracy | None = None
    cheapest: tuple[Cheapest, ...] = ()
    configurations: ConfigurationFindings | None = None
    test: Confirmation | None = None
    second: SecondStage | None = None

    def verdict(self, number: int) -> str | None:
        """What was found of a complete trial that has a rank: `leads`, `worse`, `equal` or `undecided`.

        With repeats it is said of the trial's configuration, with `sweep.seeds=auto` by the looks alone. None where
        it was not compared.
        """
        if not self.group or number in self.left_out or self.second is not None:
            return None
        leading = (self.leader,) if self.configurations is None else self.configurations.leader
        if number in leading:
            return "leads"
        if number in self.group:
            return "equal" if number in self.equal else "undecided"
        return "worse"
