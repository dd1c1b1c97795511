"""An alert storm of ten thousand: few cases, and nothing is found, explained or put right the less for it.

At its own 20 shops the scenario brings some 2,200 signals in its four days; with 100 it brings ten thousand. The twin
is the same operator with a rule of storms that never applies: a case for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detection.pipeline import build
from scenarios.arms import identify, write_tables
from scenarios.compose import compose
from scenarios.loop import put_down
from scenarios.measures.detecting import Detection, detect
from scenarios.measures.run import DAY, Run, is_null
from scenarios.operator_spec import layout_of, operator_seed, operator_spec
from scenarios.reader import RunReader
from scenarios.record import RunWriter
from sim.world import RegionWorld

SIZE = ("scenario=integration_storm", "world.stores=100", "world.days=18", "record=summary", "seed=2")
#: Days on which the scenario's faults strike, and what tells of an interface.
FIRST, LAST = 10, 14
OF_INTERFACES = ("dropped_message", "duplicate_message", "posting_lag", "late_asn", "out_of_order", "batch_failure",
                 "api_outage", "schema_drift")
RAW_MIN, CASES_MAX = 10_000, 50


@dataclass(frozen=True)
class Storm:
    """What came of the four days.

    Attributes:
        signals, alerts: what the systems complained of, and what the operator alerted to of interfaces.
        cases: numbers of the cases that hold those alerts.
        family: the exceptions behind them: those of the types, and others that a fault of the types caused.
        found: which of the family were found or explained, by id.
        restored: share of the family that was put right, and the mean hours that it took.
    """

    signals: int
    alerts: int
    cases: int
    family: int
    found: frozenset[int]
    restored: tuple[float, float]

    @property
    def raw(self) -> int:
        return self.signals + self.alerts

    @property
    def share(self) -> float:
        return len(self.found) / self.family


def _storm(folder: Path, *words: str) -> Storm:
    """The managed arm of the scenario, by the operator as it comes but for ``words``."""
    experiment = compose([*SIZE, *words])
    world = RegionWorld(experiment, experiment.seed, 0)
    vocabulary = world.room.vocabulary
    operator = build(operator_spec(experiment, vocabulary.locations), layout_of(experiment, vocabulary, 0),
                     operator_seed(experiment.seed, 0))
    world.run(operator.step)
    operator.close()
    with RunWriter(folder) as writer:
        result = put_down(world, "managed", operator, writer.path("spill/x").parent)
        write_tables(writer, [result])
        for path in result.tables.values():
            path.unlink()
        writer.write_text("audit.jsonl", "".join(f"{line}\n" for line in result.audit))
        identify(experiment, writer, [result], ("managed",))
    run = Run(RunReader(folder))
    found = detect(run, "managed", run.of_operator("alerts", "managed"), run.of_operator("cases", "managed"))
    return _measured(run, found)


def _measured(run: Run, found: Detection) -> Storm:
    begin, _ = run.horizon

    def of_storm(at: pd.Series[Any]) -> pd.Series[Any]:
        # What was lost before midnight is found after it.
        return (at >= begin + FIRST * DAY) & (at < begin + (LAST + 1) * DAY)

    signals, alerts, judged = run.table("signals", "managed"), found.alerts, found.judged
    told = alerts[alerts["type"].isin(OF_INTERFACES) & of_storm(alerts["raised_at"])]
    holds = [bool(np.isin(ids, told["alert_id"]).any()) for ids in found.cases["alerts"]]
    family = judged[of_storm(judged["opened_at"]) & judged["fault_type"].isin(OF_INTERFACES)]
    hit = family[family["found"] | family["explained"]]
    right = family[~is_null(family["restored_at"]) & (family["restored_at"] >= 0)]
    hours = (right["restored_at"] - right["opened_at"]).mean() / 3.6e9
    return Storm(
        signals=int(signals.loc[of_storm(signals["hour"]), "count"].sum()), alerts=len(told), cases=sum(holds),
        family=len(family), found=frozenset(hit["exception_id"]), restored=(len(right) / len(family), hours),
    )


@pytest.mark.campaign
def test_ten_thousand_raw_alerts_become_fifty_cases_and_lose_nothing(tmp_path: Path):
    storm = _storm(tmp_path / "storm")
    each = _storm(tmp_path / "each", "policy.storm_alerts=1000000000")
    for name, one in (("by the rule of storms", storm), ("a case for each", each)):
        print(f"\n{' '.join(SIZE)}, {name}: {one.signals:,} signals and {one.alerts:,} alerts in {one.cases:,} cases, "  # noqa: T201 - a campaign reports
              f"{one.raw / one.cases:.0f} to one; {len(one.found):,} of {one.family:,} exceptions found or explained "
              f"({one.share:.1%}), {one.restored[0]:.1%} put right in {one.restored[1]:.1f} h")
    assert storm.raw >= RAW_MIN
    assert storm.cases <= CASES_MAX < each.cases
    assert storm.share >= 0.95
    assert storm.found >= each.found
    assert storm.restored[0] >= each.restored[0] - 0.005
    assert storm.restored[1] <= each.restored[1] * 1.02
