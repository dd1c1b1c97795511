"""The rows of the stream behind a case: its evidence, and the life of its documents and messages across the systems.

A document is followed by its id by those that name it as their parent, and by the correlation id that
ERP's postings carry; a message by its interface, place and sequence number. So what the shop or the DC sent, what the
middleware saw of it and what ERP booked stand in one list. What an action itself wrote or changed (a count, an order
that a claim closed) is found by its cell and moment. The stream is passed over twice, once for what a case names and
once for what that led to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from scenarios.reader import RunReader

Row = Mapping[str, Any]
_NAMES: Final = (
    "event_id", "occurred_at", "source", "event_type", "document_type", "document_id", "parent_document_id",
    "interface", "sequence", "location", "item", "quantity", "status", "code", "correlation_id",
)  # fmt: skip
#: What each system's row of a document is told by, in this order, and what needs its name beside it.
_TOLD: Final = ("location", "item", "quantity", "status")
_NAMED: Final = frozenset({"quantity", "status"})
_OPERATOR: Final = "OPS"
#: Columns that tie a row to a document.
_TIES: Final = ("document_id", "parent_document_id", "correlation_id")


@dataclass(frozen=True)
class Trail:
    """What a case is about, as the stream names it.

    Attributes:
        evidence: rows that its alerts cite.
        documents: ids.
        messages: (interface, location, sequence number).
        moments: (location, item, microseconds): where and when an action was carried out.
    """

    evidence: frozenset[int] = frozenset()
    documents: frozenset[int] = frozenset()
    messages: frozenset[tuple[str, str, int]] = frozenset()
    moments: frozenset[tuple[str, str, int]] = frozenset()


@dataclass
class Rows:
    """What was found, in the order of the stream.

    Attributes:
        evidence: by id.
        life: of the documents and messages.
        touched: documents beside those of the trail that the actions wrote or changed.
    """

    evidence: dict[int, Row] = field(default_factory=dict)
    life: list[Row] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)


def find_rows(reader: RunReader, arm: str, region: str, trail: Trail) -> Rows:
    """The rows of a case; none where the stream was not kept."""
    found = Rows()
    for batch in reader.events(arm, region, _NAMES) if trail.evidence or trail.moments else ():
        places = batch.filter(pc.is_in(batch["location"].cast(pa.string()), _set(_places(trail), pa.string())))
        found.touched.update(_touched(places, trail.moments))
        cited = batch.filter(pc.is_in(batch["event_id"], _set(trail.evidence, pa.int64())))
        found.evidence.update({row["event_id"]: row for row in cited.to_pylist()})
    found.touched -= trail.documents
    documents = trail.documents | found.touched
    if documents or trail.messages:
        found.life = list(_life(reader, arm, region, documents, trail.messages))
    return found


def _places(trail: Trail) -> set[str]:
    return {location for location, _, _ in trail.moments}


def _touched(batch: pa.RecordBatch, moments: Collection[tuple[str, str, int]]) -> Iterator[int]:
    """Documents that a system told of at the cell and at the moment of an action."""
    at = _set({moment for _, _, moment in moments}, pa.int64())
    chosen = batch.filter(pc.is_in(batch["occurred_at"].cast(pa.int64()), at))
    times = chosen["occurred_at"].cast(pa.int64()).to_pylist()
    for row, moment in zip(chosen.to_pylist(), times, strict=True):
        if (row["location"], row["item"], moment) in moments and row["source"] != _OPERATOR and row["document_id"]:
            yield row["document_id"]


def _life(
    reader: RunReader, arm: str, region: str, documents: Collection[int], messages: Collection[tuple[str, str, int]]
) -> Iterator[Row]:
    wanted = _set(documents, pa.int64())
    numbers = _set({sequence for _, _, sequence in messages}, pa.int64())
    for batch in reader.events(arm, region, _NAMES):
        chosen = pc.is_in(batch["sequence"], numbers)
        for name in _TIES:
            chosen = pc.or_(chosen, pc.is_in(batch[name], wanted))
        for row in batch.filter(chosen).to_pylist():
            message = (row["interface"], row["location"], row["sequence"])
            if message in messages or any(row[name] in documents for name in _TIES):
                yield row


def told(row: Row) -> str:
    """One row in words: when, which system, what it says, and the document and message it names."""
    parts = [f"{name} {row[name]}" if name in _NAMED else str(row[name]) for name in _TOLD if row[name] is not None]
    if row["document_id"] is not None:
        parts.append(f"{row['document_type'] or 'document'} {row['document_id']}")
    if row["interface"] is not None:
        number = f" #{row['sequence']}" if row["sequence"] is not None else ""
        parts.append(f"message {row['interface']}{number}")
    return f"{row['occurred_at']:%Y-%m-%d %H:%M} {row['source']} {row['event_type']}: {', '.join(parts)}"


def _set(values: Collection[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(sorted(values), kind)
