"""The dock: trucks without advice, cartons nobody knows, receipts that differ, and wrong conversions."""

from __future__ import annotations

from typing import Any

import pytest

from sim.clock import DAY, HOUR, MINUTE
from sim.config import Config
from sim.events import DOCUMENT_TYPE, NULL, STATUS
from sim.ledger import Belief
from sim.systems import packing
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config


def _config(days: int = 9, **rates: float) -> Config:
    config = quiet_config(stores=4, items=30, days=days, **rates)
    config.world.daily_units = 3.0
    config.replenishment.dc_review_days = 1
    return config


def _on(status: str, kind: str, **more: Any) -> Watcher:
    """Answers each receipt line of a status by one action on it."""

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["status"] != STATUS[status] or row["location"] != 0:
            return None
        return {"kind": kind, "document_id": row["document_id"], "item": row["item"], "location": 0} | more

    return Watcher(answer, ("receiving",))


def _named(played: Played, type_name: str) -> list[tuple[int, int]]:
    exceptions = played.exceptions(type_name)
    return list(zip(exceptions.document_id, exceptions["item"], strict=True))


# -- carton_mismatch -------------------------------------------------------------------------------


def test_an_unknown_carton_is_parked_and_in_no_book():
    played = play(_config(carton_mismatch=0.3))
    rows = played.of("receiving")
    parked = rows[rows.status == STATUS["unknown_carton"]]
    assert len(parked) > 8
    assert (parked.quantity == NULL).all()
    assert (parked.sequence == NULL).all()
    assert not set(parked.carton) & set(played.of("advising").carton)
    known = rows[(rows.location == 0) & (rows.status == STATUS["accepted"])]
    assert set(known.carton) <= set(played.of("advising").carton)
    exceptions = played.exceptions("carton_mismatch")
    assert sorted(_named(played, "carton_mismatch")) == sorted(zip(parked.document_id, parked["item"], strict=True))
    assert exceptions.announced.all()
    assert exceptions.first_evidence_at.tolist() == [
        parked[(parked.document_id == d) & (parked["item"] == i)].available_at.iloc[0]
        for d, i in _named(played, "carton_mismatch")
    ]
    assert (exceptions.restored_at == -1).all()
    links = {fault for _, fault in played.lineage()}
    assert set(played.faults("carton_mismatch").fault_id) >= links > set()


def test_relinking_receives_a_parked_carton():
    played = play(_config(carton_mismatch=0.3), watcher=_on("unknown_carton", "relink"))
    exceptions = played.exceptions("carton_mismatch")
    asked = {a.action_id: (a.document_id, a.item) for a in played.watcher.asked}
    assert len(exceptions) > 8
    assert [asked[by] for by in exceptions.restored_by] == _named(played, "carton_mismatch")
    rows = played.of("receiving")
    cartons = rows[rows.status == STATUS["unknown_carton"]].carton
    received = rows[(rows.status == STATUS["accepted"]) & rows.carton.isin(cartons)]
    assert set(received.carton) == set(cartons)
    assert not len(played.wrong_repairs())


def test_every_parked_carton_of_a_line_can_be_relinked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "_CASES_PER_CARTON", 1)
    played = play(_config(carton_mismatch=0.7), watcher=_on("unknown_carton", "relink"))
    exceptions = played.exceptions("carton_mismatch")
    assert exceptions.duplicated(["document_id", "item"]).any()
    assert (exceptions.restored_by != -1).all()


@pytest.mark.parametrize("kind", ["claim", "post_receipt", "trace"])
def test_the_wrong_remedy_of_an_unknown_carton_is_refused(kind: str):
    played = play(_config(carton_mismatch=0.3), watcher=_on("unknown_carton", kind))
    assert "" not in set(played.outcomes().values())
    assert (played.exceptions("carton_mismatch").restored_at == -1).all()


# -- receiving_variance ----------------------------------------------------------------------------


