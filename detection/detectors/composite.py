"""Several detectors as one: their findings in the order of the list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from detection.detectors.base import Detector, DetectorContext
from detection.registry import is_built_in, load, target_of
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

    def close(self) -> None:
        """Ends the members that live elsewhere."""
        for member in self.members:
            close = getattr(member, "close", None)
            if close is not None:
                close()


class Standard:
    """The default: one rule detector a life cycle."""

    def __init__(self, context: DetectorContext) -> None:
        self._members = build_detector(context, "+".join(STANDARD))

    def detect(self, views: Views, rows: Rows) -> Iterable[Finding]:
        """Each rule's findings."""
        return self._members.detect(views, rows)


def build_detector(context: DetectorContext, name: str) -> Composite:
    """The detector behind a name, or behind several joined by ``+``.

    What is not of this program runs in a process of its own, where it sees rows and nothing else.
    """
    return Composite([_build(context, part) for part in name.split("+")])


def _build(context: DetectorContext, name: str) -> Detector:
    if is_built_in("detector", name):
        made: Detector = load("detector", name)(context)
        return made
    from detection.detectors.piped import host_of_class

    target_of("detector", name)  # an unknown name is refused; the class itself is never imported here
    return host_of_class(context, name)
