"""The keys of an experiment: which there are, what they hold, and what to say of one that is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args, get_origin, get_type_hints

from scenarios.errors import UserError, choices
from scenarios.schema import Experiment
from sim.faults.types import BY_NAME

#: What the value of a key must be, by its type.
_NEEDED: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a word",
    list[float]: "a list of numbers, like [1,2]",
    list[int]: "a list of whole numbers, like [1,2]",
    list[str]: "a list of names, like [a,b]",
}


def pairs_of(command: str, words: Sequence[str]) -> dict[str, str]:
    """Key -> value of the words ``KEY=VALUE`` after a command's name; of a key that is there twice the last holds.

    Raises:
        UserError: for a word of another form.
    """
    said: dict[str, str] = {}
    for word in words:
        key, is_pair, value = word.partition("=")
        if not is_pair or not key or key.startswith("-"):
            raise UserError(f"{word}: is not of the form KEY=VALUE; see stocktwin {command} --help")
        said[key] = value
    return said


def fields_of(kind: Any) -> dict[str, Any]:
    """Field name -> type of one dataclass; nothing for any other type."""
    if not dataclasses.is_dataclass(kind):
        return {}
    hints = get_type_hints(kind)
    return {entry.name: hints[entry.name] for entry in dataclasses.fields(kind)}


def kind_of(key: str) -> Any:
    """The declared type of a dotted key, without its ``| None``; None where there is no such key."""
    kind: Any = Experiment
    for part in key.split("."):
        kind = get_args(kind)[1] if get_origin(kind) is dict else fields_of(kind).get(part)
    parts = [part for part in get_args(kind) if part is not type(None)]
    return parts[0] if len(parts) == 1 and len(get_args(kind)) == 2 and get_origin(kind) is not dict else kind


def needed(key: str) -> str:
    """What the value of a key must be, in words; empty where the key says it itself."""
    return _NEEDED.get(kind_of(key), "")


def is_table(key: str) -> bool:
    """Whether a key lies inside a table of the user's own names.

    Raises:
        UserError: if there is no such key.
    """
    kind: Any = Experiment
    walked: list[str] = []
    for part in key.split("."):
        if get_origin(kind) is dict:
            return True
        level = fields_of(kind)
        if part not in level:
            if walked == ["faults"] and part in BY_NAME:
                makers = ", ".join(f"faults.{name}" for name in BY_NAME[part].comes_of)
                raise UserError(f"{key}: {part} has no rate of its own, it comes of other faults; set {makers}")
            where = f" in {'.'.join(walked)}" if walked else ""
            raise UserError(f"{key}: no such key{where}; {choices(level, part)}")
        walked.append(part)
        kind = level[part]
    return get_origin(kind) is dict