def test_a_receipt_that_differs():
    played = play(_config(receiving_variance=0.3), seed=2)
    rows, advised = played.of("receiving"), played.of("advising").set_index("carton").quantity
    varied = rows[rows.status == STATUS["variance"]]
    assert len(varied) > 8
    assert (varied.quantity.to_numpy() != advised.loc[varied.carton].to_numpy()).all()
    same = rows[rows.status == STATUS["accepted"]]
    same = same[same.location == 0]
    assert (same.quantity.to_numpy() == advised.loc[same.carton].to_numpy()).all()
    exceptions, faults = played.exceptions("receiving_variance"), played.faults().set_index("number")
    assert sorted(_named(played, "receiving_variance")) == sorted(zip(varied.document_id, varied["item"], strict=True))
    units = {(d, i): n for d, i, n in zip(varied.document_id, varied["item"], advised.loc[varied.carton].to_numpy()
                                         - varied.quantity.to_numpy(), strict=True)}
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        assert fault.units == units[exception.document_id, exception.item]
        assert fault.fault_id in {linked for _, linked in played.lineage()}
    # Short and over; ERP still waits for the rest.
    assert min(units.values()) < 0 < max(units.values())
    entries = played.entries()
    assert set(entries.belief) == {Belief.ERP_ON_ORDER}
    assert (exceptions.restored_at == -1).all()


def test_a_claim_closes_the_rest():
    played = play(_config(receiving_variance=0.3), watcher=_on("variance", "claim"))
    exceptions = played.exceptions("receiving_variance")
    exceptions = exceptions[exceptions.opened_at < played.end - 5 * HOUR]
    asked = {a.action_id: (a.document_id, a.item) for a in played.watcher.asked}
    assert len(exceptions) > 8
    assert [asked[by] for by in exceptions.restored_by] == list(
        zip(exceptions.document_id, exceptions["item"], strict=True))
    assert not len(played.wrong_repairs())


def test_two_claims_of_one_line_close_both(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "_CASES_PER_CARTON", 1)
    played = play(_config(receiving_variance=0.7), watcher=_on("variance", "claim"))
    exceptions = played.exceptions("receiving_variance")
    assert exceptions.duplicated(["document_id", "item"]).any()
    assert (exceptions[exceptions.opened_at < played.end - 5 * HOUR].restored_by != -1).all()


def test_adjusting_stock_does_not_mend_an_order_line():
    """The stock is right: what is wrong is what ERP still waits for."""
    watcher = _on("variance", "adjust", units=3, system=int(Belief.ERP_ON_HAND))
    played = play(acting_alone(_config(receiving_variance=0.3)), watcher=watcher)
    assert (played.exceptions("receiving_variance").restored_at == -1).all()
    wrong = played.wrong_repairs()
    assert len(wrong) == len(watcher.asked) > 8
    assert set(wrong.units) == {3}


def test_an_adjustment_without_approval_is_refused_whatever_the_operator_says_of_itself():
    watcher = _on("variance", "adjust", units=3, system=int(Belief.ERP_ON_HAND), rule="unrestricted")
    played = play(_config(receiving_variance=0.3), watcher=watcher)
    assert set(played.outcomes().values()) == {"an adjustment needs a person's approval"}
    assert not len(played.wrong_repairs())


# -- late_asn --------------------------------------------------------------------------------------


def _waiting_trucks(kind: str) -> Watcher:
    """Acts on each truck that came before its advice."""
    advised: set[int] = set()

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["carton"] != NULL:
            advised.add(row["document_id"])
            return None
        if row["document_type"] != DOCUMENT_TYPE["asn"] or row["document_id"] in advised:
            return None
        return {"kind": kind, "document_id": row["document_id"], "item": 0, "location": 0}

    return Watcher(answer, ("advising", "arriving"))


