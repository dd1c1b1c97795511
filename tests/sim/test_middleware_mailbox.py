"""What suppliers send waits in a mailbox while its interface is down, or while nobody understands it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, STATUS
from sim.middleware.routing import MAPPINGS
from tests.sim.small_world import Played, Watcher, play, quiet_config

ASN, INVOICE = DOCUMENT_TYPE["asn"], DOCUMENT_TYPE["invoice"]


def _config(**rates: float) -> Config:
    config = quiet_config(stores=2, items=30, days=13, **rates)
    config.world.daily_units = 2.0
    return config


def _down(name: str, hours: float = 14.0) -> Played:
    """A world in which one interface is down again and again."""
    config = _config(api_outage=250.0)
    config.faults.api_outage.hours, config.faults.api_outage.sigma = hours, 0.01
    config.faults.api_outage.only = [name]
    return play(config)


def _drifted(name: str, watcher: Watcher | None = None) -> Played:
    """A world in which releases break what one interface understands, and no other has any."""
    config = _config(schema_drift=10.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.flows.maintaining.MAPPINGS", tuple(pair for pair in MAPPINGS if pair[0] == name))
        return play(config, watcher=watcher)


@pytest.fixture(scope="module")
def healthy() -> Played:
    return play(_config())


@pytest.fixture(scope="module")
def down() -> Played:
    return _down("edi_wms")


def _read_at(played: Played, event_type: str) -> dict[int, int]:
    """When each document was read."""
    rows = played.of(event_type)
    return {int(k): int(v) for k, v in rows.groupby("document_id").occurred_at.min().items()}


def _delays(played: Played, healthy: Played, event_type: str, longer_than: int) -> set[int]:
    """Documents of the first days that the twin had earlier by so much; none is earlier."""
    usual, now = _read_at(healthy, event_type), _read_at(played, event_type)
    shared = [document for document in now if document in usual]
    assert all(now[document] >= usual[document] for document in shared)
    return {document for document in shared if now[document] - usual[document] > longer_than}


def test_a_letter_waits_for_the_end_of_an_outage_and_its_sender_is_told(down: Played, healthy: Played):
    faults = down.faults("api_outage")
    assert set(faults.interface) == {INTERFACE["edi_wms"]}
    delayed = _delays(down, healthy, "advising", 10 * 60 * 1_000_000)
    assert len(delayed) > 4
    spans = list(zip(faults.onset, faults.ended_at, strict=True))
    read = _read_at(down, "advising")
    usual = _read_at(healthy, "advising")
    for document in delayed:
        assert any(onset <= usual[document] < until for onset, until in spans)
    # A 997 answers each that was read, when it was, and no other.
    told = down.of("acknowledging")
    told = told[told.document_type == ASN]
    assert set(told.status) == {STATUS["accepted"]}
    assert dict(zip(told.document_id, told.occurred_at, strict=True)) == read
    assert not down.rows.event_id.duplicated().any()
    retried = down.of("retrying")
    # The gateway's tokens expire all the time.
    assert set(retried.interface) == {INTERFACE["edi_wms"], INTERFACE["web_oms"]}


def test_a_truck_that_comes_before_what_the_outage_keeps_is_the_outages_exception(down: Played):
    late = down.exceptions("late_asn")
    assert len(late) > 2
    assert set(late.fault_type) == {"api_outage"}
    arrived = down.of("arriving")
    arrived = arrived[arrived.document_type == ASN].set_index("document_id").occurred_at
    read = _read_at(down, "advising")
    for exception in late.itertuples():
        assert exception.opened_at == arrived.loc[exception.document_id]
        assert read.get(exception.document_id, down.end) > exception.opened_at
    # Whoever is not late has been advised before.
    for document, at in arrived.items():
        if document not in set(late.document_id):
            assert read[document] <= at


def test_an_outage_shows_by_the_hour_even_where_nobody_knocks(down: Played):
    outages = down.exceptions("api_outage")
    rows = down.of("telemetry")
    rows = rows[(rows.interface == INTERFACE["edi_wms"]) & (rows.status == STATUS["unavailable"])]
    whole = outages[outages.opened_at < down.end - 2 * HOUR]
    assert (whole.first_evidence_at >= whole.opened_at).all()
    assert (whole.first_evidence_at <= whole.opened_at + HOUR + 60 * 1_000_000).all()
    assert (rows["count"] == 0).any()
    assert {event for event, _ in down.lineage()} >= set(rows.event_id)


def test_what_an_interface_no_longer_understands_is_rejected_and_read_after_it_was_mended_and_redriven(healthy: Played):
    interface = INTERFACE["edi_wms"]
    asked: set[int] = set()

    def mend(row: dict[str, object], now: int) -> dict[str, object] | None:
        if row["interface"] != interface or row["code"] != CODE["schema"] or now // DAY in asked:
            return None
        asked.add(now // DAY)
        return {"kind": "fix_map", "interface": interface}

    def redrive(now: int) -> list[dict[str, object]]:
        return [{"kind": "redrive", "interface": interface}] if now % (6 * HOUR) == 0 else []

    played = _drifted("edi_wms", Watcher(answer=mend, heeds=("dead_letter",), after=redrive))
    letters = played.of("dead_letter")
    assert len(letters) > 2
    assert set(letters.document_type) == {ASN}
    told = played.of("acknowledging")
    rejected = told[told.status == STATUS["rejected"]]
    assert set(rejected.document_id) == set(letters.document_id)
    assert not rejected.document_id.duplicated().any()
    accepted = told[(told.status == STATUS["accepted"]) & (told.document_type == ASN)].set_index("document_id")
    again = [document for document in rejected.document_id if document in accepted.index]
    assert len(again) > 2
    at = rejected.set_index("document_id").occurred_at
    assert all(accepted.loc[document].occurred_at > at.loc[document] for document in again)
    delayed = _delays(played, healthy, "advising", 10 * 60 * 1_000_000)
    assert delayed <= set(rejected.document_id)


def test_nobody_is_told_that_a_letter_was_rejected_which_nobody_read():
    config = _config(api_outage=250.0, schema_drift=10.0)
    config.faults.api_outage.hours, config.faults.api_outage.sigma = 14.0, 0.01
    config.faults.api_outage.only = ["edi_ap"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.flows.maintaining.MAPPINGS", (("edi_ap", "invoice"),))
        played = play(config)
    letters, told = played.of("dead_letter"), played.of("acknowledging")
    died_of = letters.groupby("code").document_id.agg(set)
    assert set(died_of.index) == {CODE["schema"], CODE["timeout"]}
    assert set(told[told.status == STATUS["rejected"]].document_id) == died_of[CODE["schema"]]
    drifts = set(played.faults("schema_drift").fault_id)
    linked = {event for event, fault in played.lineage() if fault in drifts}
    assert set(told[told.status == STATUS["rejected"]].event_id) <= linked


@pytest.mark.parametrize("spoilt", [_down, _drifted])
def test_an_invoice_that_waits_is_booked_and_paid_later_and_the_books_balance(
    spoilt: Callable[[str], Played], healthy: Played
):
    played = spoilt("edi_ap")
    assert not len(played.exceptions("late_asn"))
    usual = _read_at(healthy, "invoicing")
    read = _read_at(played, "invoicing")
    delayed = _delays(played, healthy, "invoicing", 10 * 60 * 1_000_000)
    missing = {document for document, at in usual.items() if at < played.end - 2 * DAY} - set(read)
    assert delayed | missing
    rows = played.of("invoicing")
    assert set(rows[rows.document_id.isin(delayed)].event_id) <= {event for event, _ in played.lineage()}
    # Nothing is paid that was not read, and ERP's accounts sum to nothing (the run would have raised).
    assert set(played.of("paying").document_id) <= set(read)
    told = played.of("acknowledging")
    assert set(told[(told.document_type == INVOICE) & (told.status == STATUS["accepted"])].document_id) == set(read)
