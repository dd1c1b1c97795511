"""The declared assumptions: numbers of a run that no published source gives, with how far each might be off.

``conf/assumptions.yaml`` names each key with its meaning and a low and a high. The value itself is
the configuration's alone, so that the two cannot disagree. Some assumptions no key sets: they stand in the code, in a
comment that says so, and their value is read from there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import import_module, resources
from typing import Any

import yaml

from scenarios.schema import Experiment
from sim.clock import DAY, HOUR, MINUTE

#: Units that a time of the code, microseconds, may be told in.
UNITS: dict[str, int] = {"": 1, "minutes": MINUTE, "hours": HOUR, "days": DAY}


@dataclass(frozen=True)
class Assumption:
    """One number without a source.

    Attributes:
        key: as on the command line.
        meaning: in words, with its unit.
        low, high: what a sceptic would try instead.
    """

    key: str
    meaning: str
    low: float
    high: float

    def value(self, experiment: Experiment) -> float:
        """What the configuration says."""
        node: Any = experiment
        for part in self.key.split("."):
            node = node[part] if isinstance(node, dict) else getattr(node, part)
        return float(node)


@functools.cache
def assumptions() -> tuple[Assumption, ...]:
    """Every declared assumption, in the order of the file."""
    return tuple(Assumption(key, **entry) for key, entry in _content()["assumptions"].items())


@dataclass(frozen=True)
class Fixed:
    """One number without a source that stands in the code.

    Attributes:
        key: module and name, and the place in a tuple.
        meaning: in words, with its unit.
        low, high: what a sceptic would try instead.
        unit: a key of :data:`UNITS`.
        fault: the mechanism that it is of; empty where it always acts.
    """

    key: str
    meaning: str
    low: float
    high: float
    unit: str = ""
    fault: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Module, and name in it."""
        module, _, name = self.key.rstrip("0123456789").rstrip(".").rpartition(".")
        return module, name

    @property
    def value(self) -> float:
        """What the code says."""
        module, name = self.place
        number = getattr(import_module(module), name)
        last = self.key.rpartition(".")[2]
        return float(number[int(last)] if last.isdigit() else number) / UNITS[self.unit]


@functools.cache
def fixed() -> tuple[Fixed, ...]:
    """Every assumption that no key sets, in the order of the file."""
    return tuple(Fixed(key, **entry) for key, entry in _content()["fixed"].items())


@functools.cache
def published() -> dict[str, str]:
    """Keys whose default has a source, with the source."""
    return dict(_content()["published"])


@functools.cache
def chosen() -> frozenset[str]:
    """Keys that say what a scenario is about."""
    return frozenset(_content()["chosen"])


def _content() -> dict[str, Any]:
    text = (resources.files("conf") / "assumptions.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content
