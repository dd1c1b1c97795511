"""The scorecard as tables: groups of measures with their values, intervals and reasons.

A :class:`Group` is a small table: rows are measures, columns are the views of one measure that
belong side by side (in shadow and in the loop; the arms of a run). Measures that no group names
come in a last group of their own, so a scorecard is always shown whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports import words
from reports.view import ARMS, Measure, View


@dataclass(frozen=True)
class Cell:
    """One value of a scorecard, in words.

    Attributes:
        text: the value with its unit, or "n/a".
        interval: "low to high", or nothing.
        n: "n 812", or nothing.
        reason: why there is no value.
        span: (low, value, high) in percent of a 0 to 1 scale, for shares with an interval; else None.
    """

    text: str = ""
    interval: str = ""
    n: str = ""
    reason: str = ""
    span: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Row:
    """One measure: its label, its meaning, its dotted name and a cell for each column."""

    label: str
    meaning: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    """Measures that are read together."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Tile:
    """One headline number with what it is to be held against."""

    label: str
    text: str
    against: str


def cell(measure: Measure | None) -> Cell:
    """One measure as a cell; an absent one is empty."""
    if measure is None:
        return Cell()
    if measure.value is None:
        return Cell(words.NOT_APPLICABLE, reason=measure.reason or "no reason given")
    unit = words.unit_shown(measure.name, measure.unit)
    span = None
    if measure.low is not None and measure.high is not None and measure.unit == "share":
        inside = [min(1.0, max(0.0, number)) * 100 for number in (measure.low, measure.value, measure.high)]
        span = (inside[0], inside[1], inside[2])
    known = measure.n is not None and measure.n > 1
    return Cell(
        words.quantity(measure.value, unit),
        words.interval(measure.low, measure.high, unit),
        f"n {measure.n:,}" if known else "",
        span=span,
    )


def groups(view: View) -> list[Group]:
    """The whole scorecard in its groups; groups without a measure are left out."""
    measures = view.measures
    shown: set[str] = set()
    found = [*(_twice(measures, *told, shown) for told in _TWICE), *_plain_groups(measures, shown)]
    found.append(_arms(measures, shown))
    rest = [name for name in measures if name not in shown]
    found.append(Group("Further measures", "", ("Value",), tuple(_row(measures, name) for name in rest)))
    return [group for group in found if group.rows]


def tiles(view: View) -> list[Tile]:
    """The headline numbers."""

    def text(name: str) -> str:
        measure = view.measures.get(name)
        return cell(measure).text if measure else words.NOT_APPLICABLE

    def against(words_before: str, name: str) -> str:
        return f"{words_before} {text(name)}" if view.value(name) is not None else ""

    arm = view.headline_arm
    return [
        Tile(
            "of the reachable loss recovered",
            text("business.recovery_of_reachable"),
            against("of all the loss:", "business.recovery"),
        ),
        Tile(
            "of exceptions found, mean over types",
            text("detection.recall"),
            against("by chance:", "detection.chance_recall"),
        ),
        Tile("mean time to detect", text("detection.mttd_hours"), against("manual process:", "manual.mttd_hours")),
        Tile("mean time to restore", text("repair.mttr_hours"), against("manual process:", "manual.mttr_hours")),
        Tile(
            "stock accuracy",
            text(f"business.{arm}.stock_accuracy"),
            against("unmanaged:", "business.unmanaged.stock_accuracy") if arm != "unmanaged" else "",
        ),
        Tile("of repairs wrongful", text("repair.wrongful"), against("value put wrong:", "repair.wrongful_value")),
    ]


def seeds(view: View) -> tuple[tuple[str, ...], list[tuple[str, tuple[Cell, ...]]]]:
    """Headline measures of each replication: the labels of the columns, and one row per seed."""
    names = (
        "business.recovery_of_reachable",
        "business.recovery",
        "business.recovery_oracle",
        "detection.recall",
        "detection.precision",
        "detection.mttd_hours",
        "repair.mttr_hours",
        "repair.wrongful",
    )
    present = tuple(name for name in names if any(name in measures for measures in view.seeds.values()))
    labels = tuple(words.label(name)[0] for name in present)
    return labels, [(seed, tuple(cell(found.get(name)) for name in present)) for seed, found in view.seeds.items()]


