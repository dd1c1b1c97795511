"""The scorecard in the terminal.

It reads ``scorecard.json`` and nothing else. Measures that belong side by side share a row: the
arms of the business outcomes, detection in shadow and in the loop. What has no value says NA and
why; a measure that is not known here is shown under its own name, so nothing is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.measure_names import ARMS, MEASURES, pair_of

Measures = Mapping[str, Mapping[str, Any]]
#: Heading and prefix of the groups that have one value a measure, in the order shown.
_GROUPS: Sequence[tuple[str, str]] = (
    ("Manual process", "manual."),
    ("Cases", "case."),
    ("Repair", "repair."),
    ("Queues", "queue."),
    ("Oracle", "oracle."),
)
_ORDER: Mapping[str, int] = {entry.name: position for position, entry in enumerate(MEASURES)}
#: Heading and prefix of those that are measured in shadow and in the loop.
_TWICE: Sequence[tuple[str, str]] = (("Detection", "detection."), ("Diagnosis", "classification."))
#: Measures in tables without room for a reason of their own.
_SIDE_BY_SIDE = (*(prefix for _, prefix in _TWICE), *(f"business.{arm}." for arm in ARMS))
_LABEL_WIDTH = 32
_VALUE_WIDTH = 12


def show(run: Path, console: Console) -> None:
    """Print the scorecard of a run folder."""
    scorecard = json.loads((run / "scorecard.json").read_text(encoding="utf-8"))
    measures: Measures = scorecard["measures"]
    left = sorted(measures, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
    tables = []
    headline = [name for name in left if name.startswith("business.") and name.count(".") == 1]
    tables.append(_plain("Business", "business.", headline, measures))
    tables.append(
        _matrix("Arms", {arm: f"business.{arm}." for arm in ARMS}, measures),
    )
    for heading, prefix in _TWICE:
        views = {"shadow": prefix, "in the loop": f"{prefix}loop."}
        tables.append(_matrix(heading, views, measures, intervals=prefix == "detection."))
    for heading, prefix in _GROUPS:
        tables.append(_plain(heading, prefix, [name for name in left if name.startswith(prefix)], measures))
    known = ("business.", *(prefix for _, prefix in (*_TWICE, *_GROUPS)))
    tables.append(_plain("Further", "", [name for name in left if not name.startswith(known)], measures))
    for table in tables:
        if table.row_count:
            console.print(table)
            console.print()
    for reason, names in _reasons(measures).items():
        console.print(Text(f"NA ({reason}): {', '.join(names)}", style="dim"))


def value_text(value: float | None, unit: str) -> str:
    """A value as a person reads it, by its unit; ``NA`` for none."""
    if value is None:
        return "NA"
    # A bound a hair below 0 is not to read as -0.
    value = round(value, 9) + 0.0
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "hours":
        return f"{value:,.1f} h"
    if unit == "minutes":
        return f"{value:,.1f} min" if abs(value) < 100 else f"{value:,.0f} min"
    if unit in {"value", "units", "count"}:
        return f"{round(value) + 0.0:,.0f}"
    if unit in {"ratio", "score", ""}:
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,.4g}"


def interval_text(measure: Mapping[str, Any]) -> str:
    """``low to high``, or nothing where there is no interval."""
    low, high, unit = measure.get("low"), measure.get("high"), str(measure.get("unit") or "")
    if low is None and high is None:
        return ""
    return f"{_bare(low, unit)} to {_bare(high, unit)}"


def _bare(value: float | None, unit: str) -> str:
    """A bound without its unit, which stands beside the value."""
    return "..." if value is None else value_text(value, unit).split(" ", maxsplit=1)[0]


def _table(heading: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(heading, style="bold not dim"), min_width=_LABEL_WIDTH, no_wrap=True)
    return table


def _plain(heading: str, prefix: str, names: Sequence[str], measures: Measures) -> Table:
    """One value a row, with its interval, its n, or the reason for NA."""
    table = _table(heading)
    table.add_column("value", justify="right", min_width=_VALUE_WIDTH, no_wrap=True)
    table.add_column("95% interval", justify="right", min_width=18, no_wrap=True)
    table.add_column("n", justify="right", min_width=6, no_wrap=True)
    table.add_column("", overflow="fold", style="dim")
    for name in names:
        measure = measures[name]
        value = measure.get("value")
        n = measure.get("n")
        table.add_row(
            _label(name.removeprefix(prefix)),
            value_text(value, str(measure.get("unit") or "")),
            interval_text(measure),
            "" if n is None else f"{n:,}",
            str(measure.get("reason") or "") if value is None else "",
        )
    return table


def _matrix(heading: str, columns: Mapping[str, str], measures: Measures, *, intervals: bool = False) -> Table:
    """One row a measure, one column for each prefix that has any; absent ones stay blank."""
    stems: dict[str, int] = {}
    present: dict[str, str] = {}
    # The longest prefix claims a name: detection.loop.recall is no measure of detection.
    for name in measures:
        owner = max((p for p in columns.values() if name.startswith(p)), key=len, default=None)
        if owner is None:
            continue
        present.update({title: prefix for title, prefix in columns.items() if prefix == owner})
        if pair_of(name) is not None and measures[name].get("value") is None:
            # A pair of which a half never occurred says nothing; the page and the file keep its reason.
            continue
        stem = name.removeprefix(owner)
        stems[stem] = min(stems.get(stem, len(_ORDER)), _ORDER.get(name, len(_ORDER)))
    table = _table(heading)
    shown = [(title, prefix) for title, prefix in columns.items() if title in present]
    for title, _ in shown:
        table.add_column(title, justify="right", min_width=_VALUE_WIDTH, no_wrap=True)
        if intervals:
            table.add_column("95% interval", justify="right", min_width=16, no_wrap=True)
    for stem in sorted(stems, key=lambda stem: (stems[stem], stem)):
        cells = []
        for _, prefix in shown:
            measure = measures.get(prefix + stem)
            cells.append("" if measure is None else value_text(measure.get("value"), str(measure.get("unit") or "")))
            if intervals:
                cells.append("" if measure is None else interval_text(measure))
        table.add_row(_label(stem), *cells)
    return table


def _reasons(measures: Measures) -> dict[str, list[str]]:
    """Why measures that share a row with others have no value: reason -> their names."""
    found: dict[str, list[str]] = {}
    for name, measure in measures.items():
        if name.startswith(_SIDE_BY_SIDE) and pair_of(name) is None and measure.get("value") is None:
            found.setdefault(str(measure.get("reason") or "no reason given"), []).append(name)
    return found


#: Measures that stand beside one of the same name that counts where they weigh.
_TOLD_BY_VALUE = {"recall_value": "recall by value", "wrongful_value": "wrongful, value"}


def _label(stem: str) -> str:
    """``mttd_median_hours`` -> ``mttd median``: the unit stands beside the value."""
    if stem in _TOLD_BY_VALUE:
        return _TOLD_BY_VALUE[stem]
    return stem.removesuffix("_hours").removesuffix("_value").replace("_", " ").replace("pair.", "pair: ")
