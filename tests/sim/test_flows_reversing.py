"""Reversals (102): of what was posted in the wrong unit, of what was posted twice, and of what was right."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, NULL
from sim.ledger import Belief
from tests.sim.small_world import Played, Watcher, play, quiet_config

_APPROVED = {"approver": "finance", "team": "inventory_control"}


def _config(days: int = 12, **rates: float) -> Config:
    config = quiet_config(stores=4, items=30, days=days, **rates)
    config.world.daily_units = 3.0
    config.replenishment.dc_review_days = 1
    config.people.service_minutes_median, config.people.shift_from, config.people.shift_until = 1.0, 0, 24
    return config


def _differing(kind: str, **more: Any) -> Watcher:
    """Acts on each receipt line that ERP posted otherwise than the DC counted it."""
    received: dict[int, int] = {}
    done: set[tuple[int, int]] = set()

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["location"] != 0 or row["document_type"] != DOCUMENT_TYPE["receipt"] or row["sequence"] == NULL:
            return None
        if row["latency_ms"] == NULL:
            received[row["sequence"]] = row["quantity"]
            return None
        line = (row["correlation_id"], row["item"])
        if received.get(row["sequence"], row["quantity"]) == row["quantity"] or line in done:
            return None
        done.add(line)
        return {"kind": kind, "document_id": row["correlation_id"], "location": 0, "item": row["item"]} | more

    return Watcher(answer, ("receiving", "posting"))


def _own_postings(played: Played) -> pd.DataFrame:
    """What ERP posted without a message."""
    rows = played.of("posting")
    return rows[rows.sequence == NULL]


def _counted(played: Played) -> pd.Series:
    rows = played.of("receiving")
    rows = rows[(rows.location == 0) & (rows.code == CODE["101"])]
    return rows.groupby(["document_id", "item"]).quantity.sum()


def _net(rows: pd.DataFrame) -> pd.Series:
    signed = rows.quantity.where(rows.code == CODE["101"], -rows.quantity)
    return signed.groupby([rows.correlation_id, rows["item"]]).sum()


def test_a_fixed_conversion_is_a_reversal_and_a_receipt():
    played = play(_config(unit_of_measure=0.9), watcher=_differing("fix_conversion"))
    own = _own_postings(played)
    assert set(own.code) == {CODE["101"], CODE["102"]}
    assert (own.code == CODE["101"]).sum() == (own.code == CODE["102"]).sum() > 3
    # All that ERP posted of a document, its reversals taken off, is what the DC counted.
    postings = played.of("posting")
    net = _net(postings[postings.code.isin([CODE["101"], CODE["102"]])])
    counted = _counted(played)
    for line in set(zip(own.correlation_id, own["item"], strict=True)):
        assert net.loc[line] == counted.loc[line]


def test_reversing_one_receipt_leaves_the_conversion_wrong():
    played = play(_config(unit_of_measure=0.9), watcher=_differing("reverse", **_APPROVED))
    outcomes = played.outcomes()
    done = [a for a in played.watcher.asked if outcomes[a.action_id] == ""]
    assert len(done) > 3
    own, faults = _own_postings(played), played.faults("unit_of_measure")
    assert {(a.document_id, a.item) for a in done} == set(zip(own.correlation_id, own["item"], strict=True))
    # The mechanism is still there: not restored, though the book is right again.
    assert (faults.ended_at == -1).all()
    assert (played.exceptions("unit_of_measure").restored_at == -1).all()
    net = _net(played.of("posting").query("code in [0, 1]"))
    counted = _counted(played)
    for line in set(zip(own.correlation_id, own["item"], strict=True)):
        assert net.loc[line] == counted.loc[line]


def test_a_receipt_posted_twice_is_reversed_once():
    seen: set[tuple[int, int]] = set()

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["document_type"] != DOCUMENT_TYPE["receipt"] or row["sequence"] == NULL:
            return None
        key = (row["interface"], row["sequence"])
        if key not in seen:
            seen.add(key)
            return None
        return {"kind": "reverse", "document_id": row["correlation_id"], "location": 0, "item": row["item"]} | _APPROVED

    played = play(_config(duplicate_message=0.2), watcher=Watcher(answer, ("posting",)))
    assert len(played.watcher.asked) > 3
    exceptions = played.exceptions("duplicate_message")
    restored = exceptions[exceptions.restored_by != -1]
    assert {(a.document_id, a.item) for a in played.watcher.asked} == set(
        zip(restored.document_id, restored["item"], strict=True))
    own = _own_postings(played)
    assert (own.code == CODE["102"]).all()
    assert len(own) == len(played.watcher.asked)
    assert not len(played.wrong_repairs())


def test_reversing_a_right_receipt_is_a_wrong_repair():
    asked: list[int] = []

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["document_type"] != DOCUMENT_TYPE["receipt"] or row["sequence"] == NULL or len(asked) > 4:
            return None
        asked.append(row["quantity"])
        return {"kind": "reverse", "document_id": row["correlation_id"], "location": 0, "item": row["item"]} | _APPROVED

    played = play(_config(), watcher=Watcher(answer, ("posting",)))
    wrong = played.wrong_repairs()
    done = [a for a in played.watcher.asked if not played.outcomes()[a.action_id]]
    assert len(done) == 5
    for belief, sign in ((Belief.ERP_ON_HAND, -1), (Belief.ERP_ON_ORDER, 1)):
        mine = wrong[wrong.belief == belief]
        assert len(mine) == 5
        assert (sign * mine.units > 0).all()


def test_nobody_reverses_alone():
    played = play(_config(days=8, unit_of_measure=0.9), watcher=_differing("reverse"))
    assert set(played.outcomes().values()) == {"a reversal needs a person's approval"}
    assert not len(_own_postings(played))


def test_a_document_that_is_no_receipt_is_not_reversed():
    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        return {"kind": "reverse", "document_id": row["document_id"], "location": 0, "item": row["item"]} | _APPROVED

    played = play(_config(days=4), watcher=Watcher(answer, ("ordering",)))
    known = {reason for reason in played.outcomes().values() if reason}
    assert known == {"nothing here can be done that way"}
