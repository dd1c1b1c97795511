"""The tables of a run folder: their columns, their types, and how they are kept in Parquet.

Each table has one explicit schema. Times are ``timestamp[us]`` without a zone, ids ``int64``, names
are dictionary-encoded strings. A field that may not be null is one without which the row says
nothing. Nothing here knows of the simulator: a run folder is read by what it says of itself.

Parquet is written with page checksums (without them most single flipped bits go unseen) and read
with their verification.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TIME: Final = pa.timestamp("us")
NAME: Final = pa.dictionary(pa.int32(), pa.string())
ID: Final = pa.int64()
COUNT: Final = pa.int64()
NUMBER: Final = pa.float64()
IDS: Final = pa.list_(pa.int64())


class TableError(ValueError):
    """A table that does not have the columns it should have."""


def _schema(required: dict[str, pa.DataType], optional: dict[str, pa.DataType] | None = None) -> pa.Schema:
    fields = [pa.field(name, kind, nullable=False) for name, kind in required.items()]
    fields += [pa.field(name, kind) for name, kind in (optional or {}).items()]
    return pa.schema(fields)


_ARM: Final[dict[str, pa.DataType]] = {"arm": NAME, "region": NAME}
_SCOPE: Final[dict[str, pa.DataType]] = {
    "location": NAME,
    "item": NAME,
    "document_id": ID,
    "interface": NAME,
    "sequence": COUNT,
}

#: The observable stream, in file order.
EVENTS: Final = pa.schema(
    [
        pa.field("event_id", ID, nullable=False),
        pa.field("occurred_at", TIME),
        pa.field("recorded_at", TIME),
        pa.field("available_at", TIME, nullable=False),
        pa.field("due_at", TIME),
        pa.field("source", NAME),
        pa.field("interface", NAME),
        pa.field("sequence", COUNT),
        pa.field("attempt", COUNT),
        pa.field("version", COUNT),
        pa.field("latency_ms", COUNT),
        pa.field("event_type", NAME, nullable=False),
        pa.field("location", NAME),
        pa.field("partner", NAME),
        pa.field("item", NAME),
        pa.field("quantity", COUNT),
        pa.field("uom", NAME),
        pa.field("status", NAME),
        pa.field("code", NAME),
        pa.field("unit_price", NUMBER),
        pa.field("document_type", NAME),
        pa.field("document_id", ID),
        pa.field("parent_document_id", ID),
        pa.field("carton", pa.string()),
        pa.field("correlation_id", ID),
        pa.field("count", COUNT),
        pa.field("latency_p95_ms", COUNT),
    ]
)

#: Daily outcomes of one arm and region. The units columns are running totals at the day's end.
OUTCOMES: Final = _schema(
    {**_ARM, "day": TIME},
    {
        "sold_units": COUNT,
        "sold_value": NUMBER,
        "lost_units": NUMBER,
        "lost_margin": NUMBER,
        "online_lines": COUNT,
        "failed_lines": COUNT,
        "penalties": NUMBER,
        "holding": NUMBER,
        "labour_minutes": NUMBER,
        "labour_cost": NUMBER,
        "price_leakage": NUMBER,
        "lapsed_credits": NUMBER,
        "unfit_resold": NUMBER,
        "expediting": NUMBER,
        "shrink_units": COUNT,
        "shrink_value": NUMBER,
        "cells": COUNT,
        "accurate_cells": COUNT,
        "tolerant_cells": COUNT,
        "negative_cells": COUNT,
        "rows": COUNT,
        "opening_units": COUNT,
        "supplied_units": COUNT,
        "placed_units": COUNT,
        "transit_units": COUNT,
        "sold_units_physical": COUNT,
        "returned_units": COUNT,
        "lost_units_physical": COUNT,
        "scrapped_units": COUNT,
        "sent_back_units": COUNT,
    },
)

#: Path in the run folder, without ``.parquet`` -> schema.
TABLES: Final[dict[str, pa.Schema]] = {
    "truth/faults": _schema(
        {**_ARM, "fault_id": ID, "type": NAME},
        {
            "cause": NAME,
            "plane": NAME,
            **_SCOPE,
            "magnitude": NUMBER,
            "onset": TIME,
            "ended_at": TIME,
            "restored_at": TIME,
            "units": COUNT,
            "ambient": pa.bool_(),
            "latent": pa.bool_(),
        },
    ),
    "truth/exceptions": _schema(
        {**_ARM, "exception_id": ID, "type": NAME, "opened_at": TIME},
        {
            "fault_type": NAME,
            "cause": NAME,
            "faults": IDS,
            **_SCOPE,
            "first_evidence_at": TIME,
            "closed_at": TIME,
            "restored_at": TIME,
            "restored_by": ID,
            "announced": pa.bool_(),
            "loss_at_stake": NUMBER,
        },
    ),
    "truth/errors": _schema(
        {**_ARM, "error_id": ID, "fault_id": ID, "system": NAME, "kind": NAME, "units": COUNT},
        {"location": NAME, "item": NAME, "opened_at": TIME, "cleared_at": TIME, "cleared_by": ID, "value": NUMBER},
    ),
    "truth/lineage": _schema({**_ARM, "event_id": ID, "fault_id": ID}),
    "truth/decoys": _schema(
        {**_ARM, "decoy_id": ID, "kind": NAME},
        {"location": NAME, "item": NAME, "document_id": ID, "from": TIME, "until": TIME},
    ),
    "truth/ledger": _schema(
        {
            "arm": NAME,
            "day": TIME,
            "region": NAME,
            "system": NAME,
            "kind": NAME,
            "belief": COUNT,
            "fact": COUNT,
            "in_flight": COUNT,
            "error": COUNT,
        },
        {"ambient": COUNT},
    ),
    # what a sceptic would measure of the chain: observations, their sum and their sum of squares, by key
    "truth/gauges": _schema({**_ARM, "gauge": NAME, "key": COUNT, "n": NUMBER, "total": NUMBER, "squares": NUMBER}),
    # ERP's accounts: what each day brought, and where they stood at its end
    "accounts": _schema(
        {**_ARM, "day": TIME, "account": NAME, "debit_cents": COUNT, "credit_cents": COUNT, "balance_cents": COUNT}
    ),
    "alerts": _schema(
        {**_ARM, "alert_id": ID, "raised_at": TIME, "detector": NAME},
        {"type": NAME, **_SCOPE, "score": NUMBER, "deadline": TIME, "evidence": IDS},
    ),
    "cases": _schema(
        {**_ARM, "case_id": ID, "opened_at": TIME},
        {
            "closed_at": TIME,
            "status": NAME,
            "type": NAME,
            "fault_type": NAME,
            "cause": NAME,
            "confidence": NUMBER,
            "priority": NUMBER,
            "team": NAME,
            "alerts": IDS,
            **_SCOPE,
            "origin": NAME,
            "severity": NAME,
            "verdict": NAME,
            "model_version": NAME,
            # what it asks of people or machines now or next; empty where it is closed, or nothing is left to try
            "next_step": NAME,
        },
    ),
    # rows in which a system itself complains, before anything is merged, and the case that took them
    "signals": _schema({**_ARM, "hour": TIME, "interface": NAME, "kind": NAME, "count": COUNT}, {"case_id": ID}),
    # what a case was taken for, from when on; with an alert, what that member of its family was taken for
    "diagnoses": _schema(
        {**_ARM, "case_id": ID, "diagnosed_at": TIME},
        {"type": NAME, "fault_type": NAME, "cause": NAME, "confidence": NUMBER, "model_version": NAME, "alert_id": ID},
    ),
    "actions": _schema(
        {**_ARM, "action_id": ID, "kind": NAME},
        {
            "case_id": ID,
            "target": pa.string(),
            **_SCOPE,
            "requested_at": TIME,
            "executed_at": TIME,
            "outcome": NAME,
            "refused_reason": NAME,
            "decided_by": NAME,
            "rule": NAME,
            "model_version": NAME,
            "approver": NAME,
            "approved_by": NAME,
            "team": NAME,
            "minutes": NUMBER,
            "delta_units": COUNT,
            "verified_at": TIME,
        },
    ),
    # what the policy said to each step of a case, and how a confidence fared against outcomes
    "decisions": _schema(
        {**_ARM, "case_id": ID, "decided_at": TIME, "kind": NAME},
        {
            "outcome": NAME,
            "team": NAME,
            "approver": NAME,
            "decided_by": NAME,
            "rule": NAME,
            "confidence": NUMBER,
            "severity": NAME,
            "model_version": NAME,
        },
    ),
    # every change of what is allowed, as the audit trail has it: models, reviews, precision floors, retention
    "governance": _schema(
        {**_ARM, "happened_at": TIME, "event": NAME},
        {
            "subject": NAME,
            "scope": NAME,
            "role": NAME,
            "against": NAME,
            "outcome": NAME,
            "case_id": ID,
            "action_id": ID,
            "cases": COUNT,
            "value": NUMBER,
            "limit": NUMBER,
        },
    ),
    "calibration": _schema(
        {**_ARM, "type": NAME},
        {
            "location": NAME,
            "cases": COUNT,
            "confidence": NUMBER,
            "confirmed": COUNT,
            "refuted": COUNT,
            "false_rate": NUMBER,
        },
    ),
    # optional: a detector's score per subject and day
    "scores": _schema({**_ARM, "detector": NAME, "day": TIME, "score": NUMBER}, {"location": NAME, "item": NAME}),
}

BREAKDOWN: Final = _schema(
    {"measure": NAME, "by": NAME, "key": pa.string()}, {"value": NUMBER, "low": NUMBER, "high": NUMBER, "n": COUNT}
)
#: The realism card: a breakdown that also says what each value is worth.
REALISM: Final = pa.schema([*BREAKDOWN, *_schema({"kind": NAME, "counted": NAME, "verdict": NAME,
                                                  "is_on_few": pa.bool_()})])


def schema_of(name: str) -> pa.Schema:
    """The schema of a table by its path in the run folder, without the extension.

    Raises:
        TableError: if a run folder has no such table.
    """
    if name.startswith("events/"):
        return EVENTS
    if name.startswith("arms/"):
        return OUTCOMES
    if name.startswith("breakdown/"):
        return REALISM if name == "breakdown/realism" else BREAKDOWN
    if name not in TABLES:
        raise TableError(f"a run folder has no table {name!r}; valid: {', '.join(TABLES)}, events/, arms/, breakdown/")
    return TABLES[name]


def conform(table: pa.Table, schema: pa.Schema, name: str = "table") -> pa.Table:
    """``table`` with exactly the schema's columns: cast, in order, absent nullable ones null.

    Raises:
        TableError: for an unknown column, an absent or null one that must be there, or a bad cast.
    """
    unknown = [column for column in table.column_names if column not in schema.names]
    if unknown:
        raise TableError(f"{name}: unknown column {unknown[0]!r}; valid: {', '.join(schema.names)}")
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            if not field.nullable:
                raise TableError(f"{name}: column {field.name!r} is missing")
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(field.name)
        if column.null_count and not field.nullable:
            raise TableError(f"{name}: column {field.name!r} holds nulls")
        try:
            columns.append(_cast(column, field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise TableError(f"{name}: column {field.name!r}: {error}") from error
    return pa.table(columns, schema=schema)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """``column`` as ``kind``; strings get one dictionary over all chunks."""
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind):
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return pc.dictionary_encode(column.cast(kind.value_type)).cast(kind)
    return column.cast(kind)


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """Keyword arguments for ``pyarrow.parquet.ParquetWriter`` that every file of a run folder is written with."""
    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    opaque = [field.name for field in schema if field.name.endswith("_id") or field.name in ("carton", "sequence")]
    return {
        "compression": "zstd",
        "compression_level": 3,
        "write_page_checksum": True,
        "use_dictionary": [field.name for field in schema if field.name not in {*times, *opaque}],
        "column_encoding": dict.fromkeys(times, "DELTA_BINARY_PACKED"),
        "write_statistics": False,
    }


def write_table(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    """Write one conforming table to one Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, **parquet_options(schema)) as writer:
        writer.write_table(table)


def open_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file whose pages are verified as they are read."""
    return pq.ParquetFile(path, page_checksum_verification=True)
