"""The tables of a leaderboard in words: boards of entrants, recall by type, statuses.

Pure functions from rows of ``leaderboard.csv``. A number that the table does not hold is shown as a dash, never
as zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_hex

from reports import words
from scenarios.measures.leaderboard import ANNOUNCED, COLUMNS, INFERRED, OVERALL
from scenarios.measures.ranking import OVER
from scenarios.measures.trials import BASELINE, OK, ORACLE


@dataclass(frozen=True)
class Head:
    """How a column of the table is shown.

    Attributes:
        label: heading.
        unit: see :func:`reports.words.quantity`.
        meaning: one line.
        ascending: the least is best.
    """

    label: str
    unit: str
    meaning: str
    ascending: bool = False


HEADS: Final[Mapping[str, Head]] = {
    "skill": Head("Skill", "ratio", "(recall − chance) / (1 − chance): 0 is chance, 1 is all"),
    "recall": Head("Found", "share", "exceptions found, mean over types"),
    "chance": Head("By chance", "share", "what as many alerts at random times would find"),
    "inferred": Head("… inferred", "share", "types that no row announces"),
    "announced": Head("… announced", "share", "types that a row of the stream announces"),
    "precision": Head("Precision", "share", "incidents that are true"),
    "false_alarms": Head("False alarms", "alarms/location-day", "untrue ones, per location and day", ascending=True),
    "mttd_hours": Head("To detect", "hours", "restricted mean; a miss counts as its whole window", ascending=True),
    "recovery_of_reachable": Head("Of reachable", "share", "recovery over that of the oracle"),
    "recovery": Head("Recovered", "share", "share of the loss won back"),
    "mttr_hours": Head("To restore", "hours", "restricted mean from opening to restored", ascending=True),
    "oracle_mttr_hours": Head("… by the oracle", "hours", "the same where detection and diagnosis are perfect"),
    "manual_mttr_hours": Head("… by hand", "hours", "the same where nobody but the manual process repairs"),
    "manual_mttd_hours": Head("By hand", "hours", "how long the manual process takes to detect"),
    "recall_value": Head("… by value", "share", "exceptions found, weighted by loss at stake"),
    "cause_f1": Head("Cause", "score", "root cause, macro-F1"),
    "fault_f1": Head("Fault", "score", "fault behind it, macro-F1"),
    "calibration_error": Head("Miscalibration", "score", "expected calibration error; 0 is best", ascending=True),
    "wrongful": Head("Wrongful", "share", "repairs without cause, or for a wrong one", ascending=True),
    "wrongful_value": Head("Put wrong", "value", "value that repairs put wrong", ascending=True),
    "minutes": Head("Work", "minutes", "minutes per exception", ascending=True),
    "minutes_a_day": Head("… a day", "minutes", "people's minutes a day", ascending=True),
    "queue_age_hours": Head("Queue", "hours", "95th percentile of a case's age, open ones counted", ascending=True),
}
_DISTANCE: Final = Head("To the oracle", "", "the oracle's value less this one's, on the same seeds", ascending=True)


@dataclass(frozen=True)
class Cell:
    """One value: what is read, what is sorted by, and (low, value, high) in percent of its scale."""

    text: str
    value: str = ""
    small: str = ""
    css: str = ""
    span: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Verdict:
    """Against the best, in words."""

    text: str = ""
    small: str = ""
    css: str = ""


@dataclass(frozen=True)
class Line:
    """One entrant of one table."""

    rank: str
    entrant: str
    failed: str
    cells: tuple[Cell, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Board:
    """One table: the oracle, the entrants and the baselines in groups of their own."""

    title: str
    heads: tuple[Head, ...]
    oracle: list[Line] = field(default_factory=list)
    entrants: list[Line] = field(default_factory=list)
    baselines: list[Line] = field(default_factory=list)



def board(rows: pd.DataFrame, title: str, mode: str) -> Board:
    """One table: rows of one split and key, in the order of the leaderboard."""
    names = list(COLUMNS[mode])
    has_oracle = bool((rows["role"] == ORACLE).any())
    distance = [_DISTANCE] if has_oracle else []
    made = Board(title, (HEADS[names[0]], *distance, *(HEADS[name] for name in names[1:])))
    groups = {ORACLE: made.oracle, "entrant": made.entrants, "baseline": made.baselines}
    for row in rows.to_dict("records"):
        cells = [_ranking(row, names[0]), *(_cell(row, name, HEADS[name].unit) for name in names[1:])]
        if has_oracle:
            cells.insert(1, _cell(row, "to_oracle", HEADS[names[0]].unit))
        groups[row["role"]].append(
            Line(_whole(row["rank"]), row["entrant"], _failed(row), tuple(cells), _verdict(row, HEADS[names[0]].unit))
        )
    return made


_APPENDIX: Final[Mapping[str, Head]] = {
    "range_precision": Head("Range precision", "score", "share of each range of days told that was wrong"),
    "range_recall": Head("Range recall", "score", "share of each range of days wrong that was told"),
    "vus_pr": Head("VUS-PR", "score", "volume under range-aware precision and recall"),
    "affiliation_precision": Head("Affiliation precision", "score", "nearness of what was told to what was wrong"),
    "affiliation_recall": Head("Affiliation recall", "score", "nearness of what was wrong to what was told"),
}


def appendix(overall: pd.DataFrame) -> tuple[tuple[Head, ...], list[tuple[str, str, tuple[Cell, ...]]]]:
    """Range measures, as (entrant, role, cells): random first, since no figure says anything but beside it.

    Entrants without any of them, and tables that do not hold them, have no line.
    """
    names = [name for name in _APPENDIX if name in overall]
    held = overall[overall[names].notna().any(axis=1)] if names else overall.iloc[:0]
    first = held[(held["entrant"] == "random") & (held["role"] == BASELINE)]
    rows = pd.concat([first, held.drop(first.index)]).to_dict("records")
    lines = [(str(row["entrant"]), str(row["role"]), tuple(_cell(row, name, "score") for name in names))
             for row in rows]  # fmt: skip
    return tuple(_APPENDIX[name] for name in names), lines


def _ranking(row: Mapping[Any, Any], name: str) -> Cell:
    """What ranks: its interval in full, and as a line on a scale from 0 to 1."""
    value, low, high = _ends(row, name)
    if math.isnan(value):
        return Cell("–", css="main")
    unit = HEADS[name].unit
    if math.isnan(low):
        return Cell(words.quantity(value, unit), repr(value), "", "main")
    left, middle, right = (min(1.0, max(0.0, number)) * 100 for number in (low, value, high))
    return Cell(
        words.quantity(value, unit), repr(value), words.interval(low, high, unit), "main", (left, middle, right)
    )


def _cell(row: Mapping[Any, Any], name: str, unit: str) -> Cell:
    """A value and, in small, half the width of its interval; ratios of sums have it clipped, and are told in full."""
    value, low, high = _ends(row, name)
    if math.isnan(value):
        return Cell("–")
    text = words.quantity(value, unit)
    if math.isnan(low):
        return Cell(text, repr(value))
    half = (high - low) / 2
    is_even = math.isclose(value - low, half, rel_tol=1e-6, abs_tol=1e-12)
    return Cell(text, repr(value), f"± {words.quantity(half, unit)}" if is_even else words.interval(low, high, unit))


def _ends(row: Mapping[Any, Any], name: str) -> tuple[float, float, float]:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return value, low, high


def _verdict(row: Mapping[Any, Any], unit: str) -> Verdict:
    text = str(row["verdict"])
    if not text or text == "best":
        return Verdict(text, css=text)
    gap, p = float(row["to_best"]), float(row["p_holm"])
    told = [] if math.isnan(gap) else [f"{'+' if gap > 0 else ''}{words.quantity(gap, unit)}".replace("-", "−")]
    told += [] if math.isnan(p) else [f"p {p:.3f}" if p >= 0.001 else "p < 0.001"]
    return Verdict(text, ", ".join(told), "behind" if text in {"behind", OVER} else "few")


def _failed(row: Mapping[Any, Any]) -> str:
    """How many trials failed, and how; nothing where none did."""
    bad = [part for part in str(row["statuses"]).split("; ") if part.rpartition(" ")[0] != OK]
    return f"{int(row['failed'])} of {int(row['trials'])} failed: {', '.join(bad)}" if bad else ""


def _whole(value: Any) -> str:
    return "" if pd.isna(value) else str(int(value))


#: Nothing to all, light to dark; the ends of Okabe and Ito's blue.
_RAMP: Final = LinearSegmentedColormap.from_list("found", ["#f3f6f9", "#bcd9ea", "#5fa6cf", "#0072b2", "#00436b"])
_DARK_FROM: Final = 0.6


@dataclass(frozen=True)
class Shade:
    """One cell of the table by type."""

    text: str
    colour: str
    dark: bool
    title: str


@dataclass(frozen=True)
class TypeLine:
    """One type of exception."""

    name: str
    n: str
    cells: tuple[Shade, ...]


@dataclass(frozen=True)
class TypeGroup:
    """Inferred types, or announced ones."""

    title: str
    rows: list[TypeLine]


def type_entrants(test: pd.DataFrame) -> list[str]:
    """The columns of the table by type: as overall."""
    return [str(name) for name in test.loc[test["by"] == OVERALL, "entrant"]]


def by_type(test: pd.DataFrame) -> list[TypeGroup]:
    """Recall by type, inferred types first; those that never occurred are left out."""
    order = type_entrants(test)
    made = []
    for by, title in ((INFERRED, "Inferred: no row says so"), (ANNOUNCED, "Announced by a row of the stream")):
        lines = []
        for key, rows in test[test["by"] == by].groupby("key", sort=True):
            counted = {row["entrant"]: row for row in rows.to_dict("records")}
            number = int(rows["recall_n"].fillna(0).max())
            if number:
                cells = tuple(_shade(counted[name]) if name in counted else _NO_SHADE for name in order)
                lines.append(TypeLine(words.plain(str(key)), f"{number:,}", cells))
        if lines:
            made.append(TypeGroup(title, lines))
    return made


_NO_SHADE: Final = Shade("–", "transparent", dark=False, title="no value")


def _shade(row: Mapping[Any, Any]) -> Shade:
    value, low, high = (float(row[name]) for name in ("recall", "recall_low", "recall_high"))
    if math.isnan(value):
        return _NO_SHADE
    title = "" if math.isnan(low) else words.interval(low, high, "share")
    return Shade(f"{value:.0%}", to_hex(_RAMP(value)), dark=value > _DARK_FROM, title=title)


def statuses(table: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """(split, status, trials, whose): every trial counted once."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for row in table[table["by"] == OVERALL].to_dict("records"):
        for part in str(row["statuses"]).split("; "):
            status, _, number = part.rpartition(" ")
            counted.setdefault((row["split"], status), {})[row["entrant"]] = int(number)
    made = []
    for (split, status), who in counted.items():
        names = "all" if status == OK else ", ".join(f"{name} ({number})" for name, number in who.items())
        made.append((split, status, f"{sum(who.values()):,}", "" if status == OK else names))
    return made
