"""What ``stocktwin list`` prints: every name a user may type, with what it is.

As text, names and meanings in columns; as JSON, a list of objects that each have ``name``.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from scenarios.errors import UserError, choices
from scenarios.groups import content, described
from scenarios.measure_names import MEASURES, direction_of
from sim.config import Faults
from sim.faults.types import TYPES

Row = dict[str, Any]


def listing(words: Sequence[str]) -> str:
    """The text for the words after ``list``.

    Raises:
        UserError: for an unknown topic or option.
    """
    as_json = "--json" in words
    topics = [word for word in words if word != "--json"]
    for word in topics:
        if word not in _TOPICS:
            raise UserError(f"list {word}: no such topic; {choices(_TOPICS, word)}")
    if len(topics) > 1:
        raise UserError(f"list: takes one topic, got {len(topics)}; {choices(_TOPICS)}")
    chosen = topics or list(_TOPICS)
    if as_json:
        rows = [row if topics else {"topic": topic, **row} for topic in chosen for row in _TOPICS[topic]()]
        return json.dumps(rows, indent=1)
    blocks = [_text(topic, _TOPICS[topic]()) for topic in chosen]
    if not topics:
        blocks = [f"{topic}\n{_indented(block)}" for topic, block in zip(chosen, blocks, strict=True)]
    return "\n\n".join(blocks)


def _group(group: str) -> list[Row]:
    return [{"name": name, "summary": summary} for name, summary in described(group).items()]


def _faults() -> list[Row]:
    """Every type with its usual rate; the rate is null for exceptions, which have no mechanism of their own.

    ``default`` is the rate of ``faults=standard``, which a run has where nothing else is said; ``hours`` the median
    of what lasts, null where nothing does.
    """
    usual = content("faults", "standard")
    rows = []
    for entry in TYPES:
        rate = usual[entry.name]["rate"] if "F" in entry.kind else None
        hours = usual[entry.name].get("hours", getattr(Faults(), entry.name).hours) if entry.duration else None
        fields = dataclasses.asdict(entry)
        fields["cause"] = entry.cause or "by its fault"
        rows.append({"name": entry.name, "rate": rate, "default": rate, "hours": hours, **fields})
    return rows


def _fault_cells(row: Row) -> list[str]:
    """One type as it is shown: what it is, what mends it, and how often and how hard it strikes."""
    unit = row["rate_unit"] or f"no rate of its own: comes of {', '.join(row['comes_of'])}"
    if row["duration"]:
        unit += f"; hours ({_plain(row['hours'])}): {row['duration']}"
    if row["magnitude_unit"]:
        unit += f"; magnitude: {row['magnitude_unit']}"
    kind = row["kind"] + (" i" if row["inferred"] else "") + (", ambient" if row["ambient"] else "")
    rate = "-" if row["rate"] is None else _plain(row["rate"])
    cause = " or ".join(cause for cause in (row["cause"], row["other_cause"]) if cause).replace("_", " ")
    approvers = ", ".join(row["approvers"]).replace("_", " ")
    return [row["name"], kind, row["plane"], cause, row["remedy"], approvers, rate, unit]


def _measures() -> list[Row]:
    return [{**dataclasses.asdict(entry), "better": direction_of(entry.name)} for entry in MEASURES]


_TOPICS: dict[str, Callable[[], list[Row]]] = {
    "scenarios": lambda: _group("scenario"),
    "faults": _faults,
    "detectors": lambda: _group("detector"),
    "policies": lambda: _group("policy"),
    "suites": lambda: _group("suite"),
    "measures": _measures,
}
#: Columns shown as text; JSON has every field.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "faults": ("name", "kind", "plane", "cause", "remedy", "approver", "rate", "of"),
    "measures": ("name", "unit", "better", "meaning"),
}
#: Widest a column gets before its text is wrapped; 0 for no limit.
_WIDEST: dict[str, tuple[int, ...]] = {"faults": (0, 0, 0, 20, 29, 17, 0, 30)}
_FAULTS_NOTE = """\
kind: F a fault (it acts), X an exception (a broken rule), FX both; i: inferred, no row says it outright; ambient:
everyday errors, unit by unit.
approver: who answers for the remedy, step by step; auto: nobody has to; ladder: by the value of what is booked. A
policy may leave to a machine what is safe: a replay, a redrive, the reversal of a proven duplicate.
rate: the default, key faults.NAME.rate; 0 switches a type off. hours: the default of the median, key faults.NAME.hours,
and what lasts so long. How long, how hard, when and where it strikes:
faults.NAME.{hours, sigma, magnitude, from_day, until_day, only}."""


def _text(topic: str, rows: list[Row]) -> str:
    columns = _COLUMNS.get(topic, ("name", "summary"))
    if topic == "faults":
        cells = [_fault_cells(row) for row in rows]
    else:
        cells = [["-" if row[column] in {None, ""} else _plain(row[column]) for column in columns] for row in rows]
    table = [list(columns), *cells] if topic in _COLUMNS else cells
    widest = _WIDEST.get(topic, (0,) * len(columns))
    wrapped = [[textwrap.wrap(text, most) if most else [text] for text, most in zip(line, widest, strict=True)]
               for line in table]
    widths = [max(len(part) for line in wrapped for part in line[column]) for column in range(len(columns))]
    lines = []
    for line in wrapped:
        for depth in range(max(map(len, line))):
            parts = [part[depth] if depth < len(part) else "" for part in line]
            lines.append("  ".join(text.ljust(width) for text, width in zip(parts, widths, strict=True)).rstrip())
    return "\n".join([*lines, "", _FAULTS_NOTE] if topic == "faults" else lines)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _indented(block: str) -> str:
    return "\n".join(f"  {line}" for line in block.splitlines())
