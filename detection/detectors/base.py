"""What a detector is: one method, called once a step after the views have taken in the rows.

A detector reads and never writes: not the rows, not the views. It scores before it learns, and it
never looks at a clock but ``views.now``. The harness numbers, records and de-duplicates what it
finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from detection.layout import Layout
from detection.spec import OperatorSpec
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class AlertPort(Protocol):
    """Alerts from outside: a user's file, or an oracle."""

    def read(self, now: int) -> Sequence[Finding]:
        """What became known since the last call, up to ``now``."""
        ...


@dataclass(frozen=True)
class DetectorContext:
    """All that a detector is built from."""

    layout: Layout
    spec: OperatorSpec
    seed: int
    supplied: AlertPort | None = None


class Detector(Protocol):
    """Anything that claims what is broken."""

    def __init__(self, context: DetectorContext) -> None: ...

    def detect(self, views: Views, rows: Rows) -> Iterable[Finding]:
        """The findings of this step."""
        ...