def test_a_truck_without_advice_waits():
    played = play(_config(late_asn=0.4))
    exceptions, advising, receiving = played.exceptions("late_asn"), played.of("advising"), played.of("receiving")
    assert len(exceptions) > 5
    arrivals = played.of("arriving").set_index("document_id")
    for exception in exceptions.itertuples():
        arrival = arrivals.loc[exception.document_id]
        assert exception.opened_at == arrival.occurred_at
        assert exception.first_evidence_at == arrival.available_at
        advice = advising[advising.document_id == exception.document_id]
        receipt = receiving[receiving.parent_document_id == exception.document_id]
        assert (advice.available_at > arrival.available_at).all()
        if len(receipt):
            assert (receipt.occurred_at >= advice.occurred_at.max()).all()
            assert exception.restored_at > 0
        else:
            assert exception.restored_at == -1
    assert 0 < (exceptions.restored_at == -1).sum() < len(exceptions)
    # Trucks with advice are none.
    on_time = arrivals[(arrivals.document_type == DOCUMENT_TYPE["asn"]) & ~arrivals.index.isin(exceptions.document_id)]
    assert len(on_time) > 5
    first = advising.groupby("document_id").available_at.max()
    assert (first.loc[on_time.index] < on_time.available_at).all()


def test_receiving_blind_frees_the_truck():
    played = play(_config(late_asn=0.4), watcher=_waiting_trucks("post_receipt"))
    exceptions = played.exceptions("late_asn")
    exceptions = exceptions[exceptions.opened_at < played.end - 6 * HOUR]
    asked = {a.action_id: a.document_id for a in played.watcher.asked}
    assert len(exceptions) > 5
    done = exceptions[exceptions.restored_by != -1]
    assert len(done) == len(exceptions)
    assert [asked[by] for by in done.restored_by] == done.document_id.tolist()
    blind = played.of("receiving")
    blind = blind[blind.status == STATUS["blind"]]
    assert set(done.document_id) <= set(blind.parent_document_id)
    assert not len(played.wrong_repairs())


@pytest.mark.parametrize("kind", ["relink", "claim", "trace"])
def test_the_wrong_remedy_of_a_waiting_truck_is_refused(kind: str):
    played = play(_config(late_asn=0.4), watcher=_waiting_trucks(kind))
    assert len(played.watcher.asked) > 5
    assert "" not in set(played.outcomes().values())
    assert (played.exceptions("late_asn").restored_by == -1).all()


# -- unit_of_measure -------------------------------------------------------------------------------


