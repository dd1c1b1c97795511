"""The gate in the terminal: a table of the checks, what differs, and the outcome in the last line."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.baseline import Baseline
from scenarios.gate import Verdict
from scenarios.gate_reports import difference_text, headline, rate_text
from scenarios.samples import Sample, differences
from scenarios.scorecard_view import value_text

_STYLES = {"passed": "green", "failed": "bold red", "not judged": "yellow"}


def show(verdict: Verdict, console: Console) -> None:
    """Print a verdict; the last line is the outcome."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading, right in (("cell", False), ("check", False), ("baseline", True), ("run", True),
                           ("difference (interval)", True), ("margin", True), ("verdict", False)):
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for check in verdict.checks:
        has = check.gap is not None
        table.add_row(
            check.cell, check.name,
            value_text(check.baseline, check.unit) if has else "", value_text(check.value, check.unit) if has else "",
            difference_text(check), value_text(check.gap.margin, check.unit) if check.gap is not None else "",
            Text(f"{check.status}: {check.told}", style=_STYLES[check.status]),
        )
    console.print(table)
    for note in verdict.notes:
        console.print(Text(f"differs: {note}"))
    console.print(Text(rate_text(verdict)))
    console.print(Text(headline(verdict), style="bold"))


def changes(before: Baseline | None, after: Baseline) -> list[str]:
    """What an update changes, one line each; empty if nothing."""
    if before is None:
        cells = ", ".join(f"{name} ({len(cell.seeds)} seeds)" for name, cell in after.cells.items())
        return [f"new: {cells}", f"gated: {', '.join(after.margins)}"]
    lines = [
        f"{word}: {one} -> {other}"
        for word, one, other in (("version", before.version, after.version), ("lock", before.lock, after.lock))
        if one != other
    ]
    lines += [f"gated no more: {name}" for name in before.margins if name not in after.margins]
    new = after.margins.keys() - before.margins.keys()
    lines += [f"newly gated: {name}, margin {text}" for name, text in after.margins.items() if name in new]
    lines += [f"{name}: removed" for name in before.cells if name not in after.cells]
    for name, cell in after.cells.items():
        old = before.cells.get(name)
        lines += [f"{name}: new"] if old is None else [f"{name}: {line}" for line in _changed(old, cell)]
    return lines


def _changed(old: Sample, new: Sample) -> list[str]:
    lines = differences(old.config, new.config)
    if old.seeds != new.seeds:
        lines.append(f"seeds {_range(old)} -> {_range(new)}")
    common = sorted(set(old.seeds) & set(new.seeds))
    for word, one, other in (("hashes", old.hashes, new.hashes), ("counts", old.counts, new.counts)):
        moved = [seed for seed in common if _plain(one.get(seed)) != _plain(other.get(seed))]
        if moved:
            lines.append(f"{word} of {len(moved)} of {len(common)} common seeds")
    for name, row in new.values.items():
        if row != old.values.get(name):
            means = [value_text(_mean(side), new.units.get(name, "")) for side in (old.values.get(name, ()), row)]
            lines.append(f"{name} {' -> '.join(means)}")
    return lines


def _plain(row: Mapping[str, object] | None) -> dict[str, object]:
    return dict(row or {})


def _range(sample: Sample) -> str:
    return f"{sample.seeds[0]} to {sample.seeds[-1]} ({len(sample.seeds)})" if sample.seeds else "none"


def _mean(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
