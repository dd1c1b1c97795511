"""The observable stream: its columns, its vocabulary, and how a batch of it is held in memory.

A *row* is one event that an operations layer could see on a live chain. In memory, rows of one
event type and one tick form a :class:`Block`: narrow arrays of integer codes, only the columns
that the type uses. Strings and nulls exist at the file and at the pipe, never in the loop.

Rules:

- Rows are ordered by ``(available_at, event_id)``; a block is sorted so, and blocks of one tick
  are handed over together (:class:`Rows`).
- Ids are opaque integers below 2**52, so that a float or a JavaScript number holds them exactly.
- Nothing in a row tells of faults. A row says what a system, a person or a device reported.

Vocabulary: business steps and dispositions follow EPCIS 2.0 (GS1), three-digit EDI numbers are
X12's, two- and three-digit movement codes are SAP's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Column = npt.NDArray[np.generic]

#: Null of an integer column (ids, times, quantities). Codes use -1, floats NaN.
NULL = -(2**62)
NO_CODE = -1

EVENT_TYPES: tuple[str, ...] = (
    "master_data",
    "stock_extract",
    "retail_selling",
    "returning",
    "inspecting",
    "ordering",
    "advising",
    "arriving",
    "receiving",
    "storing",
    "posting",
    "shipping",
    "departing",
    "reserving",
    "picking",
    "cancelling",
    "cycle_counting",
    "adjusting",
    "reconciling",
    "telemetry",
    "sequence_gap",
    "retrying",
    "dead_letter",
    "recovered",
    "announcing",
    "acting",
    "acknowledging",
    "confirming",
    "changing",
    "invoicing",
    "reporting",
    "matching",
    "releasing",
    "paying",
    "crediting",
    "pricing",
    "batching",
    "destroying",
    "moving",
    "expecting",
    "substituting",
    "valuing",
)
SOURCES: tuple[str, ...] = (
    "ERP", "WMS", "POS", "OMS", "TMS", "EDI", "STORE", "MDM", "MIDDLEWARE", "OPS", "WEB", "AP", "GATEWAY",
)
INTERFACES: tuple[str, ...] = (
    "pos_erp",
    "pos_oms",
    "store_erp",
    "store_oms",
    "wms_erp",
    "wms_oms",
    "edi_wms",
    "pos_batch",
    "edi_out",
    "edi_ap",
    "portal_wms",
    "mdm_erp",
    "mdm_pos",
    "web_oms",
    "tms_erp",
    "edi_erp",
)
STATUSES: tuple[str, ...] = (
    "ok",
    "accepted",
    "unknown_carton",
    "variance",
    "blind",
    "opening",
    "promised",
    "refused",
    "complete",
    "short",
    "nil",
    "returned",
    "sellable_accessible",
    "in_transit",
    "within",
    "open",
    "closed",
    "unavailable",
    "done",
    "promotion",
    "peak_season",
    "maintenance",
    "pending",
    "created",
    "confirmed",
    "changed",
    "received",
    "cancelled",
    "matched",
    "blocked",
    "released",
    "paid",
    "credited",
    "rejected",
    "missing",
    "partial",
    "substituted",
    "launched",
    "retired",
    "closing",
    "found",
    "non_sellable_other",
    "disposed",
    "reserved",
    "release",
    "late",
)
#: Those who drive the trucks, as rows of the TMS name them in ``code``.
CARRIERS: tuple[str, ...] = ("ardent", "bluepost", "caravan", "drayline")
#: Who calls the web shop's interface: its own pages and app, and a marketplace that sells for it.
CLIENTS: tuple[str, ...] = ("pages", "app", "marketplace")
CODES: tuple[str, ...] = (
    "101",
    "102",
    "303",
    "305",
    "551",
    "601",
    "651",
    "653",
    "701",
    "702",
    "850",
    "856",
    "503",
    "429",
    "timeout",
    "ERP",
    "OMS",
    "855",
    "997",
    "810",
    "861",
    "820",
    "122",
    "301",
    "311",
    "657",
    "103",
    "105",
    "schema",
    "401",
    *CARRIERS,
    "410",
    "quota",
)
UNITS: tuple[str, ...] = ("EA",)
DOCUMENT_TYPES: tuple[str, ...] = (
    "ticket",
    "return",
    "purchase_order",
    "asn",
    "receipt",
    "transfer",
    "order",
    "count",
    "action",
    "invoice",
    "vendor_return",
    "credit",
    "price",
    "promotion",
    "batch",
    "item",
)

#: Columns of the stream, in file order: name -> kind. ``code:X`` is a dictionary-encoded string.
COLUMNS: Mapping[str, str] = {
    "event_id": "id",
    "occurred_at": "time",
    "recorded_at": "time",
    "available_at": "time",
    "due_at": "time",
    "source": "code:source",
    "interface": "code:interface",
    "sequence": "int",
    "attempt": "int",
    "version": "int",
    "latency_ms": "int",
    "event_type": "code:event_type",
    "location": "code:location",
    "partner": "code:partner",
    "item": "code:item",
    "quantity": "int",
    "uom": "code:uom",
    "status": "code:status",
    "code": "code:code",
    "unit_price": "float",
    "document_type": "code:document_type",
    "document_id": "id",
    "parent_document_id": "id",
    "carton": "carton",
    "correlation_id": "id",
    "count": "int",
    "latency_p95_ms": "int",
}

#: Rows that a business step makes; the rest is telemetry, extracts and master data.
TECHNICAL_EVENT_TYPES: frozenset[str] = frozenset(
    {"master_data", "stock_extract", "telemetry", "announcing", "valuing"}
)


@dataclass(frozen=True)
class Vocabulary:
    """The strings behind the codes of one stream.

    Attributes:
        locations: names by location code; the partner column continues the same list with suppliers and clients.
        items: names by item code.
    """

    locations: tuple[str, ...]
    items: tuple[str, ...]
    suppliers: tuple[str, ...] = ()

    @property
    def partners(self) -> tuple[str, ...]:
        """Locations, then suppliers, then clients: the strings behind ``partner`` codes."""
        return self.locations + self.suppliers + CLIENTS

    def client(self, number: int) -> int:
        """The ``partner`` code of a client of the web shop's interface, by its place in :data:`CLIENTS`."""
        return len(self.locations) + len(self.suppliers) + number

    def strings(self, name: str) -> tuple[str, ...]:
        """The strings of one ``code:`` kind, e.g. ``"event_type"`` or ``"item"``."""
        fixed = {
            "source": SOURCES,
            "interface": INTERFACES,
            "event_type": EVENT_TYPES,
            "uom": UNITS,
            "status": STATUSES,
            "code": CODES,
            "document_type": DOCUMENT_TYPES,
        }
        if name in fixed:
            return fixed[name]
        return {"location": self.locations, "partner": self.partners, "item": self.items}[name]


