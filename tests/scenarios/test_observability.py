"""What poor integration discipline costs, step by step: the same worlds, with ever fewer ids and ever less telemetry.

Losses touch no goods, no book and no draw, so every step has the same faults, and what differs is what the operator
makes of what it still sees. Asked are the faults that happen between systems; goods and records have other witnesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import pytest

from scenarios.compose import compose
from sim.clock import DAY, HOUR
from tests.detection.closed_loop import Operated, operate

SIZE = ("world.stores=4", "world.items=60", "world.regions=1", "world.suppliers=8", "world.days=10",
        "faults.dropped_message.rate=0.006", "faults.duplicate_message.rate=0.006", "faults.unit_of_measure.rate=0.3")
SEEDS = (1, 2)
STEPS = (0.0, 0.3, 0.6, 0.9)
#: What names an exception of each type.
SUBJECTS = {
    "dropped_message": ("interface", "location", "sequence"),
    "duplicate_message": ("interface", "location", "sequence"),
    "posting_lag": ("interface", "document_id"),
    "unit_of_measure": ("item",),
}
#: Hours after which an exception counts as not restored.
_UNTIL = 72 * HOUR


@dataclass(frozen=True)
class Cost:
    """What an operator made of the worlds of a step.

    Attributes:
        exceptions: how many there were.
        recall: share of them that it reported.
        right: share of its reports that name an exception by its type.
        hours: mean hours until an exception was restored, at most three days.
    """

    exceptions: int
    recall: float
    right: float
    hours: float


@cache
def _operated(seed: int, correlation: float, telemetry: float) -> Operated:
    words = (f"middleware.correlation_loss={correlation}", f"middleware.telemetry_loss={telemetry}")
    return operate(compose(["scenario=observability", *SIZE, *words]), seed)


def cost(correlation: float, telemetry: float) -> Cost:
    """Over the seeds, for exceptions that opened a day before the end or earlier."""
    found, right, hours = [], [], []
    for seed in SEEDS:
        operated = _operated(seed, correlation, telemetry)
        end = operated.played.end
        for name, subject in SUBJECTS.items():
            exceptions, alerts = operated.played.exceptions(name), operated.alerts(name)
            there = set(zip(*(exceptions[column] for column in subject), strict=True))
            said = set(zip(*(alerts[column] for column in subject), strict=True))
            right += [report in there for report in said]
            early = exceptions[exceptions.opened_at < end - DAY]
            found += [key in said for key in zip(*(early[column] for column in subject), strict=True)]
            until = early.restored_at.where(early.restored_at != -1, end)
            hours += ((until - early.opened_at).clip(upper=_UNTIL) / HOUR).tolist()
    return Cost(len(found), sum(found) / len(found), sum(right) / len(right), sum(hours) / len(hours))


def test_every_step_costs_recall_and_time_to_restore() -> None:
    steps = [cost(share, share) for share in STEPS]
    for share, step in zip(STEPS, steps, strict=True):
        print(f"loss {share}: recall {step.recall:.3f} right {step.right:.3f} hours {step.hours:.1f} "  # noqa: T201
              f"of {step.exceptions}")
    # What is repaired in time fails less often again: the same faults, and nearly the same exceptions.
    assert max(step.exceptions for step in steps) < 1.05 * min(step.exceptions for step in steps)
    assert steps[0].exceptions > 90
    for less, more in pairwise(steps):
        # Two standard errors of a share of a hundred are a tenth.
        assert more.recall < less.recall - 0.1
        assert more.hours > less.hours + 3.0
    assert steps[0].recall > 0.95
    assert steps[3].recall < 0.4


def test_every_step_makes_more_diagnoses_wrong() -> None:
    """What was booked in another unit, or answers another's line, looks late: alarms that are none."""
    right = [cost(share, share).right for share in STEPS]
    assert right[0] > 0.95
    assert all(more < less - 0.03 for less, more in pairwise(right))
    assert right[3] < 0.7
    # It is the ids that tell what a posting answers.
    assert cost(0.9, 0.0).right < right[0] - 0.05


def test_ids_and_telemetry_each_cost_what_only_they_tell() -> None:
    whole, no_ids, no_telemetry = cost(0.0, 0.0), cost(0.9, 0.0), cost(0.0, 0.9)
    for step in (no_ids, no_telemetry):
        assert step.recall < whole.recall - 0.1
        assert step.hours > whole.hours + 3.0
    # Tills post no rows: what was dropped there is known by gaps alone.
    assert no_telemetry.recall < no_ids.recall - 0.1


@pytest.mark.parametrize("share", STEPS[1:])
def test_what_is_lost_changes_nothing_but_what_is_seen(share: float) -> None:
    """Until somebody acts on it: the clean look and the poor one begin with the same faults."""
    whole, poor = _operated(1, 0.0, 0.0).played.faults(), _operated(1, share, share).played.faults()
    first_day = whole.onset.min() + DAY
    early = [set(frame.fault_id[(frame.onset < first_day) & (frame.type != "repair")]) for frame in (whole, poor)]
    assert early[0] == early[1]
    assert early[0]
