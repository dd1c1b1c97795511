"""One row of the audit: a figure with its interval, the limit it is held to, and whether it is inside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import pandas as pd

from scenarios.manifest import write_file
from scenarios.statistics import Estimate

FILE_NAME: Final = "audit.csv"
PAGE_NAME: Final = "audit.md"
INSIDE, OUTSIDE, NOT_RUN = "inside", "outside", "not run"


@dataclass(frozen=True)
class AuditLine:
    """What one row of the audit found.

    Attributes:
        row: flaw and what was measured.
        value: the figure; None where there was nothing to measure, which is never inside.
        low, high: its interval; None where there is none.
        limit: what it is held to, in words.
        verdict: ``inside``, ``outside``, or ``not run`` for what another suite measures and nobody ran.
        n: what the figure rests on: seeds, rows, faults or openings; None where there was nothing to measure.
        note: what it rests on, and what a reader should know of it.
    """

    row: str
    value: float | None
    low: float | None
    high: float | None
    limit: str
    verdict: str
    note: str = ""
    n: int | None = None

    @property
    def is_inside(self) -> bool:
        """Whether the benchmark is sound in this respect."""
        return self.verdict == INSIDE


def line(row: str, found: Estimate | None, limit: str, *, inside: bool, note: str = "") -> AuditLine:
    """A row from an estimate; without one it is outside, whatever else holds."""
    if found is None or not math.isfinite(found.value):
        return AuditLine(row, None, None, None, limit, OUTSIDE, note or "nothing to measure")
    return AuditLine(row, found.value, found.low, found.high, limit, INSIDE if inside else OUTSIDE, note, found.n)


def write(lines: Sequence[AuditLine], out: Path) -> Path:
    """Write ``audit.csv`` into ``out``, and ``audit.md`` with the same rows to read; returns the path of the first."""
    table = pd.DataFrame([asdict(one) for one in lines], columns=[field.name for field in fields(AuditLine)])
    table["n"] = table["n"].astype("Int64")
    heads = ["row", "limit", "measured", "verdict", "n", "note"]
    rows = [[*row, one.note] for row, one in zip(told(lines), lines, strict=True)]
    page = [[cell.replace("|", "\\|") for cell in row] for row in (heads, ["---"] * len(heads), *rows)]
    write_file(out / PAGE_NAME, "".join(f"| {' | '.join(row)} |\n" for row in page).encode())
    write_file(out / FILE_NAME, table.to_csv(index=False).encode())
    return out / FILE_NAME


def told(lines: Sequence[AuditLine]) -> list[tuple[str, str, str, str, str]]:
    """The rows as they are printed: row, limit, figure with its interval, verdict, n."""
    return [
        (one.row, one.limit, _number(one.value) + _interval(one), one.verdict, "" if one.n is None else f"{one.n:,}")
        for one in lines
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _interval(one: AuditLine) -> str:
    return "" if one.low is None and one.high is None else f" ({_number(one.low)} to {_number(one.high)})"
