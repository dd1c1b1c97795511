"""What a cell of a benchmark was: the keys behind one scenario and entrant, read from the suite that its folder keeps.

A cell's configuration is what can change its own trials and nothing else, so that whoever compares two benchmarks may
hold each cell against its like, whatever stands beside it:

- the size and length of its world (``world.*``), as it was resolved when the benchmark was laid out;
- the words of its scenario, of all trials and of its entrant; of a key that is said twice the last one holds;
- for an entrant whose least score was frozen, all that was frozen on: ``frozen.*``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from scenarios.errors import UserError

SUITE: Final = "suite.json"


def read_suite(folder: Path) -> dict[str, Any]:
    """The suite of a benchmark's folder; empty where it kept none.

    Raises:
        UserError: if it is damaged.
    """
    path = folder / SUITE
    if not path.exists():
        return {}
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {type(error).__name__}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no suite")
    return content


def config_of(suite: Mapping[str, Any], scenario: str, entrant: str) -> dict[str, Any]:
    """The configuration of a cell, by dotted key in rising order; empty where no suite was kept.

    Args:
        suite: as it was written, see :func:`read_suite`.
        scenario: the suite's name of it.
        entrant: likewise.
    """
    if not suite:
        return {}
    common = suite.get("common") or []
    own = (suite.get("scenarios") or {}).get(scenario) or []
    words = (suite.get("entrants") or {}).get(entrant) or []
    world = (suite.get("worlds") or {}).get(scenario) or {}
    config = {f"world.{key}": value for key, value in world.items()}
    config |= _values([*own, *common, *(word.replace("{scenario}", scenario) for word in words)])
    config["mode"] = suite.get("mode", "")
    if entrant in (suite.get("scored") or []):
        config |= _frozen_on(suite, common)
    return dict(sorted(config.items()))


def _frozen_on(suite: Mapping[str, Any], common: Sequence[str]) -> dict[str, Any]:
    """What a least score was frozen on: the budget, and every scenario on the dev seeds."""
    scenarios = suite.get("scenarios") or {}
    return {
        "frozen.budget": suite.get("budget"),
        "frozen.dev": list((suite.get("seeds") or {}).get("dev") or []),
        **{f"frozen.scenarios.{name}": [*words, *common] for name, words in scenarios.items()},
    }


def _values(words: Sequence[str]) -> dict[str, Any]:
    """Key -> value of words ``KEY=VALUE``."""
    return {key: _parsed(text) for key, _, text in (word.partition("=") for word in words)}


def _parsed(text: str) -> Any:
    """A value as YAML reads it, so that 7 is the number that the resolved world holds; dates and all else stay text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if value is None or isinstance(value, bool | int | float | str | list | dict) else text
