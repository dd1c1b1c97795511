"""Two runs compared, in the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.compare import Comparison, Row, Source
from scenarios.gate_reports import signed
from scenarios.measures.paired import PAIRS_MIN
from scenarios.scorecard_view import value_text

#: Keys of a breakdown that are shown, the largest first.
_SHOWN = 6
_STYLES = {"B better": "green", "B worse": "bold red"}


def show(comparison: Comparison, a: str, b: str, console: Console) -> None:
    """Print a comparison."""
    console.print(Text(f"A {a}\nB {b}"))
    for note in comparison.notes:
        console.print(Text(f"differs: {note}", style="dim"))
    cells = list(dict.fromkeys(row.cell for row in comparison.rows))
    for cell in cells:
        rows = [row for row in comparison.rows if row.cell == cell]
        console.print()
        console.print(_table(cell, rows))
        few = next((row.gap.reason for row in rows if row.gap.reason), None)
        if few and all(row.gap.n < PAIRS_MIN for row in rows):
            console.print(Text(f"No claim is made: {few}."))
        _show_sources([source for source in comparison.sources if source.cell == cell], console)


def _table(cell: str, rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(cell, style="bold not dim"), no_wrap=True)
    for heading in ("A", "B", "B - A", "95% interval", "p (Holm)", "P(equal)", "n"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for row in rows:
        gap = row.gap
        ends = [signed(end, row.unit).split(" ", maxsplit=1)[0] for end in (gap.low, gap.high) if end is not None]
        table.add_row(
            row.name, value_text(row.a, row.unit), value_text(row.b, row.unit),
            "" if gap.difference is None else signed(gap.difference, row.unit), " to ".join(ends),
            _probability(row.p), _probability(gap.p_equal), str(gap.n),
            Text(row.verdict, style=_STYLES.get(row.verdict, "")),
        )
    return table


def _probability(value: float | None) -> str:
    return "" if value is None else "<0.001" if 0 < value < 0.001 else f"{value:.3f}"


def _show_sources(sources: Sequence[Source], console: Console) -> None:
    """One line a breakdown: how much of the difference each key is."""
    if sources:
        console.print(Text("\nWhere the difference comes from (parts add up to it)", style="bold"))
    for source in sources:
        parts = [f"{key} {signed(part, source.unit)}" for key, part in source.parts.items()]
        rest = list(source.parts.values())[_SHOWN:]
        more = [f"{len(rest)} more {signed(sum(rest), source.unit)}"] if rest else []
        console.print(Text(f"{source.measure} by {source.by}: {', '.join(parts[:_SHOWN] + more)}"))


def as_json(comparison: Comparison) -> str:
    """The comparison as JSON."""
    content = {
        "measures": [{**asdict(row), "gap": asdict(row.gap)} for row in comparison.rows],
        "sources": [asdict(source) for source in comparison.sources],
        "notes": list(comparison.notes),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
