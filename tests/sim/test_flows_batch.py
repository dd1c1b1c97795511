"""The nightly batch of legacy shops: control totals, failed jobs, and running them again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import DOCUMENT_TYPE, INTERFACE, NULL, SOURCE, STATUS
from sim.ledger import Belief
from tests.sim.small_world import Played, Watcher, play, quiet_config

BATCH = INTERFACE["pos_batch"]


def _config(rate: float = 0.0, days: int = 6, share: float = 1.0) -> Config:
    config = quiet_config(stores=4, items=20, days=days, batch_failure=rate)
    config.world.daily_units = 2.0
    config.middleware.legacy_share = share
    return config


def _rerun(statuses: tuple[str, ...] = ("missing", "partial")) -> Watcher:
    wanted = {STATUS[s] for s in statuses}

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["source"] != SOURCE["ERP"] or row["status"] not in wanted:
            return None
        return {"kind": "rerun", "location": row["location"], "document_id": row["document_id"]}

    return Watcher(answer, ("batching",))


def _sides(played: Played) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = played.of("batching")
    return rows[rows.source == SOURCE["POS"]], rows[rows.source == SOURCE["ERP"]]


@pytest.fixture(scope="module")
def failing() -> Played:
    return play(_config(0.5))


def test_a_healthy_night_has_totals_that_agree():
    played = play(_config())
    shop, erp = _sides(played)
    assert len(shop) == len(erp) == 4 * 5
    assert set(erp.status) == set(shop.status) == {STATUS["ok"]}
    both = shop.merge(erp, on=["location", "document_id"])
    assert len(both) == len(shop)
    assert (both.count_x == both.count_y).all()
    assert (both.quantity_x == both.quantity_y).all()
    assert (both.available_at_y <= both.due_at_y).all()
    assert set(shop.document_type) == {DOCUMENT_TYPE["batch"]}
    sold = played.of("retail_selling")
    first = played.world.room.calendar.start
    mine = sold[sold.occurred_at < first + DAY].groupby("location").quantity.agg(["size", "sum"])
    told = shop[shop.occurred_at < first + 2 * DAY].set_index("location")
    assert mine["size"].to_dict() == told["count"].to_dict()
    assert mine["sum"].to_dict() == told.quantity.to_dict()
    # ERP hears of nothing in trading hours, OMS of everything.
    traffic = played.of("telemetry")
    assert INTERFACE["pos_erp"] not in set(traffic.interface)
    assert set(traffic[traffic.interface == BATCH].occurred_at % DAY) <= {3 * HOUR, 4 * HOUR}
    assert not len(played.exceptions())


def test_only_a_share_of_the_shops_is_legacy_and_always_the_same():
    chosen = {tuple(play(_config(days=days, share=0.4), seed=3).world.region.batch.legacy) for days in (2, 3)}
    assert len(chosen) == 1
    assert 0 < sum(chosen.pop()) < 4


def test_a_failed_job_shows_in_the_totals(failing: Played):
    exceptions, (shop, erp) = failing.exceptions("batch_failure"), _sides(failing)
    assert len(exceptions) > 5
    assert exceptions.announced.all()
    bad = erp[erp.status != STATUS["ok"]]
    assert set(bad.status) == {STATUS["missing"], STATUS["partial"]}
    assert set(zip(bad.location, bad.document_id, strict=True)) == set(
        zip(exceptions.location, exceptions.document_id, strict=True))
    sent = shop.set_index("document_id")
    shown = bad.set_index("document_id")
    faults, links = failing.faults("batch_failure").set_index("number"), failing.lineage()
    for exception in exceptions.itertuples():
        row, fault = shown.loc[exception.document_id], faults.loc[exception.faults[0]]
        assert row["count"] == sent.loc[exception.document_id]["count"] - fault.magnitude
        assert exception.first_evidence_at == row.available_at
        assert (row.event_id, fault.fault_id) in links
        assert (row.status == STATUS["missing"]) == (row["count"] == 0)
    assert (exceptions.restored_at == -1).all()
    gauges = failing.world.room.gauges.columns()
    place = gauges["gauge"].index("legacy_handoff")
    assert (gauges["n"][place], gauges["total"][place]) == (len(shop), len(faults))


def test_what_a_failed_job_kept_back_is_not_in_erps_book(failing: Played):
    room = failing.world.room
    faults = failing.faults("batch_failure")
    waiting = failing.world.region.batch.in_flight(Belief.ERP_ON_HAND) - failing.world.region.batch.collected(
        Belief.ERP_ON_HAND)
    assert waiting.sum() == -faults.units.sum() > 0
    # No unit is an error: the identity holds by what is in flight.
    assert not len(failing.entries())
    assert (room.ledger.belief[Belief.OMS_ON_HAND] <= room.ledger.belief[Belief.ERP_ON_HAND]).all()


def test_running_it_again_restores():
    played = play(_config(0.5), watcher=_rerun())
    exceptions = played.exceptions("batch_failure")
    mine = exceptions[exceptions.opened_at < played.end - HOUR]
    asked = {a.action_id: (a.location, a.document_id) for a in played.watcher.asked}
    assert len(mine) > 5
    assert [asked[by] for by in mine.restored_by] == list(zip(mine.location, mine.document_id, strict=True))
    shop, erp = _sides(played)
    final = erp.drop_duplicates("document_id", keep="last").set_index("document_id")
    assert set(final.status) == {STATUS["ok"]}
    assert (final["count"] == shop.set_index("document_id")["count"].loc[final.index]).all()
    assert set(erp.attempt) == {1, 2}
    assert not len(played.wrong_repairs())
    links = played.lineage()
    faults = played.faults().set_index("number")
    assert {(e.restored_by, faults.loc[e.faults[0]].fault_id) for e in mine.itertuples()} <= links


@pytest.mark.parametrize(("kind", "reason"), [("redrive", "no dead letters"), ("replay", "a file goes as a whole")])
def test_other_remedies_do_nothing(kind: str, reason: str):
    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["status"] not in {STATUS["missing"], STATUS["partial"]}:
            return None
        return {"kind": kind, "location": row["location"], "interface": BATCH, "sequence": 3}

    played = play(_config(0.5), watcher=Watcher(answer, ("batching",)))
    assert set(played.outcomes().values()) == {reason}
    assert (played.exceptions("batch_failure").restored_at == -1).all()


def test_running_a_complete_job_again_is_refused_or_applied_twice_when_it_is_forgotten():
    config = _config()
    config.middleware.idempotency_days = 1
    old: list[dict[str, Any]] = []

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["source"] != SOURCE["ERP"] or row["attempt"] > 1:
            return None
        old.append(row)
        asked = {"kind": "rerun", "location": row["location"], "document_id": row["document_id"]}
        before = [r for r in old if r["location"] == row["location"]
                  and r["occurred_at"] < row["occurred_at"] - 1.2 * DAY]
        return asked | {"document_id": before[-1]["document_id"]} if before else asked

    played = play(config, watcher=Watcher(answer, ("batching",)))
    outcomes = played.outcomes()
    assert set(outcomes.values()) == {"", "the control totals agree"}
    done = {action for action, reason in outcomes.items() if not reason}
    wrong, faults = played.wrong_repairs(), played.faults("repair").set_index("number")
    blamed = set(faults.loc[wrong.fault].document_id)
    assert blamed
    assert blamed <= done
    assert set(wrong.belief) == {Belief.ERP_ON_HAND}
    shop = _sides(played)[0].set_index("document_id")
    first = next(a for a in played.watcher.asked if a.action_id == min(done))
    assert -wrong.units[wrong.fault.isin(faults[faults.document_id == first.action_id].index)].sum() == shop.loc[
        first.document_id].quantity


def test_people_run_it_again_within_two_days():
    config = _config(0.3, days=9)
    config.people.service_minutes_median = 15.0
    played = play(config)
    exceptions = played.exceptions("batch_failure")
    mine = exceptions[exceptions.opened_at < played.end - 3 * DAY]
    assert len(mine) > 3
    assert (mine.restored_at != -1).all()
    assert (mine.restored_at - mine.opened_at < 3 * DAY).all()
    assert (mine.restored_by == -1).all()
    assert set(played.world.manual.cases.type) >= {"batch_failure"}


def test_leaving_one_out_changes_nothing_before_it(failing: Played):
    faults = failing.faults("batch_failure").sort_values("onset")
    chosen = faults.iloc[len(faults) // 2]
    config = _config(0.5)
    config.faults.exclude = [int(chosen.fault_id)]
    twin = play(config)
    assert set(twin.faults("batch_failure").fault_id) == set(faults.fault_id) - {chosen.fault_id}
    before = [p.rows[p.rows.available_at < chosen.onset].reset_index(drop=True) for p in (failing, twin)]
    assert before[0].equals(before[1])
    shops = [p.rows[(p.rows.location != chosen.location) & (p.rows.location != NULL)] for p in (failing, twin)]
    same = [s[s.event_type == "batching"].reset_index(drop=True) for s in shops]
    assert same[0].equals(same[1])


def test_rows_of_a_night_are_told_in_order(failing: Played):
    shop, erp = _sides(failing)
    sent = shop.set_index("document_id").available_at
    assert (erp.available_at.to_numpy() > sent.loc[erp.document_id].to_numpy()).all()
    assert not np.isin(erp.event_id, shop.event_id).any()
