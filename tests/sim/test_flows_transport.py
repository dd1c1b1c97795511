"""Trucks to the shops, and interfaces that go down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim.clock import DAY, HOUR, TICK
from sim.config import Config
from sim.events import CARRIERS, CODE, DOCUMENT_TYPE, INTERFACE, STATUS
from sim.ledger import Belief, Cause, Place
from sim.systems import tms
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config


def _trucks(**rates: float) -> Config:
    return quiet_config(stores=5, items=30, days=8, **rates)


# -- transfer_delay --------------------------------------------------------------------------------


def _missing(kind: str) -> Watcher:
    """Acts on each transfer that has left and is not there when it is due."""
    on_road: dict[int, dict[str, Any]] = {}

    def answer(row: dict[str, Any], _: int) -> None:
        if row["document_type"] != DOCUMENT_TYPE["transfer"]:
            return
        if row["location"] == 0:
            on_road[row["document_id"]] = row
        else:
            on_road.pop(row["document_id"], None)

    def after(now: int) -> list[dict[str, Any]]:
        late = [on_road.pop(document) for document, row in list(on_road.items()) if row["due_at"] + HOUR < now]
        return [{"kind": kind, "document_id": row["document_id"], "location": row["partner"], "item": 0}
                for row in late]

    return Watcher(answer, ("departing", "arriving"), after)


@pytest.fixture(scope="module")
def delayed() -> Played:
    return play(_trucks(transfer_delay=0.3))


def _of_form(played: Played, *, unconfirmed: bool) -> pd.DataFrame:
    """Exceptions of trucks that came late, or of those that came in time and were confirmed late."""
    faults, exceptions = played.faults("transfer_delay").set_index("number"), played.exceptions("transfer_delay")
    at_interface = np.array([faults.interface[behind[0]] == INTERFACE["store_erp"] for behind in exceptions.faults])
    return exceptions[at_interface == unconfirmed]


def test_a_delayed_truck_misses_its_service_level(delayed: Played):
    exceptions = delayed.exceptions("transfer_delay")
    late = _of_form(delayed, unconfirmed=False)
    assert len(late) > 4
    departing, arriving = delayed.of("departing"), delayed.of("arriving")
    due = departing.set_index("document_id").due_at
    assert (exceptions.opened_at.to_numpy() == due.loc[exceptions.document_id].to_numpy()).all()
    assert (exceptions.opened_at == exceptions.first_evidence_at).all()
    for exception in late.itertuples():
        arrival = arriving[arriving.document_id == exception.document_id]
        assert (arrival.occurred_at > exception.opened_at + 2 * HOUR - 1).all()
        assert bool(len(arrival)) == (exception.restored_at != -1)
    others = departing[~departing.document_id.isin(exceptions.document_id) & (departing.due_at < delayed.end)]
    on_time = arriving.set_index("document_id").occurred_at.loc[others.document_id]
    assert len(others) > 5
    assert (on_time.to_numpy() <= others.due_at.to_numpy()).all()


def test_goods_on_a_late_truck_are_in_no_shop(delayed: Played):
    exceptions, receiving = _of_form(delayed, unconfirmed=False), delayed.of("receiving")
    open_still = exceptions[exceptions.restored_at == -1]
    assert not set(open_still.document_id) & set(receiving.document_id)
    done = exceptions[exceptions.restored_at != -1]
    shipped, received = (rows.groupby("document_id").quantity.sum() for rows in (
        delayed.of("shipping"), receiving[receiving.document_type == DOCUMENT_TYPE["transfer"]]))
    arrived = [document for document in done.document_id if document in received.index]
    assert arrived
    assert shipped.loc[arrived].equals(received.loc[arrived])


def test_tracing_brings_a_truck_in(delayed: Played):
    played = play(_trucks(transfer_delay=0.3), watcher=_missing("trace"))
    exceptions = _of_form(played, unconfirmed=False)
    exceptions = exceptions[exceptions.opened_at < played.end - 6 * HOUR]
    asked = {a.action_id: a.document_id for a in played.watcher.asked}
    assert len(exceptions) > 4
    traced = exceptions[exceptions.restored_by != -1]
    assert len(traced) >= len(exceptions) - 1
    assert [asked[by] for by in traced.restored_by] == traced.document_id.tolist()
    assert (exceptions.restored_at - exceptions.opened_at < 6 * HOUR).all()
    before = _of_form(delayed, unconfirmed=False)
    waited = (before.restored_at - before.opened_at)[before.restored_at != -1]
    assert waited.median() > 12 * HOUR
    links, faults = played.lineage(), played.faults().set_index("number").fault_id
    assert {(e.restored_by, faults.loc[e.faults[0]]) for e in traced.itertuples()} <= links


@pytest.fixture(scope="module")
def unconfirmed() -> Played:
    return play(_unconfirmed())


def _unconfirmed() -> Config:
    config = quiet_config(stores=8, items=20, days=10, transfer_delay=0.9)
    config.faults.transfer_delay.hours = 20.0
    return config


def test_goods_whose_confirmation_is_late_stand_in_the_shop_and_in_its_book_alone(unconfirmed: Played):
    """The shop's own book counts them at once; ERP's moves only after the confirmation, by what it says."""
    exceptions, departing = _of_form(unconfirmed, unconfirmed=True), unconfirmed.of("departing")
    done = exceptions[exceptions.restored_at != -1]
    assert len(done) > 4
    arriving, receiving, posting = (unconfirmed.of(name) for name in ("arriving", "receiving", "posting"))
    due = departing.set_index("document_id").due_at
    links, faults = unconfirmed.lineage(), unconfirmed.faults().set_index("number").fault_id
    for exception in done.itertuples():
        arrival = arriving[arriving.document_id == exception.document_id]
        receipt = receiving[receiving.document_id == exception.document_id]
        # It came in time, as the carrier says once it is told; that is two hours and more past its service level.
        assert (arrival.occurred_at <= due[exception.document_id]).all()
        assert (arrival.recorded_at >= due[exception.document_id] + 2 * HOUR).all()
        # Restored in the tick of the confirmation, the lines of which follow each other by seconds.
        assert (receipt.recorded_at > exception.restored_at - TICK).all()
        assert (posting[posting.document_id == exception.document_id].occurred_at > exception.restored_at - TICK).all()
        rows = {(event, faults[exception.faults[0]]) for event in (*arrival.event_id, *receipt.event_id)}
        assert len(arrival) == 1
        assert len(receipt)
        assert rows <= links
    shipped = unconfirmed.of("shipping").groupby("document_id").quantity.sum()
    received = receiving[receiving.document_type == DOCUMENT_TYPE["transfer"]].groupby("document_id").quantity.sum()
    assert shipped.loc[done.document_id].equals(received.loc[done.document_id])


def test_the_shop_sells_what_is_not_confirmed_yet():
    """Nothing else is in the shop: what its tills sell before the confirmation came on that truck."""
    world = RegionWorld(_unconfirmed(), 1, 0)
    seen: list[tuple[int, bool]] = []

    def after(_: int) -> list[dict[str, Any]]:
        ledger = world.room.ledger
        for held in world.region.unconfirmed.values():
            book, flying = (table[Belief.SITE_ON_HAND, held.cell] for table in (ledger.belief, ledger.in_flight))
            assert (book - flying == ledger.fact[0, held.cell]).all()
            erp = ledger.belief[Belief.ERP_ON_HAND, held.cell]
            seen.append((int(held.units.sum()), bool((erp + held.units <= book + 3).all())))
        return []

    watcher = Watcher(after=after)
    world.run(watcher.step)
    assert len(seen) > 50
    assert np.mean([behind for _, behind in seen]) > 0.9
    assert not world.region.unconfirmed or world.room.now >= world.room.calendar.end


def test_tracing_finds_a_truck_that_has_come_and_expediting_has_it_confirmed():
    asked_once: set[int] = set()
    missing = _missing("trace")

    def found(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        answer = missing.answer(row, now) if missing.answer is not None else None
        late = row["recorded_at"] > row["occurred_at"]
        if late and row["document_id"] not in asked_once:
            asked_once.add(row["document_id"])
            return {"kind": "expedite", "document_id": row["document_id"], "location": row["location"]}
        return answer

    played = play(_unconfirmed(), watcher=Watcher(found, ("departing", "arriving"), missing.after))
    exceptions = _of_form(played, unconfirmed=True)
    exceptions = exceptions[exceptions.opened_at < played.end - 6 * HOUR]
    kinds = {a.action_id: (a.kind, a.document_id) for a in played.watcher.asked}
    assert len(exceptions) > 4
    assert [kinds.get(by) for by in exceptions.restored_by] == [("expedite", d) for d in exceptions.document_id]
    assert (exceptions.restored_at - exceptions.opened_at < 3 * HOUR).all()
    links, faults = played.lineage(), played.faults().set_index("number").fault_id
    assert {(e.restored_by, faults[e.faults[0]]) for e in exceptions.itertuples()} <= links


def test_a_truck_on_the_road_has_no_confirmation_to_hurry(delayed: Played):
    played = play(_trucks(transfer_delay=0.3), watcher=_missing("expedite"))
    late = set(_of_form(delayed, unconfirmed=False).document_id)
    outcomes = played.outcomes()
    refused = {a.document_id for a in played.watcher.asked if outcomes.get(a.action_id)}
    assert refused
    assert refused == late & {a.document_id for a in played.watcher.asked}


def test_people_trace_a_truck_and_have_it_confirmed():
    config = _unconfirmed()
    config.people.service_minutes_median = 10.0
    config.faults.transfer_delay.hours = 90.0
    exceptions = _of_form(play(config), unconfirmed=True)
    done = exceptions[exceptions.restored_at != -1]
    assert len(done) > 4
    # A shop misses its truck after eight hours; people work by day.
    assert (done.restored_at - done.opened_at > 8 * HOUR).all()
    assert (done.restored_at - done.opened_at).median() < 24 * HOUR


@pytest.mark.parametrize("kind", ["post_receipt", "relink", "claim"])
def test_the_wrong_remedy_of_a_late_truck_is_refused(kind: str, delayed: Played):
    played = play(_trucks(transfer_delay=0.3), watcher=_missing(kind))
    assert len(played.watcher.asked) > 4
    assert "" not in set(played.outcomes().values())
    assert played.exceptions("transfer_delay").restored_at.tolist() == delayed.exceptions(
        "transfer_delay").restored_at.tolist()


def test_counting_for_a_late_truck_does_no_harm():
    """A count in the shop finds what is there: the goods are on the road and in nobody's book."""
    played = play(_trucks(transfer_delay=0.3), watcher=_missing("count"))
    assert set(played.outcomes().values()) == {""}
    assert not len(played.wrong_repairs())
    assert (played.exceptions("transfer_delay").restored_by == -1).all()