def _row(measures: Mapping[str, Measure], name: str) -> Row:
    label, meaning = words.label(name)
    return Row(label, meaning, name if label != name else "", (cell(measures.get(name)),))


#: Title, note and prefix of what is measured in shadow and in the loop.
_TWICE: Sequence[tuple[str, str, str]] = (
    (
        "Detection",
        "In shadow: over the unmanaged arm, where no repair changes what there is to find. In the loop: managed.",
        "detection.",
    ),
    ("Diagnosis", "In shadow: nobody looks. In the loop: what people find changes the diagnosis.", "classification."),
)


def _twice(measures: Mapping[str, Measure], title: str, note: str, prefix: str, shown: set[str]) -> Group:
    """Measures in shadow beside the same in the loop."""
    stems = [name.removeprefix(prefix) for name in words.MEASURES if name.startswith(prefix)]
    extra = [name.removeprefix(prefix).removeprefix("loop.") for name in measures if name.startswith(prefix)]
    rows = []
    for stem in dict.fromkeys([*stems, *extra]):
        names = (f"{prefix}{stem}", f"{prefix}loop.{stem}")
        if any(name in measures for name in names):
            label, meaning = words.label(names[0])
            told = names[0] if label != names[0] else ""
            rows.append(Row(label, meaning, told, tuple(cell(measures.get(name)) for name in names)))
            shown.update(names)
    columns: tuple[str, ...] = ("In shadow", "In the loop")
    if not any(name.startswith(f"{prefix}loop.") for name in measures):
        columns = ("In shadow",)
        rows = [Row(row.label, row.meaning, row.name, row.cells[:1]) for row in rows]
    return Group(title, note, columns, tuple(rows))


_PLAIN: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("Manual process", "Scheduled counts and end-of-day reconciliation, which run in every arm.", ("manual.",)),
    ("Cases", "", ("case.",)),
    ("Repair", "In the managed arm.", ("repair.", "queue.", "oracle.")),
)


def _plain_groups(measures: Mapping[str, Measure], shown: set[str]) -> list[Group]:
    found = []
    for title, note, prefixes in _PLAIN:
        known = [name for name in words.MEASURES if name.startswith(prefixes) and name in measures]
        names = list(dict.fromkeys([*known, *(name for name in measures if name.startswith(prefixes))]))
        shown.update(names)
        found.append(Group(title, note, ("Value",), tuple(_row(measures, name) for name in names)))
    names = [name for name in words.MEASURES if name.startswith("business.") and name in measures]
    shown.update(names)
    note = (
        "Recovery: 1 is as if nothing had broken, 0 is the manual process, below 0 is harm. "
        "Reachable is what the oracle arm wins back with the same people."
    )
    found.append(Group("Business", note, ("Value",), tuple(_row(measures, name) for name in names)))
    return found


def _arms(measures: Mapping[str, Measure], shown: set[str]) -> Group:
    """Outcomes of the arms side by side."""
    arms = tuple(arm for arm in ARMS if any(name.startswith(f"business.{arm}.") for name in measures))
    last = [name.rpartition(".")[2] for name in measures if any(name.startswith(f"business.{arm}.") for arm in arms)]
    rows = []
    for stem in dict.fromkeys([*(known for known in words.ARM_MEASURES if known in last), *last]):
        names = [f"business.{arm}.{stem}" for arm in arms]
        shown.update(names)
        label = words.ARM_MEASURES.get(stem, stem)
        rows.append(Row(label, "", f"business.ARM.{stem}", tuple(cell(measures.get(name)) for name in names)))
    note = "The same seed and the same draws in every arm; only faults and the operator differ."
    return Group("The arms", note, arms, tuple(rows))
