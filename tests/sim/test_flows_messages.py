"""Messages lost and doubled: what shows, who is named, what mends it and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from sim.clock import HOUR, MINUTE
from sim.events import NULL, STATUS
from tests.sim.message_words import DOCUMENT_FEEDS, SOURCE_TYPES, busy_config, gaps, on_gap, run, scopes, settled
from tests.sim.small_world import Played, Watcher, play

# -- lost ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lost() -> Played:
    return run(dropped_message=0.05)


def test_a_lost_message_shows_as_a_gap_and_a_missing_posting(lost: Played):
    exceptions = lost.exceptions("dropped_message")
    assert len(exceptions) > 30
    assert set(lost.faults().type) - {"dropped_message"} <= {"repair"}
    seen = exceptions[exceptions.first_evidence_at < lost.end - HOUR]
    assert set(scopes(seen)) <= gaps(lost)
    postings = lost.of("posting")
    posted = set(zip(postings.interface, postings.location, postings.sequence, strict=True))
    assert posted
    assert not posted & set(scopes(exceptions))


def test_a_lost_message_is_labelled_by_its_source_row(lost: Played):
    rows = lost.rows[lost.rows.event_type.isin(SOURCE_TYPES)].set_index("event_id")
    faults, links = lost.faults("dropped_message").set_index("number"), lost.lineage()
    event_of = {fault: event for event, fault in links}
    exceptions = lost.exceptions("dropped_message")
    for exception in exceptions[exceptions.opened_at < lost.end - HOUR].itertuples():
        (number,) = exception.faults
        fault = faults.loc[number]
        source = rows.loc[event_of[fault.fault_id]]
        assert (exception.fault_type, exception.announced) == ("dropped_message", False)
        assert (source.location, source.document_id) == (exception.location, exception.document_id)
        # A truck that leaves the DC is a row of the destination's document, booked off the DC's stock.
        assert source["item"] == exception.item == fault["item"]
        assert source.sequence == exception.sequence
        assert fault.onset <= source.available_at <= exception.first_evidence_at


def test_first_evidence_is_the_gap_row(lost: Played):
    rows = lost.of("sequence_gap").set_index(["interface", "location", "sequence"]).available_at
    for exception in lost.exceptions("dropped_message").itertuples():
        if exception.first_evidence_at < lost.end - HOUR:
            shown = rows.loc[(exception.interface, exception.location, exception.sequence)]
            assert shown == exception.first_evidence_at


def test_replay_mends_a_lost_message():
    played = run(on_gap("replay"), dropped_message=0.05)
    exceptions = settled(played, played.exceptions("dropped_message"))
    asked = {a.action_id: (a.interface, a.location, a.sequence) for a in played.watcher.asked}
    assert len(exceptions) > 20
    for exception, scope in zip(exceptions.itertuples(), scopes(exceptions), strict=True):
        assert exception.restored_at > exception.opened_at
        assert asked[exception.restored_by] == scope
        assert exception.closed_at == exception.restored_at
    assert not len(played.wrong_repairs())
    assert set(scopes(exceptions)) <= gaps(played, "closed")
    answered = played.of("acting")
    assert set(answered.status) == {STATUS["done"]}
    links = played.lineage()
    fault_of = dict(zip(played.faults().number, played.faults().fault_id, strict=True))
    for exception in exceptions.itertuples():
        assert (exception.restored_by, fault_of[exception.faults[0]]) in links


def test_books_agree_after_replay():
    played = run(on_gap("replay"), dropped_message=0.05)
    entries = played.entries()
    late = entries[entries.opened_at < played.end - 4 * HOUR]
    assert len(late) > 30
    assert not late.rest.any()


@pytest.mark.parametrize("kind", ["suppress", "expedite"])
def test_the_wrong_remedy_of_a_lost_message_is_refused(kind: str):
    played = run(on_gap(kind), dropped_message=0.05)
    exceptions = played.exceptions("dropped_message")
    assert (exceptions.restored_at == -1).all()
    assert set(played.outcomes().values()) == {"the log shows one posting" if kind == "suppress"
                                               else "nothing of it is waiting"}
    assert set(played.of("acting").status) == {STATUS["refused"]}


def test_a_second_replay_is_recognised():
    """Within the idempotency window a replay too many changes nothing."""

    def answer(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        return on_gap("replay")(row, now)

    twice: list[dict[str, Any]] = []

    def after(now: int) -> list[dict[str, Any]]:
        ready = [w for w in twice if w["when"] <= now]
        twice[:] = [w for w in twice if w["when"] > now]
        return [{k: v for k, v in w.items() if k != "when"} for w in ready]

    def both(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        wanted = answer(row, now)
        if wanted:
            twice.append(wanted | {"when": now + 2 * HOUR})
        return wanted

    once = run(on_gap("replay"), dropped_message=0.05)
    again = play(busy_config(dropped_message=0.05), watcher=Watcher(both, ("sequence_gap",), after))
    assert len(again.watcher.asked) > 1.5 * len(once.watcher.asked)
    assert set(again.outcomes().values()) == {""}
    assert not len(again.wrong_repairs())
    rows = [played.rows[played.rows.event_type != "acting"].reset_index(drop=True) for played in (once, again)]
    assert rows[0].equals(rows[1])


# -- doubled -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doubled() -> Played:
    return run(duplicate_message=0.05)


def test_a_doubled_message_shows_twice(doubled: Played):
    exceptions = doubled.exceptions("duplicate_message")
    assert len(exceptions) > 30
    twice = doubled.of("sequence_gap")
    twice = twice[(twice["count"] == -1) & (twice.status == STATUS["open"])]
    seen = set(zip(twice.interface, twice.location, twice.sequence, strict=True))
    shown = exceptions[exceptions.first_evidence_at < doubled.end - HOUR]
    assert seen >= set(scopes(shown))
    postings = doubled.of("posting")
    times = postings.groupby(["interface", "location", "sequence"]).size()
    documents = exceptions[exceptions.interface.isin(DOCUMENT_FEEDS) & (exceptions.opened_at < doubled.end - MINUTE)]
    assert len(documents)
    assert set(times[times > 1].index) == set(scopes(documents))


def test_a_doubled_message_is_labelled(doubled: Played):
    links, faults = doubled.lineage(), doubled.faults().set_index("number")
    rows = doubled.rows.set_index("event_id")
    for exception in doubled.exceptions("duplicate_message").itertuples():
        fault = faults.loc[exception.faults[0]]
        assert fault.type == exception.fault_type == "duplicate_message"
        linked = [event for event, fault_id in links if fault_id == fault.fault_id and event in rows.index]
        assert exception.document_id in set(rows.loc[linked].document_id)
        assert exception.sequence in set(rows.loc[linked].sequence)


def test_suppression_mends_a_doubled_message():
    played = run(on_gap("suppress", doubled=True), duplicate_message=0.05)
    exceptions = settled(played, played.exceptions("duplicate_message"))
    asked = {a.action_id: (a.interface, a.location, a.sequence) for a in played.watcher.asked}
    assert len(exceptions) > 20
    assert [asked[by] for by in exceptions.restored_by] == scopes(exceptions)
    assert not len(played.wrong_repairs())
    late = played.entries()
    assert not late[late.opened_at < played.end - 4 * HOUR].rest.any()


def test_the_wrong_remedy_of_a_doubled_message_mends_nothing():
    played = run(on_gap("replay", doubled=True), duplicate_message=0.05)
    assert (played.exceptions("duplicate_message").restored_at == -1).all()
    assert len(played.watcher.asked) > 20
    # A replay is recognised as applied: no harm, and no cure.
    assert not len(played.wrong_repairs())


def test_suppressing_twice_is_refused():
    def answer(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        return on_gap("suppress", doubled=True)(row, now)

    def closed(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        again = row["status"] == STATUS["closed"]
        return answer(row | {"status": STATUS["open"]}, now) if again else answer(row, now)

    played = run(closed, duplicate_message=0.05)
    reasons = list(played.outcomes().values())
    assert reasons.count("the log shows one posting") > 10
    assert not len(played.wrong_repairs())


# -- redelivered, and sold twice ---------------------------------------------------------------------


def test_a_harmless_redelivery_looks_like_a_second_posting_and_is_none():
    """Only the traffic and the books tell which number that came twice was applied twice."""
    config = busy_config()
    config.middleware.redelivery_rate = 0.05
    played, plain = play(config), play(busy_config())
    twice = played.of("sequence_gap")
    assert len(twice) > 30
    assert set(twice["count"]) == {-1}
    assert not len(played.faults())
    assert not len(played.exceptions())
    decoys = played.truth.decoys
    assert decoys.kind.count("redelivery") >= len(twice)
    rest = [p.rows[p.rows.event_type != "sequence_gap"].reset_index(drop=True) for p in (played, plain)]
    assert rest[0].equals(rest[1])


def test_a_second_posting_adds_to_the_hours_traffic(doubled: Played):
    traffic = doubled.of("telemetry")
    # Calls, and a box into which nothing was put, have no numbers.
    traffic = traffic[traffic.sequence != NULL].groupby(["interface", "location"])
    delivered, high = traffic["count"].sum(), traffic.sequence.max() + 1
    assert (delivered - high).sum() > 10


def test_reversing_a_harmless_redelivery_is_refused():
    config = busy_config()
    config.middleware.redelivery_rate = 0.05
    played = play(config, watcher=Watcher(on_gap("suppress", doubled=True), ("sequence_gap",)))
    assert len(played.watcher.asked) > 30
    assert set(played.outcomes().values()) == {"the log shows one posting"}
    assert not len(played.wrong_repairs())


def test_harmless_redeliveries_move_no_fault():
    config = busy_config(duplicate_message=0.05, dropped_message=0.05)
    before = play(config)
    config.middleware.redelivery_rate = 0.05
    after = play(config)
    for name in ("duplicate_message", "dropped_message"):
        assert before.faults(name).fault_id.tolist() == after.faults(name).fault_id.tolist()


def test_genuine_repeat_sales_are_labelled(doubled: Played):
    decoys = doubled.truth.decoys
    chosen = [n for n, kind in enumerate(decoys.kind) if kind == "repeat_sale"]
    assert len(chosen) > 5
    sold = doubled.of("retail_selling").sort_values(["location", "sequence"])
    shown = set(zip(sold.location, sold["item"], sold.document_id, strict=True))
    for n in chosen:
        if decoys.since[n] < doubled.end - HOUR:
            assert (decoys.location[n], decoys.item[n], decoys.document_id[n]) in shown