def test_every_row_of_a_truck_names_its_carrier(delayed: Played):
    rows = pd.concat([delayed.of(name) for name in ("departing", "arriving", "expecting")])
    rows = rows[rows.document_type == DOCUMENT_TYPE["transfer"]]
    assert len(rows) > 50
    assert set(rows.code) == {CODE[name] for name in CARRIERS}
    assert len(rows[["document_id", "code"]].drop_duplicates()) == rows.document_id.nunique()


def test_carriers_differ_in_lateness_and_together_keep_the_rate():
    """Against the binomial distribution of all, and a test of independence between carriers."""
    room, trucks = RegionWorld(_trucks(transfer_delay=0.2), 1, 0).room, 12_000
    late = np.zeros((len(CARRIERS), 2), int)
    hours: list[list[float]] = [[] for _ in CARRIERS]
    for transfer in range(trucks):
        location, day = 1 + transfer % 5, transfer // 5
        carrier = tms.carrier_of(room, transfer)
        late[carrier, int(tms.delay_fault(room, location, day, transfer, 1) >= 0)] += 1
        departure, arrival = tms.lane_times(room, 0, location, day, 0, transfer)
        hours[carrier].append((arrival - departure) / HOUR / tms.lane_hours(room, 0, location))
    assert stats.binomtest(int(late[:, 1].sum()), trucks, 0.2).pvalue > 1e-3
    assert stats.chi2_contingency(late).pvalue < 1e-6
    assert stats.kruskal(*hours).pvalue < 1e-6
    assert max(map(max, hours)) <= 2.0 + 1e-6


