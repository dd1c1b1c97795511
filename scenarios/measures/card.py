"""The scorecard: named measures with unit, interval and, where there is no value, the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import pyarrow as pa

from scenarios.measure_names import MEASURES, declared
from scenarios.statistics import Estimate
from scenarios.tables import BREAKDOWN, conform

SCHEMA: Final = 1
#: What a measure's function gives: an estimate, or the reason why there is none.
Result = Estimate | str
UNITS: Final[dict[str, str]] = {entry.name: entry.unit for entry in MEASURES}


@dataclass(frozen=True)
class Measure:
    """One line of the scorecard; ``value`` is None with a ``reason`` where it is not applicable."""

    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Part:
    """One line of a breakdown: a measure for one key, e.g. one type or one location."""

    measure: str
    by: str
    key: str
    estimate: Estimate


@dataclass
class Scorecard:
    """Measures by name, and the breakdowns beside them."""

    measures: dict[str, Measure] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def put(self, results: Mapping[str, Result]) -> None:
        """Add measures; their units come with their names."""
        for name, result in results.items():
            self.measures[name] = to_measure(result, unit_of(name))

    def to_json(self) -> dict[str, Any]:
        """The content of ``scorecard.json``."""
        return {"schema": SCHEMA, "measures": {name: asdict(self.measures[name]) for name in in_order(self.measures)}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Scorecard:
        """A scorecard as it was written; breakdowns are files of their own."""
        return cls({name: Measure(**fields) for name, fields in content["measures"].items()})

    def breakdowns(self) -> dict[str, pa.Table]:
        """The breakdowns as tables, one for each ``by``: file name -> table."""
        tables = {}
        for by in sorted({part.by for part in self.parts}):
            rows = [
                {"measure": part.measure, "by": by, "key": part.key, **asdict(part.estimate)}
                for part in self.parts
                if part.by == by
            ]
            tables[by] = conform(pa.Table.from_pylist(rows, schema=_ROWS), BREAKDOWN, by)
        return tables


_ROWS: Final = pa.schema(
    {"measure": pa.string(), "by": pa.string(), "key": pa.string()}
    | {"value": pa.float64(), "low": pa.float64(), "high": pa.float64(), "n": pa.int64()}
)


def unit_of(name: str) -> str:
    """The unit of a measure.

    Raises:
        KeyError: if no such measure is declared.
    """
    return UNITS[declared(name)]


def to_measure(result: Result, unit: str) -> Measure:
    """A result as a line of the scorecard; what is no finite number is none."""
    if isinstance(result, str):
        return Measure(None, unit, n=0, reason=result)
    if not math.isfinite(result.value):
        return Measure(None, unit, n=result.n, reason="not a finite number")
    low, high = (None if end is None or not math.isfinite(end) else end for end in (result.low, result.high))
    return Measure(float(result.value), unit, low, high, result.n)


def in_order(measures: Mapping[str, Measure]) -> list[str]:
    """The names, those of the declared list first and in its order."""
    rank = {entry.name: number for number, entry in enumerate(MEASURES)}
    return sorted(measures, key=lambda name: (rank.get(declared(name), len(rank)), name))
