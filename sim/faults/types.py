"""Everything that can go wrong, as one table: 24 types, and the everyday mis-scan that has a name of its own."""

from __future__ import annotations

from sim.faults.documents import DOCUMENTS
from sim.faults.goods import GOODS
from sim.faults.messages import MESSAGES
from sim.faults.record import CAUSES, FaultType
from sim.faults.records import RECORDS

__all__ = ["BY_NAME", "CAUSES", "EXCEPTIONS", "FAULTS", "TYPES", "FaultType"]

#: Every type, documents first; the position is its code.
TYPES: tuple[FaultType, ...] = DOCUMENTS + MESSAGES + RECORDS + GOODS
BY_NAME: dict[str, FaultType] = {entry.name: entry for entry in TYPES}
#: Types with a mechanism and a rate.
FAULTS: tuple[str, ...] = tuple(entry.name for entry in TYPES if "F" in entry.kind)
#: Types with a rule that can break.
EXCEPTIONS: tuple[str, ...] = tuple(entry.name for entry in TYPES if "X" in entry.kind)
