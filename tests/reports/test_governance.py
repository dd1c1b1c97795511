"""Governance and queues of a folder that is small enough to count by hand, and what is said where nothing is there."""

from __future__ import annotations

import pandas as pd
import pytest

from reports import governance, governance_figures, governance_section, page, queues, queues_section, view
from tests.reports.governed import START, write_governed


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return view.load(write_governed(tmp_path_factory.mktemp("governed") / "run"))


def test_who_decides_is_counted_by_tier(run):
    table = governance.deciders(run).set_index("who")
    assert list(table.index) == ["machine", "integration", "store", "finance", "inventory_control"]
    assert table.loc["machine", ["critical", "high", "low", "total", "approved", "held"]].tolist() == [0, 1, 1, 2, 1, 0]
    assert table.loc["integration", ["critical", "total", "approved", "held"]].tolist() == [2, 2, 0, 2]
    assert table.loc["store", ["high", "low", "total", "approved", "held"]].tolist() == [1, 1, 2, 0, 1]
    assert table.loc["inventory_control", ["critical", "low", "total", "approved"]].tolist() == [0, 1, 1, 1]


def test_a_rule_that_kept_a_step_from_a_machine_is_not_the_policys_own(run):
    table = governance.rules(run).set_index("rule")["steps"].to_dict()
    assert table == {"is for people": 3, "is safe": 2, "confidence": 1, "severity": 1, "review upgrade": 1}
    days = governance.by_day(run)
    assert days.to_numpy().tolist() == [[1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 1, 2]]


def test_approvals_are_asked_given_refused_or_waiting(run):
    table = governance.approvals(run).set_index("role")
    names = ["asked", "given", "refused", "waiting", "overtaken"]
    assert table.loc["finance", names].tolist() == [2, 1, 0, 1, 1]
    assert table.loc["finance", ["median_hours", "oldest_hours"]].tolist() == [24.0, 24.0]
    assert table.loc["pricing", [*names, "median_hours"]].tolist() == [1, 1, 0, 0, 0, 6.0]
    assert table.loc["master_data", names].tolist() == [1, 0, 1, 0, 0]
    # The promotion was proposed in the name of a case that was closed by then: nothing overtook it.
    assert table.loc["inventory_control", names].tolist() == [1, 1, 0, 0, 0]
    assert table.loc["finance", "kinds"] == {"claim": 2}


def test_confidence_is_held_against_verdicts(run):
    table = governance.trust(run, "type").set_index("key")
    assert table.loc["phantom_stock", ["cases", "confirmed", "refuted"]].tolist() == [4, 1, 1]
    shares = ["confidence", "confirmed_share", "false_share"]
    assert table.loc["phantom_stock", shares].tolist() == pytest.approx([0.8, 0.5, 0.5])
    assert table.loc["posting_lag", shares].isna().all()
    assert table.loc["phantom_stock", "untrue_share"] == pytest.approx(0.25)
    # One of two in one shop and none of six in the other.
    assert governance.trust(run, "place").set_index("key").loc["store", "untrue_share"] == pytest.approx(1 / 8)
    assert governance.trust(run, "place").set_index("key")["cases"].to_dict() == {"store": 4, "no location": 1}


def test_what_is_allowed_is_followed_through_time(run):
    versions = governance.versions(run).set_index("version")
    assert versions.loc["m", ["cases", "trials", "lost"]].tolist() == [2, 2, 1]
    assert versions.loc["m.1", ["approved_by", "cases", "trials"]].tolist() == ["inventory_control", 3, 0]
    assert versions.loc["m", "until"] == versions.loc["m.1", "since"] == START + pd.Timedelta(hours=40)
    assert pd.isna(versions.loc["m.1", "until"])
    floors = governance.floors(run)
    assert floors["type"].tolist() == ["phantom_stock", "posting_lag"]
    assert floors["until"].tolist()[0] == START + pd.Timedelta(hours=48)
    assert floors["until"].isna().tolist() == [False, True]
    reviews = governance.reviews(run).iloc[0]
    # Interface b was announced at hour 26 and reviewed at hour 56; interface a touched no case.
    assert reviews[["change", "role", "announced", "asked", "reviewed", "median_hours", "held"]].tolist() == [
        "upgrade", "change_board", 2, 1, 1, 30.0, 1,
    ]  # fmt: skip
    assert governance.forgotten(run) == 3