def test_no_truck_leaves_an_empty_dc():
    """The WMS's book promises goods that were lost in the DC: nothing is picked, and nothing is on order any more."""
    config = _trucks()
    world = RegionWorld(config, 1, 0)
    ledger, items = world.room.ledger, config.world.items

    def after(now: int) -> list[dict[str, Any]]:
        if now == world.room.calendar.start + 20 * HOUR:
            # As thieves would: the fact falls, every book stays, and the error is named.
            gone = ledger.fact[0, :items].copy()
            ledger.place[Place.BACKROOM, :items] -= gone
            ledger.fact[0, :items] -= gone
            ledger.ambient[Cause.SHRINK, :items] += gone
            world.room.figures["lost_units_physical"] += float(gone.sum())
        return []

    watcher = Watcher(after=after)
    world.run(watcher.step)
    played = Played(world, watcher)
    ordered = played.of("ordering")
    first = ordered[(ordered.document_type == DOCUMENT_TYPE["transfer"]) & (ordered.occurred_at < played.end - 7 * DAY)]
    assert len(first) > 5
    assert not set(first.document_id) & set(played.of("departing").document_id)
    assert (ledger.fact[2] >= 0).all()


# -- api_outage ------------------------------------------------------------------------------------


def _outages(attempts: int = 8, hours: float = 6.0) -> Config:
    config = quiet_config(stores=3, items=30, days=8, api_outage=60.0)
    config.faults.api_outage.hours = hours
    config.middleware.retry_max_attempts = attempts
    return config


