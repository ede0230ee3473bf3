"""Which trials stand out in table and charts: the leader, its leading group or the Pareto front, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking.leaderboard import RankedRow, point_of
from sweeper.report.sweep_report import SweepReport

LEADER, GROUP, FRONT, OTHER, STOPPED = "leader", "leading group", "Pareto front", "other", "pruned or failed"

#: The page's colour of each role, by the name of its variable, and the shape of its mark; from the last to be drawn.
LOOKS = {
    LEADER: ("var(--leader)", "diamond"),
    GROUP: ("var(--group)", "circle"),
    FRONT: ("var(--group)", "circle"),
    OTHER: ("var(--other)", "circle"),
    STOPPED: ("var(--stopped)", "cross"),
}


@dataclass(frozen=True)
class Roles:
    """Who stands out.

    Attributes:
        leaders: the leading trial, or all repeats of the leading point; none where several objectives are ranked.
        group: the trials of the leading group or of the Pareto front, the leaders among them.
        name: what the group is called.
        is_known: whether it was found out who belongs to it.
    """

    leaders: frozenset[int]
    group: frozenset[int]
    name: str
    is_known: bool = True

    def of(self, row: TrialRow) -> str:
        """The role of a trial."""
        if row.state is not TrialState.COMPLETE:
            return STOPPED
        if row.number in self.leaders:
            return LEADER
        return self.name if row.number in self.group else OTHER


def roles(report: SweepReport, ranked: Sequence[RankedRow]) -> Roles:
    """The roles by the sweep's findings; of several objectives by the Pareto front; without findings by rank 1."""
    best = [one.row for one in ranked if one.rank == 1 and one.row.state is TrialState.COMPLETE]
    if report.further:
        return Roles(frozenset(), frozenset(row.number for row in best), FRONT)
    findings = report.findings
    if findings.configurations is not None and findings.configurations.group:
        points = {one.row.number: point_of(one.row) for one in ranked}
        first, group = points[findings.configurations.group[0]], {points[n] for n in findings.configurations.group}
        return Roles(
            frozenset(number for number, point in points.items() if point == first),
            frozenset(number for number, point in points.items() if point in group),
            GROUP,
        )
    leader = findings.leader if findings.leader is not None else next((row.number for row in best), None)
    leaders = frozenset() if leader is None else frozenset({leader})
    return Roles(leaders, leaders | frozenset(findings.group), GROUP, is_known=bool(findings.group))
