"""Detectors that were run elsewhere and left a file: of alerts, or of scores on a fixed grid.

A file is CSV with a header, or Parquet. An alert names its subject as the stream does; a score is of a
subject (a location, an item, or an item at a location) and a day, and is told when that day is over. A file
that is not sound is refused as a whole, by the row (the first is 1) and the column. Rows of the locations
of other regions are passed over.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detection.detectors.base import DetectorContext
from detection.taxonomy import CAUSE_OF_FAULT, CAUSES, SCOPE_OF_TYPE, TYPES, Finding
from detection.views.state import Views
from sim.clock import DAY
from sim.events import INTERFACE, INTERFACES, NO_CODE, NULL, Rows

_EPOCH = dt.datetime(1970, 1, 1)
Row = Mapping[str, Any]


class FileError(ValueError):
    """A file that cannot be used; the message names it, and the row and the column where there is one."""


@dataclass(frozen=True)
class Names:
    """What a file may speak of.

    Attributes:
        locations, items: names.
        regions: names; a row with one is of that region alone.
        begins, ends: the run, half open.
    """

    locations: Collection[str]
    items: Collection[str]
    regions: Collection[str] = ()
    begins: int = NULL
    ends: int = 2**62


@dataclass(frozen=True)
class _Kind:
    """What a file of one kind holds: columns that must be there, columns that may, and which one it is sorted by."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    sorted_by: str
    check: Callable[[Row], str] = field(default=lambda _: "")


def _subject_of_alert(row: Row) -> str:
    """Why an alert names no subject; empty where it does."""
    needs = {"cell": ("location", "item"), "price": ("location", "item"), "item": ("item",), "record": ("item",),
             "interface": ("interface",), "contract": ("interface",), "clock": ("location",),
             "document": ("document_id",), "message": ()}[SCOPE_OF_TYPE[row["type"]]]
    if needs == () and row["sequence"] is None and row["document_id"] is None:
        return f"an alert of {row['type']} needs sequence or document_id"
    missing = [name for name in needs if row[name] is None]
    return f"an alert of {row['type']} needs {missing[0]}" if missing else ""


def _subject_of_score(row: Row) -> str:
    """Why a score has no subject; empty where it has."""
    return "" if row["location"] or row["item"] else "a score needs location, item or both"


_KINDS = {
    "alerts": _Kind(
        ("raised_at", "type"),
        ("location", "item", "document_id", "interface", "sequence", "score", "deadline", "fault_type", "cause",
         "region"),
        "raised_at", _subject_of_alert,
    ),
    "scores": _Kind(("day", "score"), ("location", "item", "type", "region"), "day", _subject_of_score),
}  # fmt: skip
KINDS: tuple[str, ...] = tuple(_KINDS)


def read(path: Path, kind: str, names: Names) -> list[Row]:
    """The rows of a file, each with every column of its kind; None for what is not said.

    Args:
        path: a file that ends in ``.csv`` or ``.parquet``.
        kind: one of :data:`KINDS`.
        names: what it may speak of.

    Raises:
        FileError: it cannot be read, a column is missing or unknown, a value is not what it must be, or it is not
            sorted by time.
    """
    shape, columns = _KINDS[kind], _columns(path)
    for name in shape.needed:
        if name not in columns:
            raise FileError(f"{path}: no column {name}; {kind} need {', '.join(shape.needed)}")
    known = (*shape.needed, *shape.optional)
    parsers = _parsers(names)
    rows: list[Row] = []
    before, seen = NULL, set()
    size = len(columns[shape.sorted_by])
    for number in range(size):
        row: dict[str, Any] = dict.fromkeys(known)
        for name in known:
            if name in columns:
                given = columns[name][number]
                row[name] = _value(path, number, name, given, parsers[name], name in shape.needed)
        if why := shape.check(row):
            raise FileError(f"{path}: row {number + 1}: {why}")
        if row[shape.sorted_by] < before:
            raise FileError(f"{path}: row {number + 1}, column {shape.sorted_by}: is before the row above; sort by it")
        before = row[shape.sorted_by]
        if kind == "scores":
            subject = (row["day"], row["location"], row["item"])
            if subject in seen:
                raise FileError(f"{path}: row {number + 1}: a second score of one subject and day")
            seen.add(subject)
        rows.append(row)
    return rows


class AlertFile:
    """Tells each alert of a file when its time has come."""

    def __init__(self, context: DetectorContext) -> None:
        self._context = context
        self._rows = of_region(context, "alerts")
        self._next = 0

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The alerts up to now."""
        del rows
        while self._next < len(self._rows) and self._rows[self._next]["raised_at"] <= views.now:
            row = self._rows[self._next]
            self._next += 1
            yield _finding(self._context, row, row["type"])


class ScoreFile:
    """Tells, once a day is over, the subjects whose score of it reaches the threshold."""

    def __init__(self, context: DetectorContext) -> None:
        self._context, self._threshold = context, context.spec.outside.threshold
        self._rows = of_region(context, "scores")
        self._next = 0

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The alerts of the days that are over."""
        del rows
        while self._next < len(self._rows) and self._rows[self._next]["day"] + DAY <= views.now:
            row = self._rows[self._next]
            self._next += 1
            if self._threshold is not None and row["score"] >= self._threshold:
                yield _finding(self._context, row, row["type"] or _type_of_subject(row))


