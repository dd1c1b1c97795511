"""Measures: pure functions of a run folder, so that they can be computed months after the run.

``score(reader)`` gives the scorecard and the breakdowns of one run; ``combine(scorecards)`` that of
several replications. Each measure has a unit and an interval, and where it cannot be computed it
has no value but a reason: never a silent 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenarios.measures.card import Scorecard
    from scenarios.reader import RunReader


def score(reader: RunReader) -> Scorecard:
    """The scorecard of one run folder, complete or still being written (``RunWriter.reader()``)."""
    from scenarios.measures.scoring import score as compute

    return compute(reader)


def combine(scorecards: Sequence[Scorecard]) -> Scorecard:
    """One scorecard over the replications of a run: means with t intervals, recovery as a ratio of sums."""
    from scenarios.measures.replications import combine as compute

    return compute(scorecards)
