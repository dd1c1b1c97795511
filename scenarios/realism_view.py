"""The realism card in the terminal: one row a published figure, with what the run measured and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.measures.realism import Line, card
from scenarios.reader import RunReader

#: Said where a scenario is no image of any published world.
NO_WORLD = "Realism: this scenario is off the usual rates on purpose; no published figure is its measure."
_STYLES = {"inside": "green", "outside": "red", "NA": "dim"}
#: Said below the card of what its columns mean.
INPUT = "input: a parameter that the run reads back, no evidence; emergent: what follows from the mechanisms"
FEW = "few: chance alone could move the value by half its band"


def show_realism(run: Path, console: Console) -> None:
    """Print the realism card of a run folder."""
    reader = RunReader(run)
    lines = card(reader)
    if not lines:
        console.print(Text(NO_WORLD, style="dim"))
        console.print()
        return
    console.print(_table(lines))
    console.print()
    console.print(Text(summary(lines)))
    console.print(Text(INPUT, style="dim"))
    if any(line.is_on_few for line in lines):
        console.print(Text(FEW, style="dim"))
    for reason, rows in _remarks(lines).items():
        console.print(Text(f"{reason}: rows {', '.join(rows)}", style="dim"))
    console.print()


def summary(lines: Sequence[Line]) -> str:
    """How many figures lie inside their bands, in one line."""
    counts = Counter(line.verdict for line in lines)
    words = ("inside", "outside", "NA")
    inputs, few = sum(line.figure.kind == "input" for line in lines), sum(line.is_on_few for line in lines)
    told = ", ".join(f"{counts[word]} {word}" for word in words if counts[word])
    return f"Realism: {told} of {len(lines)} figures; {inputs} are inputs, {few} measured on too few to judge"


def _table(lines: Sequence[Line]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column(Text("Realism", style="bold not dim"), overflow="fold", max_width=40)
    table.add_column("kind", no_wrap=True)
    for title in ("measured", "95% interval", "n"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("band", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("source", overflow="fold")
    for line in lines:
        figure, measure = line.figure, line.measure
        interval = "" if measure.low is None else f"{_bound(measure.low, line)} to {_bound(measure.high, line)}"
        table.add_row(
            str(figure.row), figure.quantity, figure.kind, _text(measure.value, figure.unit), interval,
            f"{measure.n or 0:,}", Text("few" if line.is_on_few else "", style="yellow"),
            f"{_bound(figure.low, line)} to {_bound(figure.high, line)}",
            Text(line.verdict, style=_STYLES[line.verdict]), f"{figure.source} ({figure.basis})",
        )
    return table


def _text(value: float | None, unit: str) -> str:
    """A number with up to four digits, so that 99.95 % does not read as 100 %."""
    if value is None:
        return "NA"
    return f"{100 * value:.4g} %" if unit == "share" else f"{value:.3g} min" if unit == "minutes" else f"{value:.3g}"


def _bound(value: float | None, line: Line) -> str:
    """A bound without its unit, which stands beside the value."""
    return "..." if value is None else _text(value, line.figure.unit).split(" ", maxsplit=1)[0]


def _remarks(lines: Sequence[Line]) -> dict[str, list[str]]:
    """Why figures have no value: remark -> rows."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.measure.reason:
            found.setdefault(line.measure.reason, []).append(line.figure.name.removeprefix("realism."))
    return found
