"""Several detectors as one: their findings in the order of the list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from detection.detectors.base import Detector, DetectorContext
from detection.registry import load
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows

#: The rule detectors, one a life cycle, and the silence of cells.
STANDARD: tuple[str, ...] = (
    "channel", "batch", "receipt", "version", "transfer", "returns", "vendor", "counts", "reservation", "price",
    "clock", "record", "book", "silence",
)  # fmt: skip


class Composite:
    """Runs its members one after the other."""

    def __init__(self, members: Sequence[Detector]) -> None:
        self.members = tuple(members)

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Each member's findings."""
        for member in self.members:
            yield from member.detect(views, rows)


class Standard:
    """The default: one rule detector a life cycle."""

    def __init__(self, context: DetectorContext) -> None:
        self._members = build_detector(context, "+".join(STANDARD))

    def detect(self, views: Views, rows: Rows) -> Iterable[Finding]:
        """Each rule's findings."""
        return self._members.detect(views, rows)


def build_detector(context: DetectorContext, name: str) -> Composite:
    """The detector behind a name, or behind several joined by ``+``."""
    return Composite([load("detector", part)(context) for part in name.split("+")])