def test_an_outage_retries_and_recovers():
    played = play(_outages())
    exceptions = played.exceptions("api_outage")
    assert len(exceptions) > 5
    retrying, recovered = played.of("retrying"), played.of("recovered")
    # An expired token is refused too, and no outage.
    retrying = retrying[retrying.code != CODE["401"]]
    assert set(retrying.code) == {CODE["503"], CODE["429"]}
    assert exceptions.announced.all()
    # A mailbox that is down says so by the hour too.
    probes = played.of("telemetry")
    probes = probes[(probes.status == STATUS["unavailable"]) & probes.interface.isin(played.world.region.mailboxes)]
    signs = pd.concat([retrying, probes])
    faults = played.faults("api_outage").set_index("number")
    assert len(faults) == len(exceptions)
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        tries = retrying[(retrying.interface == exception.interface) & (retrying.occurred_at >= exception.opened_at)]
        if exception.first_evidence_at != -1:
            mine = signs[(signs.interface == exception.interface) & (signs.occurred_at >= exception.opened_at)]
            assert exception.first_evidence_at == mine.available_at.min()
        if fault.ended_at != -1:
            assert fault.ended_at - fault.onset == pytest.approx(fault.magnitude * HOUR, abs=2)
            assert ((recovered.interface == exception.interface) & (recovered.occurred_at == fault.ended_at)).any()
            if (tries[tries.occurred_at < fault.ended_at].code == CODE["429"]).any():
                continue
            # Nothing is delivered while it is down; one that throttles lets some through.
            posted = played.of("posting")
            down = (posted.interface == exception.interface) & (posted.available_at > fault.onset + HOUR)
            assert not (down & (posted.occurred_at < fault.ended_at - HOUR)).any()


def test_what_waited_arrives_by_itself():
    played = play(_outages(hours=1.0))
    exceptions, faults = played.exceptions("api_outage"), played.faults("api_outage").set_index("number")
    over = [e for e in exceptions.itertuples() if 0 < faults.loc[e.faults[0]].ended_at < played.end - DAY]
    assert over
    assert all(e.restored_at != -1 and e.restored_by == -1 for e in over)
    assert not len(played.of("dead_letter"))


