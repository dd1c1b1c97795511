"""What ``stocktwin list`` prints: every name a user may type, with what it is.

As text, names and meanings in columns; as JSON, a list of objects that each have ``name``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

from scenarios.errors import UserError, choices
from scenarios.groups import content, described
from scenarios.measure_names import MEASURES
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
    """Every type with its usual rate; the rate is null for exceptions, which have no mechanism of their own."""
    usual = content("faults", "standard")
    rows = []
    for entry in TYPES:
        rate = usual[entry.name]["rate"] if "F" in entry.kind else None
        fields = dataclasses.asdict(entry)
        fields["cause"] = entry.cause or "by its fault"
        rows.append({"name": entry.name, "rate": rate, **fields})
    return rows


def _measures() -> list[Row]:
    return [dataclasses.asdict(entry) for entry in MEASURES]


_TOPICS: dict[str, Callable[[], list[Row]]] = {
    "scenarios": lambda: _group("scenario"),
    "faults": _faults,
    "detectors": lambda: _group("detector"),
    "policies": lambda: _group("policy"),
    "measures": _measures,
}
#: Columns shown as text; JSON has every field.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "faults": ("name", "kind", "plane", "cause", "remedy", "approver", "rate", "rate_unit"),
    "measures": ("name", "unit", "meaning"),
}


def _text(topic: str, rows: list[Row]) -> str:
    columns = _COLUMNS.get(topic, ("name", "summary"))
    header = [column.replace("_", " ") for column in columns] if topic in _COLUMNS else None
    cells = [["-" if row[column] in {None, ""} else _plain(row[column]) for column in columns] for row in rows]
    table = [header, *cells] if header else cells
    widths = [max(len(line[position]) for line in table) for position in range(len(columns))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in table]
    return "\n".join(lines)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _indented(block: str) -> str:
    return "\n".join(f"  {line}" for line in block.splitlines())