def _converting(kind: str, again_after: int = 1000 * DAY, **more: Any) -> Watcher:
    """Compares what the DC received with what ERP posted, and acts on an item in a whole ratio: once, or after days."""
    received: dict[int, dict[str, Any]] = {}
    done: dict[int, int] = {}

    def answer(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        if row["location"] != 0 or row["document_type"] != DOCUMENT_TYPE["receipt"] or row["sequence"] == NULL:
            return None
        if row["latency_ms"] == NULL:
            received[row["sequence"]] = row
            return None
        source = received.get(row["sequence"])
        last = done.get(row["item"], -again_after)
        if source is None or source["quantity"] == row["quantity"] or now - last < again_after:
            return None
        done[row["item"]] = now
        return {"kind": kind, "location": 0, "item": row["item"]} | more

    return Watcher(answer, ("receiving", "posting"))


def test_a_wrong_conversion_books_cases_for_eaches():
    played = play(_config(days=12, unit_of_measure=0.9))
    exceptions, case = played.exceptions("unit_of_measure"), played.world.room.catalogue.case
    assert len(exceptions) > 3
    receiving = played.of("receiving").set_index("sequence")
    receiving = receiving[receiving.location == 0]
    postings = played.of("posting")
    postings = postings[postings.document_type == DOCUMENT_TYPE["receipt"]]
    wrong = [p for p in postings.itertuples() if receiving.loc[p.sequence].quantity != p.quantity]
    assert {p._asdict()["item"] for p in wrong} == set(exceptions["item"])
    for posting in wrong:
        source = receiving.loc[posting.sequence]
        assert posting.quantity == max(1, source.quantity // case[source["item"]])
    assert (exceptions.location == 0).all()
    assert (exceptions.restored_at == -1).all()
    links = {fault for _, fault in played.lineage()}
    faults = played.faults().set_index("number")
    assert {faults.loc[n[0]].fault_id for n in exceptions.faults} == links


def test_fixing_the_conversion_reverses_and_posts_again():
    played = play(_config(days=12, unit_of_measure=0.9), watcher=_converting("fix_conversion"))
    exceptions = played.exceptions("unit_of_measure")
    exceptions = exceptions[exceptions.opened_at < played.end - 6 * HOUR]
    asked = {a.action_id: a.item for a in played.watcher.asked}
    assert len(exceptions) > 3
    assert [asked[by] for by in exceptions.restored_by] == exceptions["item"].tolist()
    assert not len(played.wrong_repairs())


def test_a_conversion_that_goes_wrong_again_after_it_was_fixed_is_a_fault_of_its_own():
    config = _config(days=20, unit_of_measure=0.95)
    # Conversions are drawn in slots of four weeks: one ends on the tenth day of the usual calendar.
    played = play(config, watcher=_converting("fix_conversion", again_after=DAY))
    exceptions = played.exceptions("unit_of_measure")
    twice = exceptions[exceptions.duplicated("item", keep=False)]
    assert twice["item"].nunique() > 1
    first, second = (twice.drop_duplicates("item", keep=keep).set_index("item").sort_index()
                     for keep in ("first", "last"))
    assert (first.faults.map(tuple) != second.faults.map(tuple)).all()
    assert (second.opened_at > first.restored_at).all()
    settled = second[second.opened_at < played.end - 2 * DAY]
    assert (settled.restored_by != -1).all()
    assert not len(played.wrong_repairs())


def test_aligning_the_books_leaves_the_conversion_wrong():
    """The units are right again and the next receipt goes wrong as before: not restored."""
    played = play(_config(days=12, unit_of_measure=0.9), watcher=_converting("resync", system=1))
    exceptions = played.exceptions("unit_of_measure")
    assert len(played.watcher.asked) > 3
    assert (exceptions.restored_at == -1).all()
    faults = played.faults("unit_of_measure").set_index("number")
    assert (faults.ended_at == -1).all()


def test_fixing_a_right_conversion_is_refused():
    day: list[int] = []

    def after(now: int) -> list[dict[str, Any]]:
        day.append(now)
        return [{"kind": "fix_conversion", "location": 0, "item": 3}] if len(day) == 50 else []

    played = play(_config(days=2), watcher=Watcher(after=after))
    assert list(played.outcomes().values()) == ["the conversion is right"]


def test_nothing_happens_on_a_healthy_dock():
    played = play(_config(days=5))
    assert not len(played.faults())
    assert not len(played.exceptions())
    receipts = played.of("receiving")
    assert set(receipts.status) == {STATUS["accepted"]}
    # Every receipt is put away, and posted within the service level.
    stored = played.of("storing")
    old = receipts[(receipts.location == 0) & (receipts.available_at < played.end - 3 * HOUR)]
    assert set(old.document_id) <= set(stored.document_id)
    due = receipts[(receipts.due_at > 0) & (receipts.due_at < played.end - 15 * MINUTE)]
    posted = played.of("posting").set_index(["interface", "location", "sequence"]).available_at
    keys = list(zip(due.interface, due.location, due.sequence, strict=True))
    assert len(keys) > 50
    assert (posted.loc[keys].to_numpy() <= due.due_at.to_numpy() + MINUTE).all()
    assert (posted.loc[keys].to_numpy() - due.occurred_at.to_numpy() < DAY).all()