def _redriving() -> Watcher:
    return Watcher(lambda row, _: {"kind": "redrive", "interface": row["interface"]}, ("recovered",))


def test_dead_letters_wait_for_a_redrive():
    played = play(_outages(attempts=4))
    dead = played.of("dead_letter")
    assert len(dead) > 5
    assert set(dead.code) == {CODE["timeout"]}
    exceptions = played.exceptions("api_outage")
    stuck = {e.interface for e in exceptions.itertuples() if e.restored_at == -1 and e.opened_at < played.end - DAY}
    assert stuck
    assert stuck <= set(dead.interface)
    links, rows = {event for event, _ in played.lineage()}, set(dead.event_id)
    assert rows <= links


def test_a_redrive_after_recovery_delivers_them():
    played = play(_outages(attempts=4), watcher=_redriving())
    faults = played.faults("api_outage").set_index("number")
    exceptions = played.exceptions("api_outage")
    over = [e for e in exceptions.itertuples() if 0 < faults.loc[e.faults[0]].ended_at < played.end - DAY]
    asked = {a.action_id for a in played.watcher.asked}
    assert all(e.restored_at != -1 for e in over)
    assert sum(e.restored_by in asked for e in over) > 2
    done = [reason for reason in played.outcomes().values() if not reason]
    assert done
    assert set(played.outcomes().values()) <= {"", "no dead letters", "the interface is down"}


def test_a_letter_that_dies_again_is_another_row():
    """A redriven letter meets the next outage, and uses up all its tries once more."""
    config = _outages(attempts=2, hours=8.0)
    config.faults.api_outage.rate = 400.0
    dead = play(config, watcher=_redriving()).of("dead_letter")
    assert dead.duplicated(["interface", "location", "sequence"]).any()
    assert not dead.event_id.duplicated().any()


def test_the_usual_retries_outlast_a_short_outage_and_not_a_long_one():
    """Six attempts from two minutes on reach four and a half hours."""
    usual = Config().middleware.retry_max_attempts
    letters = []
    for hours in (2.0, 10.0):
        config = _outages(attempts=usual, hours=hours)
        config.faults.api_outage.sigma, config.faults.api_outage.rate = 0.01, 30.0
        letters.append(len(play(config).of("dead_letter")))
    assert letters[0] == 0
    assert letters[1] > 0


def test_a_redriven_letter_has_all_its_tries_again():
    """The second outage does not kill it at its first refusal."""
    config = _outages(attempts=2, hours=8.0)
    config.faults.api_outage.rate = 400.0
    played = play(config, watcher=_redriving())
    dead = played.of("dead_letter")
    assert set(dead.attempt) == {3}
    again = dead[dead.duplicated(["interface", "location", "sequence"])]
    assert len(again)
    links = played.lineage()
    faults = played.faults("api_outage").set_index("fault_id").onset
    behind = [{fault for event, fault in links if event == row.event_id} for row in again.itertuples()]
    # The outage that killed it first, and the one that killed it now.
    assert all(len(found & set(faults.index)) >= 2 for found in behind)


def test_a_redrive_while_it_is_down_is_refused():
    watcher = Watcher(lambda row, _: {"kind": "redrive", "interface": row["interface"]}, ("dead_letter",))
    played = play(_outages(attempts=3, hours=9.0), watcher=watcher)
    assert "the interface is down" in set(played.outcomes().values())
    assert (played.of("acting").status == STATUS["refused"]).any()


def test_adjusting_during_an_outage_is_a_wrong_repair():
    """ERP is behind, not wrong: setting its book to the site's puts it wrong once the backlog arrives."""
    adjust = {"kind": "adjust", "system": 1, "units": -1, "location": 1, "item": 0}
    watcher = Watcher(lambda *_: adjust, ("retrying",))
    played = play(acting_alone(_outages()), watcher=watcher)
    wrong = played.wrong_repairs()
    assert wrong.units.sum() == -len(watcher.asked)
    assert (played.exceptions("api_outage").restored_by == -1).all()
