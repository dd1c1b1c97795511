"""Tables of a run: what they count, and what they leave missing."""

from __future__ import annotations

import pytest

from reports import scores, tables, view, words


def test_exceptions_by_type_counts_each_arm(make_run):
    run = view.load(make_run(exceptions=200))
    table = tables.exceptions_by_type(run).set_index("type")
    exceptions = run.tables["truth/exceptions"]
    assert table["unmanaged"].sum() == 200
    assert table["managed"].sum() == 200
    assert table["unmanaged"].is_monotonic_decreasing
    assert table.loc["phantom_stock", "recall"] == 0.5
    assert table.loc["phantom_stock", "false_alarms"] == 4
    assert table.loc["phantom_stock", "cause"] == "physical discrepancy"
    assert not table.loc["phantom_stock", "announced"]
    stake = exceptions[exceptions["arm"] == "unmanaged"]["loss_at_stake"].sum()
    assert table["loss_at_stake"].sum() == pytest.approx(stake)


def test_an_absent_breakdown_is_missing_and_not_zero(make_run):
    run = view.load(make_run(exceptions=20))
    without = dict(run.tables) | {"breakdown": run.tables["breakdown"].iloc[:0]}
    table = tables.exceptions_by_type(view.View(run.folder, run.manifest, run.config, run.measures, without))
    assert table[["recall", "mttd_hours", "mttr_hours", "false_alarms"]].isna().all(axis=None)


def test_actions_are_counted_by_outcome(make_run):
    run = view.load(make_run(exceptions=200))
    table = tables.actions_by_kind(run)
    assert (table["done"] + table["refused"] == table["total"]).all()
    assert table["total"].sum() == len(run.of_arm("actions"))
    assert (table["units"] == 2 * table["total"]).all()
    assert tables.refusals(run)["number"].sum() == table["refused"].sum()


def test_breakdowns_are_one_row_a_key(make_run):
    run = view.load(make_run(exceptions=20))
    assert tables.broken_down(run, "queue").to_dict("records") == [{"key": "inventory_control", "queue.backlog": 3.5}]
    assert tables.broken_down(run, "decoy").empty


def test_assumptions_name_what_no_source_gives(make_run):
    table = tables.assumptions(view.load(make_run(exceptions=0))).set_index("key")
    assert list(table.index) == ["costs.promise_penalty", "faults.late_asn.rate", "sim.flows.paying._PATIENCE"]
    assert table.loc["sim.flows.paying._PATIENCE", "value"] == "2"
    assert list(table.loc["faults.late_asn.rate", ["value", "low", "high"]]) == ["0.06", "0.03", "0.1"]


def test_groups_show_every_measure_once(make_run):
    run = view.load(make_run(exceptions=10))
    cells = [cell for group in scores.groups(run) for row in group.rows for cell in row.cells]
    assert sum(bool(cell.text) for cell in cells) == len(run.measures)
    assert all(cell.reason for cell in cells if cell.text == words.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.4314, "share", "43.1%"),
        (1.0, "share", "100%"),
        (0.0, "share", "0.0%"),
        (-0.05, "share", "-5.0%"),
        (0.25, "hours", "15 min"),
        (17.31, "hours", "17.3 h"),
        (131.0, "hours", "5.5 d"),
        (float("inf"), "hours", "never"),
        (1234567.8, "value", "1,234,568"),
        (0.0343, "alarms/location-day", "0.034"),
        (3.0, "dozens", "3 dozens"),
        (0.8125, "score", "0.812"),
        (90.0, "minutes", "90 min"),
        (None, "share", "n/a"),
        (float("nan"), "hours", "n/a"),
    ],
)
def test_quantities_are_written_as_a_person_would(value, unit, expected):
    assert words.quantity(value, unit).replace("\u00a0", " ") == expected