def of_region(context: DetectorContext, kind: str) -> list[Row]:
    """The rows of the spec's file that are of this region; none where the spec names no file."""
    if not context.spec.outside.file:
        return []
    words = context.layout.vocabulary
    own = frozenset(words.locations)
    # Names of other regions are checked before a run begins, where all of them are known.
    found = read(Path(context.spec.outside.file), kind, Names((), frozenset(words.items)))
    return [row for row in found
            if (row["location"] is None or row["location"] in own)
            and (row["region"] is None or row["region"] == context.layout.region)]


def _type_of_subject(row: Row) -> str:
    """The type that a score without one is taken to mean."""
    if row["location"] and row["item"]:
        return "phantom_stock"
    return "clock_skew" if row["location"] else "unit_of_measure"


def _finding(context: DetectorContext, row: Row, type_name: str) -> Finding:
    words = context.layout.vocabulary
    numbers = {name: row[name] for name in ("document_id", "sequence", "deadline", "score", "fault_type", "cause")
               if row.get(name) is not None}
    return Finding(
        type_name,
        location=words.locations.index(row["location"]) if row["location"] else NO_CODE,
        item=words.items.index(row["item"]) if row["item"] else NO_CODE,
        interface=INTERFACE[row["interface"]] if row.get("interface") else NO_CODE,
        **numbers,
    )


def _columns(path: Path) -> dict[str, list[Any]]:
    """The file as lists; CSV as text."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
        elif path.suffix == ".csv":
            head = path.open(encoding="utf-8").readline().strip().split(",")
            texts = pyarrow.csv.ConvertOptions(column_types={name.strip('"'): pa.string() for name in head})
            table = pyarrow.csv.read_csv(path, convert_options=texts)
        else:
            raise FileError(f"{path}: must end in .csv or .parquet")
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be read: {' '.join(str(error).split())[:200]}") from error
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _value(path: Path, number: int, name: str, value: Any, parse: Callable[[Any], Any], needed: bool) -> Any:
    if value is None or value == "":
        if needed:
            raise FileError(f"{path}: row {number + 1}, column {name}: is empty")
        return None
    try:
        return parse(value)
    except (ValueError, TypeError) as error:
        raise FileError(f"{path}: row {number + 1}, column {name}: {value} {error}") from error


def _parsers(names: Names) -> dict[str, Callable[[Any], Any]]:
    """By column, what makes a value of it."""
    time = _time_within(names.begins, names.ends)
    return {
        "raised_at": time, "day": lambda value: time(value) // DAY * DAY, "deadline": _time,
        "type": _one_of(TYPES), "fault_type": _one_of(tuple(CAUSE_OF_FAULT)), "cause": _one_of(CAUSES),
        "location": _one_of(names.locations), "item": _one_of(names.items), "interface": _one_of(INTERFACES),
        "region": _one_of(names.regions), "document_id": _whole, "sequence": _whole, "score": _number,
    }  # fmt: skip


def _one_of(valid: Collection[str]) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if valid and value not in valid:
            shown: Sequence[str] = sorted(valid)
            rest = f", and {len(shown) - 24} more" if len(shown) > 24 else ""
            raise ValueError(f"is unknown; valid: {', '.join(shown[:24])}{rest}")
        return str(value)

    return parse


def _whole(value: Any) -> int:
    """An id or a number; tools that know no null among integers write it with a decimal point."""
    number = _number(value)
    if number < 0 or number != int(number) or number >= 2**53:
        raise ValueError("is no whole number of at least 0")
    return int(number)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("is no finite number")
    return number


def _time(value: Any) -> int:
    """Microseconds since 1970, of an integer, an ISO date or time, or a datetime."""
    if isinstance(value, int):
        return value
    try:
        when = dt.datetime.fromisoformat(value) if isinstance(value, str) and not value.isdigit() else value
        if isinstance(when, str):
            return int(when)
        if isinstance(when, dt.date) and not isinstance(when, dt.datetime):
            when = dt.datetime.fromisoformat(when.isoformat())
        return (when - _EPOCH) // dt.timedelta(microseconds=1)
    except (ValueError, TypeError):
        raise ValueError("is no time of the form 2026-03-02T14:30:00, without a zone") from None


def _time_within(begins: int, ends: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        time = _time(value)
        if not begins <= time < ends:
            raise ValueError("lies outside the run")
        return time

    return parse
