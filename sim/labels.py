"""The columns of the truth: what is written down of each fault, exception and decoy."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


def integers() -> array[int]:
    """An empty column of whole numbers."""
    return array("q")


def numbers() -> array[float]:
    """An empty column of numbers."""
    return array("d")


@dataclass
class Faults:
    """One row a fault; columns of equal length. There may be a million, so numbers are machine numbers."""

    fault_id: array[int] = field(default_factory=integers)
    type: list[str] = field(default_factory=list)
    cause: list[str] = field(default_factory=list)
    location: array[int] = field(default_factory=integers)
    item: array[int] = field(default_factory=integers)
    document_id: array[int] = field(default_factory=integers)
    interface: array[int] = field(default_factory=integers)
    magnitude: array[float] = field(default_factory=numbers)
    onset: array[int] = field(default_factory=integers)
    ended_at: array[int] = field(default_factory=integers)
    restored_at: array[int] = field(default_factory=integers)
    units: array[int] = field(default_factory=integers)
    #: An everyday error that got its name when its cell became an exception: it has no mechanism to leave out.
    ambient: list[bool] = field(default_factory=list)


@dataclass
class Exceptions:
    """One row an exception; lists of equal length."""

    exception_id: list[int] = field(default_factory=list)
    type: list[str] = field(default_factory=list)
    fault_type: list[str] = field(default_factory=list)
    faults: list[list[int]] = field(default_factory=list)
    location: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    document_id: list[int] = field(default_factory=list)
    interface: list[int] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    opened_at: list[int] = field(default_factory=list)
    first_evidence_at: list[int] = field(default_factory=list)
    closed_at: list[int] = field(default_factory=list)
    restored_at: list[int] = field(default_factory=list)
    restored_by: list[int] = field(default_factory=list)
    announced: list[bool] = field(default_factory=list)
    loss_at_stake: list[float] = field(default_factory=list)


@dataclass
class Decoys:
    """Benign look-alikes, one row each."""

    decoy_id: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    location: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    document_id: list[int] = field(default_factory=list)
    since: list[int] = field(default_factory=list)
    until: list[int] = field(default_factory=list)
