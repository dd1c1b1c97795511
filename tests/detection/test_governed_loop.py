"""Governance in a world with people: what is done once, what is kept, who reviews, what goes up and shows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from detection.layout import Layout
from detection.pipeline import build
from scenarios.operator_spec import operator_spec
from scenarios.schema import Experiment
from sim.clock import DAY, HOUR
from sim.config import Config
from sim.world import RegionWorld
from tests.detection.closed_loop import eager_config


def run(config: Config, times: int = 1, **policy: Any) -> tuple[RegionWorld, Any]:
    """A world whose operator's actions are delivered so many times, over again in the next step too."""
    experiment = Experiment(**{name: getattr(config, name) for name in vars(config)})
    for name, value in policy.items():
        setattr(experiment.policy, name, value)
    world = RegionWorld(experiment, 1, 0)
    vocabulary = world.room.vocabulary
    layout = Layout(vocabulary, config.world.opens, config.world.closes, "R1")
    operator = build(operator_spec(experiment, vocabulary.locations), layout, 1)
    late: list[Any] = []

    def step(now: int, rows: Any) -> list[Any]:
        nonlocal late
        actions = operator.step(now, rows)
        sent, late = [*late, *actions * max(1, times - 1)], actions if times > 1 else []
        return sent

    world.run(step)
    return world, operator


def events(operator: Any, *names: str) -> list[dict[str, Any]]:
    records = [json.loads(line)["record"] for line in operator.audit.lines()]
    return [record for record in records if record["event"] in names]


@pytest.mark.parametrize("policy", ["deterministic", "unrestricted"])
def test_an_action_delivered_three_times_changes_the_ledger_once(policy: str) -> None:
    config = eager_config(days=6, duplicate_message=0.004, dropped_message=0.004, shrink=0.05)
    once, first = run(config, 1, name=policy)
    thrice, _ = run(config, 3, name=policy)
    assert len(once.desk.log.action) > 5
    assert any(units for units in once.desk.log.delta_units)
    assert np.array_equal(once.room.ledger.belief, thrice.room.ledger.belief)
    assert once.stream_hash == thrice.stream_hash
    assert once.desk.log == thrice.desk.log
    assert len({action.action_id for action in thrice.desk.log.action}) == len(thrice.desk.log.action)
    assert len(events(first, "result")) == len(once.desk.log.action) - once.desk.log.outcome.count("pending")


def test_what_was_closed_long_ago_is_neither_remembered_nor_cited_and_stays_on_record() -> None:
    config = eager_config(days=20, duplicate_message=0.004)
    _, keeps = run(config)
    _, forgets = run(config, retention_days=14)
    kept, left = (len(one._desk.book.cases) for one in (keeps, forgets))
    assert left < kept
    horizon = config_end(config) - 14 * DAY
    tables = forgets.records()
    names = ("closed_at", "alerts", "type")
    for closed, alerts, kind in zip(*(tables["cases"][name] for name in names), strict=True):
        cited = [evidence for alert, evidence in
                 zip(tables["alerts"]["alert_id"], tables["alerts"]["evidence"], strict=True) if alert in alerts]
        if 0 < closed < horizon - DAY:
            assert not any(cited)
        elif closed > horizon:
            # Silence is an absence: no row tells of it.
            assert any(cited) or kind == "phantom_stock"
    old = keeps.records()
    assert sorted(tables["cases"]["case_id"]) == sorted(old["cases"]["case_id"])
    assert tables["actions"] == old["actions"]
    assert tables["calibration"] == old["calibration"]
    assert sum(record["cases"] for record in events(forgets, "forgotten")) == kept - left


def config_end(config: Config) -> int:
    from sim.clock import parse_date

    return int(parse_date(config.world.start)) + config.world.days * DAY


def test_at_a_release_its_interface_is_people_s_until_the_change_board_has_looked() -> None:
    config = eager_config(days=10, schema_drift=20.0, duplicate_message=0.01)
    _, operator = run(config)
    due, done = events(operator, "review_due"), events(operator, "reviewed")
    assert due
    assert done
    held = {(record["scope"], record["at"]) for record in done}
    assert {scope for scope, _ in held} <= {record["scope"] for record in due}
    asked = [record for record in events(operator, "action") if record["kind"] == "review"]
    assert {record["team"] for record in asked} == {"change_board"}
    assert any(record["rule"].startswith("review: upgrade not yet") for record in events(operator, "decision"))
    _, free = run(config, reviews=[])
    assert not events(free, "review_due", "reviewed")


def test_queues_fill_where_people_are_few_and_what_waits_too_long_goes_up_and_shows() -> None:
    config = eager_config(days=9, missing_disposition=0.5, rtv_gap=0.5)
    config.people.service_minutes_median = 3_000.0
    _, operator = run(config, escalate_hours=48.0)
    ups = [record for record in events(operator, "decision") if record["kind"] == "escalate"]
    assert ups
    assert {record["rule"] for record in ups} <= {"open past its threshold", "no remedy left"}
    opened = {record["case"]: record["at"] for record in events(operator, "opened")}
    for record in ups:
        assert record["at"] - opened[record["case"]] >= 48 * HOUR
    late = [record for record in ups if record["rule"] == "open past its threshold"]
    assert late
    # The threshold is that of the case and not of its latest step.
    assert all(record["at"] - opened[record["case"]] <= 49 * HOUR for record in late if record["severity"] == "low")
    config.people.service_minutes_median = 1.0
    _, quick = run(config, escalate_hours=48.0)
    assert len([r for r in events(quick, "decision") if r["kind"] == "escalate"]) < len(ups)
