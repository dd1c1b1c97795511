"""Words that the tests of messages share: a world of busy interfaces, and answers to their gaps."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sim.clock import HOUR
from sim.config import Config
from sim.events import INTERFACE, STATUS
from tests.sim.small_world import Played, Watcher, play, quiet_config

DAYS = 4
#: Where each kind of source row goes to ERP: those with posting rows.
DOCUMENT_FEEDS = (INTERFACE["wms_erp"], INTERFACE["store_erp"])
SOURCE_TYPES = ("retail_selling", "receiving", "shipping", "returning", "inspecting", "adjusting")


def busy_config(**rates: float) -> Config:
    config = quiet_config(stores=4, items=40, days=DAYS, **rates)
    config.world.daily_units = 2.0
    return config


def run(answer: Any = None, heeds: tuple[str, ...] = ("sequence_gap",), **rates: float) -> Played:
    return play(busy_config(**rates), watcher=Watcher(answer, heeds))


def on_gap(kind: str, *, doubled: bool = False, **more: Any) -> Any:
    """Answers each sequence gap that opens by one action on the message it names."""

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["status"] != STATUS["open"] or (row["count"] < 0) is not doubled:
            return None
        return {"kind": kind, "interface": row["interface"], "location": row["location"],
                "sequence": row["sequence"]} | more

    return answer


def settled(played: Played, exceptions: pd.DataFrame) -> pd.DataFrame:
    """Those found early enough to be restored within the run."""
    return exceptions[exceptions.first_evidence_at < played.end - 3 * HOUR]


def gaps(played: Played, status: str = "open") -> set[tuple[int, int, int]]:
    rows = played.of("sequence_gap")
    rows = rows[rows.status == STATUS[status]]
    return set(zip(rows.interface, rows.location, rows.sequence, strict=True))


def scopes(exceptions: pd.DataFrame) -> list[tuple[int, int, int]]:
    return list(zip(exceptions.interface, exceptions.location, exceptions.sequence, strict=True))
