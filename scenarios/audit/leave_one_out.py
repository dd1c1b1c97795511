"""The twin without one fault: what must be the same, and what must not.

Leaving a fault out moves no other draw, so every row that was available before its onset is equal,
every row of another region is equal, and, unless nothing ever showed it, some later row differs: the
first that does is of the fault's own lineage or scope, whatever then follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass

import pandas as pd

from scenarios.audit.played import Played, play
from sim.clock import TICK
from sim.config import Config
from sim.faults.types import BY_NAME, FAULTS

#: Types with faults that can be left out by id. An everyday error is named only when found, and a mis-scan is no other.
TIMED: tuple[str, ...] = tuple(name for name in FAULTS if not BY_NAME[name].ambient or BY_NAME[name].magnitude_unit)

#: Share of the other faults of a type that are the same ones without it, where there are enough to tell.
_SHARE_KEPT, _ENOUGH = 0.25, 8


@dataclass(frozen=True)
class Choice:
    """One fault of a world's unmanaged arm."""

    seed: int
    region: int
    fault_id: int
    type: str
    onset: int
    #: When the stream first shows it and no other fault with it, or a negative number while it is latent: what
    #: several faults break together, the others may break alone.
    shown_at: int


def choices(config: Config, seed: int) -> list[Choice]:
    """The faults that acted in the world of ``seed``, in the order of their ids."""
    found: list[Choice] = []
    for region in range(config.world.regions):
        played = play(config, seed, region)
        shown: dict[int, int] = {}
        for faults, at in zip(played.truth.exceptions.faults, played.truth.exceptions.first_evidence_at, strict=True):
            if len(faults) == 1 and 0 <= at < played.end:
                shown[faults[0]] = min(shown.get(faults[0], at), at)
        table = played.faults()
        table = table[table.type.isin(TIMED) & ~table.ambient]
        found += [Choice(seed, region, fault_id, kind, onset, shown.get(number, -1)) for fault_id, kind, onset, number
                  in zip(table.fault_id, table.type, table.onset, table.number, strict=True)]
    return sorted(found, key=lambda choice: choice.fault_id)


def spread(found: Iterable[Choice], each: int) -> list[Choice]:
    """At most so many faults of each type."""
    taken: dict[str, int] = {}
    kept = []
    for choice in found:
        if taken.get(choice.type, 0) < each:
            taken[choice.type] = taken.get(choice.type, 0) + 1
            kept.append(choice)
    return kept


def violations(config: Config, chosen: list[Choice]) -> list[str]:
    """What does not hold of the twins without each of the chosen faults of one seed, in words."""
    whole = {region: play(config, chosen[0].seed, region) for region in range(config.world.regions)}
    wrong = []
    for choice in chosen:
        twin = deepcopy(config)
        twin.faults.exclude = [choice.fault_id]
        for region, played in whole.items():
            other = play(twin, choice.seed, region)
            reason = _own_region(choice, played, other) if region == choice.region else _elsewhere(played, other)
            if reason:
                wrong.append(f"{choice}: {reason}")
    return wrong


def _own_region(choice: Choice, played: Played, twin: Played) -> str:
    if choice.fault_id in set(twin.truth.faults.fault_id):
        return "it acts although it was left out"
    rows, others = played.rows, twin.rows
    early, early_others = (table[table.available_at < choice.onset] for table in (rows, others))
    if not early.reset_index(drop=True).equals(early_others.reset_index(drop=True)):
        return f"rows before its onset differ: {_first_difference(early, early_others)}"
    if rows.equals(others):
        return "the stream shows it and is the same without it" if choice.shown_at >= 0 else ""
    first = _first_rows(rows, others)
    if not _in_scope(choice, played, first).any():
        return f"the first row to differ is none of its own: {_words(first)}"
    return _moved(choice, played, twin)


def _first_rows(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The rows that stand in one stream only, of the tick in which the first of them became visible."""
    only = pd.concat([one, other]).drop_duplicates(keep=False)
    first: pd.DataFrame = only[only.available_at // TICK == only.available_at.min() // TICK]
    return first


def _in_scope(choice: Choice, played: Played, rows: pd.DataFrame) -> pd.Series[bool]:
    """Which rows the fault changed itself, or are of its document, its cell, its item, its place or its interface.

    An article that is rung up as its sibling is a row of the sibling (``scan_error``), and a sale of this one.
    """
    fault = played.faults().set_index("fault_id").loc[choice.fault_id]
    own = rows.event_id.isin([event for event, of in played.lineage() if of == choice.fault_id])
    if fault.document_id >= 0:
        for column in ("document_id", "parent_document_id", "correlation_id"):
            own |= rows[column] == fault.document_id
    if fault["item"] >= 0:
        own |= rows["item"] == fault["item"]
        siblings = played.world.room.catalogue.siblings[fault["item"]]
        rung_up = rows.event_type == "retail_selling"
        own |= rung_up & (rows.location == fault.location) & rows["item"].isin(siblings)
    elif fault.location >= 0:
        own |= (rows.location == fault.location) | (rows.partner == fault.location)
    if fault.interface >= 0:
        own |= rows.interface == fault.interface
    return own


def _moved(choice: Choice, played: Played, twin: Played) -> str:
    """Goods that were never ordered or sold without it have no faults either, but most others are as they were."""
    faults = [p.faults() for p in (played, twin)]
    faults = [table[~table.ambient] for table in faults]
    for type_name in TIMED:
        one, other = (set(table.fault_id[table.type == type_name]) - {choice.fault_id} for table in faults)
        if len(one | other) >= _ENOUGH and len(one & other) < _SHARE_KEPT * len(one | other):
            return f"it moved other draws: {len(one & other)} of {len(one | other)} {type_name} are the same"
    return ""


def _elsewhere(played: Played, twin: Played) -> str:
    if played.world.stream_hash != twin.world.stream_hash:
        return f"another region differs: {_first_difference(played.rows, twin.rows)}"
    return ""


def _first_difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    rows = _first_rows(one, other)
    return _words(rows) if len(rows) else "the same rows in another order"


def _words(rows: pd.DataFrame) -> str:
    row = rows.sort_values("available_at").iloc[0]
    return f"{row.event_type} at {row.available_at}, location {row.location}, item {row['item']}"
