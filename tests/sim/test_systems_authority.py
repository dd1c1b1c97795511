"""Rules of authority: each subject has one system that is believed, and a repair never overrules it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.clock import DAY
from sim.events import SOURCES
from sim.ledger import KIND_OF, Belief, Kind
from sim.systems.authority import OF_KIND, VALUATION, leading_book
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config

#: As the trade has it: subject -> (in a DC, in a shop).
TRADE = {
    Kind.ON_HAND: ("WMS", "STORE"), Kind.BLOCKED: ("WMS", "STORE"),
    Kind.ON_ORDER: ("ERP", "ERP"), Kind.RESERVED: ("OMS", "OMS"),
}


def test_every_kind_of_stock_has_the_authority_that_the_trade_gives_it():
    assert {kind: (rule.in_dc, rule.in_shop) for kind, rule in OF_KIND.items()} == TRADE
    assert VALUATION.system(0) == VALUATION.system(1) == "ERP"


@pytest.mark.parametrize("belief", list(Belief))
def test_a_book_follows_one_of_its_own_kind_and_the_authoritative_one_follows_none(belief: Belief):
    leading, refused = leading_book(belief, 1)
    assert KIND_OF[leading] is KIND_OF[belief]
    assert bool(refused) == (leading is belief)


def _asking(**fields: Any) -> Watcher:
    """Once, after the first day, for the first article."""
    asked: list[int] = []

    def after(now: int) -> list[dict[str, Any]]:
        if asked or now % DAY:
            return []
        asked.append(now)
        return [{"kind": "resync", "item": 0, **fields}]

    return Watcher(after=after)





@pytest.mark.parametrize(("location", "system", "reason"), [
    (0, 0, "WMS is authoritative for stock on hand: other books follow it"),
    (1, 0, "STORE is authoritative for stock on hand: other books follow it"),
    (1, 5, "ERP is authoritative for what is on order: other books follow it"),
    (1, 6, "OMS is authoritative for reservations: other books follow it"),
    (1, 1, "the books agree"),
    (1, 4, "the books agree"),
    (1, 7, "it names no book"),
])
def test_who_asks_to_align_the_authoritative_book_is_told_why_not(location: int, system: int, reason: str):
    config = acting_alone(quiet_config(stores=2, items=12, days=3))
    played = play(config, watcher=_asking(location=location, system=system))
    assert list(played.outcomes().values()) == [reason]


@pytest.mark.parametrize("belief", [Belief.ERP_ON_HAND, Belief.OMS_ON_HAND, Belief.ERP_BLOCKED])
def test_a_book_is_aligned_with_the_authoritative_one(belief: Belief):
    world = play(quiet_config(stores=2, items=12, days=1)).world
    room, cell = world.room, world.room.items + 3
    fault = room.truth.fault("duplicate_message", 1, room.now)
    room.ledger.post_again(belief, cell, 3, fault, room.now)
    assert world.mending.resync(belief, cell, -1) == ("", -3)
    leading, _ = leading_book(belief, 1)
    assert room.ledger.belief[belief, cell] == room.ledger.belief[leading, cell]
    room.truth.settle(room.now, room.ledger)
    assert room.truth.faults.restored_at[fault] == room.now


def _seen_by(played: Played, kind: str, location: int) -> set[str]:
    rows = played.of(kind)
    return {SOURCES[code] for code in rows[np.sign(rows.location) == location].source.unique()}


def test_rows_about_a_subject_come_from_its_system():
    config = quiet_config(stores=2, items=12, days=4)
    config.counting.per_year, config.counting.dc_per_year = [200.0] * 3, 200.0
    played = play(config)
    for location in (0, 1):
        assert _seen_by(played, "cycle_counting", location) == {OF_KIND[Kind.ON_HAND].system(location)}
    assert {SOURCES[code] for code in played.of("valuing").source.unique()} == {VALUATION.system(0)}
    orders = played.of("ordering")
    assert {SOURCES[code] for code in orders.source.unique()} == {OF_KIND[Kind.ON_ORDER].system(0)}
    assert {SOURCES[code] for code in played.of("reserving").source.unique()} == {OF_KIND[Kind.RESERVED].system(0)}