def test_queues_age_with_what_is_open(run):
    table = queues.cases_by_team(run).set_index("team")
    # Ages of the store's: 24 and 12 hours closed, 60 and 42 open.
    names = ["cases", "open", "median_hours", "oldest_hours", "went_up"]
    assert table.loc["store", names].tolist() == [4, 2, 33.0, 60.0, 0]
    assert table.loc["store", "oldest_case"] == 2
    assert table.loc["store", "p90_hours"] == pytest.approx(42 + 0.7 * (60 - 42))
    assert table.loc["store", "waiting"] == pytest.approx((24 + 12 + 60 + 42) / 72)
    assert table.loc["integration", ["cases", "open", "oldest_hours", "went_up"]].tolist() == [1, 1, 24.0, 1]
    numbers, ages = queues.ages_by_day(run)
    assert numbers["store"].tolist() == [2, 2, 2]
    # At a midnight, what opens in that instant is open and what closes in it is closed.
    assert numbers["integration"].tolist() == [0, 1, 1]
    assert ages["store"].tolist() == [6.0, 27.0, 51.0]


def test_work_is_that_of_the_team_and_not_of_who_approved_it(run):
    table = queues.work_by_team(run).set_index("team")
    assert table.loc["inventory_control", ["steps", "done", "refused", "waiting"]].tolist() == [4, 2, 1, 1]
    assert table.loc["inventory_control", "step_minutes"] == 13 - 3 + 10
    assert table.loc["store", ["steps", "done", "waiting", "minutes"]].tolist() == [2, 1, 1, 40.0]
    assert table.loc["store", "utilisation"] == pytest.approx(40 / 300)
    assert pd.isna(table.loc["inventory_control", "utilisation"])
    assert "finance" not in table.index


def test_the_head_of_a_queue_says_what_comes_next(run):
    table = queues.heads_of_queues(run, 1).set_index("team")
    assert table.loc["store", ["case_id", "step", "waits_for", "evidence"]].tolist() == [5, "", "", 5]
    assert table.loc["integration", ["case_id", "step", "waits_for", "evidence"]].tolist() == [4, "claim", "finance", 4]


def test_the_sections_name_their_units_and_their_keys(run):
    section = governance_section.section(run)
    text = " ".join(section.sentences)
    assert "Of eight steps decided in four cases, 1 (12.5%) were taken by a machine alone" in text
    assert "Rules kept three steps" in text
    assert "for phantom stock, from the first day to 3 March 2026" in text
    assert "three cases closed longer ago" in text
    every = [*section.tables, *queues_section.section(run).tables]
    assert all(table.caption for table in every if table.rows)
    assert all(len(row) == len(table.columns) for table in every for row in table.rows)
    tiers = {row[0]: row for row in section.tables[0].rows}
    assert tiers["critical"][1:5] == ["5,000", "24.0\u00a0h", "people", "1"]
    assert tiers["medium"][3:] == ["as the policy says", "0", "0", "0", "–"]
    silent = {row[0]: row[2] for row in section.tables[2].rows}
    assert silent["outside the pilot scope"] == silent["a peak season is not reviewed yet"] == "0"
    assert section.missing == []


def test_what_a_run_does_not_hold_is_said_with_its_reason(tmp_path, make_run):
    nothing = view.load(make_run(exceptions=5))
    (reason,) = governance_section.section(nothing).missing
    assert reason == "Not applicable: no case of the managed arm came to a decision."
    alone = view.load(make_run(exceptions=5, arms=("unmanaged",)))
    assert "no managed arm" in governance_section.section(alone).missing[0]
    assert "no case of an operator is worked on" in queues_section.section(alone).missing[0]
    assert governance_figures.decisions(nothing) is governance_figures.ages(nothing) is None
    older = view.load(write_governed(tmp_path / "older", without=("governance", "actions", "truth/gauges")))
    section = governance_section.section(older)
    assert "Approvals: no step needed one." in section.missing
    assert "no table of changes of what is allowed" in section.missing[-1]
    assert queues.work_by_team(older).empty


def test_the_page_shows_both_sections(tmp_path):
    text = page.write(write_governed(tmp_path / "run")).read_text(encoding="utf-8")
    for anchor in ("governance", "queues"):
        assert f'<a href="#{anchor}">' in text
        assert f'<h2 id="{anchor}">' in text
    assert text.count("<svg") == 2
    assert "kept from the machine" in text