def _index(names: Sequence[str]) -> Mapping[str, int]:
    return {name: position for position, name in enumerate(names)}


EVENT_TYPE = _index(EVENT_TYPES)
SOURCE = _index(SOURCES)
INTERFACE = _index(INTERFACES)
STATUS = _index(STATUSES)
CODE = _index(CODES)
UNIT = _index(UNITS)
DOCUMENT_TYPE = _index(DOCUMENT_TYPES)


@dataclass(frozen=True)
class Block:
    """Rows of one event type.

    Attributes:
        event_type: code of the type.
        columns: name -> array of shape (n,), or a Python scalar that holds for every row.
            A column that is absent is null in every row.
        size: number of rows.
    """

    event_type: int
    columns: Mapping[str, Column | int | float]
    size: int

    def __len__(self) -> int:
        return self.size

    def get(self, name: str) -> Column:
        """One column as an array of shape (size,); nulls are ``NULL``, -1 or NaN by kind."""
        value = self.columns.get(name)
        if value is None:
            kind = COLUMNS[name]
            if kind == "float":
                return np.full(self.size, np.nan)
            return np.full(self.size, NO_CODE if kind.startswith("code:") else NULL, dtype=np.int64)
        if isinstance(value, np.ndarray):
            return value
        return np.full(self.size, value)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Block:
        """The chosen rows, in the order given."""
        columns = {name: v[rows] if isinstance(v, np.ndarray) else v for name, v in self.columns.items()}
        size = int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else len(rows)
        return Block(self.event_type, columns, size)


@dataclass(frozen=True)
class Rows:
    """What became visible in one step: blocks of the stream, each sorted by (available_at, event_id)."""

    blocks: tuple[Block, ...] = ()

    def __iter__(self) -> Iterator[Block]:
        return iter(self.blocks)

    def __len__(self) -> int:
        return sum(block.size for block in self.blocks)

    def of(self, event_type: str) -> tuple[Block, ...]:
        """The blocks of one event type, by name."""
        code = EVENT_TYPE[event_type]
        return tuple(block for block in self.blocks if block.event_type == code)
