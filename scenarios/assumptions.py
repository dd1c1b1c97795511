"""The declared assumptions: numbers of a run that no published source gives, with how far each might be off.

``conf/assumptions.yaml`` names each key with its meaning and a low and a high. The value itself is
the configuration's alone, so that the two cannot disagree.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from scenarios.schema import Experiment


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
        return float(functools.reduce(getattr, self.key.split("."), experiment))  # type: ignore[arg-type]


@functools.cache
def assumptions() -> tuple[Assumption, ...]:
    """Every declared assumption, in the order of the file."""
    return tuple(Assumption(key, **entry) for key, entry in _content()["assumptions"].items())


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
