"""Detectors that know nothing: the rows that every table of scores is read against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from detection.detectors.base import DetectorContext
from detection.detectors.composite import build_detector
from detection.keys import key_id
from detection.taxonomy import SCOPE_OF_TYPE, Finding
from detection.views.state import Views
from sim.clock import HOUR
from sim.events import EVENT_TYPE, INTERFACES, NO_CODE, NULL, Rows

#: The usual window, in days: whoever says a thing once in it can hardly miss it.
_EVERY_DAYS = 3
#: How many documents one is drawn from, the latest.
_DOCUMENTS = 256
#: Hour at which most shops have their deliveries and counts behind them.
USUAL_HOUR = 10


class Never:
    """Says nothing."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Sequence[Finding]:
        """No findings."""
        del views, rows
        return ()


class Always:
    """Says everything that can be said of places, each claim once in three days: the usual window of an exception.

    What is wrong with an interface, a contract, an item, a clock or a cell cannot escape it, so its recall is high
    and worth nothing: the chance line beside it is as high. Of documents it says nothing; they have no such list.
    """

    def __init__(self, context: DetectorContext) -> None:
        del context
        self._days = 0

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """A third of all claims a day."""
        del rows
        if views.is_new_day:
            self._days += 1
            for type_name, scope in SCOPE_OF_TYPE.items():
                for number in range(self._days % _EVERY_DAYS, _subjects(scope, views), _EVERY_DAYS):
                    yield _claim(type_name, scope, number, views.cells.items)


def _subjects(scope: str, views: Views) -> int:
    """How many things of a scope there are; none where they come and go."""
    cells = views.cells
    return {"interface": len(INTERFACES), "contract": len(INTERFACES), "clock": cells.locations, "item": cells.items,
            "record": cells.items, "cell": cells.locations * cells.items, "price": cells.locations * cells.items,
            }.get(scope, 0)  # fmt: skip


def _claim(type_name: str, scope: str, number: int, items: int) -> Finding:
    """That something is wrong with one of them."""
    if scope in {"cell", "price"}:
        location, item = divmod(number, items)
        return Finding(type_name, location=location, item=item)
    if scope == "clock":
        return Finding(type_name, location=number)
    return Finding(type_name, item=number) if scope in {"item", "record"} else Finding(type_name, interface=number)


class RandomAtSameRate:
    """As many alerts as the standard detector, at the same times and of the same types, about anything."""

    def __init__(self, context: DetectorContext) -> None:
        self._model = build_detector(context, "standard")
        self._seed = context.seed
        self._layout = context.layout
        self._documents: list[int] = []

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The standard findings, with their subjects drawn by lot."""
        for block in rows:
            # Baskets are by far the most, and nothing is ever wrong with one.
            if "document_id" in block.columns and block.event_type != EVENT_TYPE["retail_selling"]:
                ids = np.unique(block.get("document_id"))
                self._documents = [*self._documents, *ids[ids != NULL].tolist()][-_DOCUMENTS:]
        for ordinal, finding in enumerate(self._model.detect(views, rows)):
            yield self._scramble(finding, key_id(self._seed, "random", views.now, ordinal))

    def _scramble(self, finding: Finding, lot: int) -> Finding:
        scope = SCOPE_OF_TYPE[finding.type]
        item = lot % self._layout.items if finding.item >= 0 or scope in {"cell", "item"} else NO_CODE
        location = (lot >> 8) % self._layout.locations if finding.location >= 0 else NO_CODE
        document = finding.document_id
        if document != NULL:
            document = self._documents[(lot >> 16) % len(self._documents)] if self._documents else NULL
        sequence = finding.sequence
        if sequence != NULL:
            sequence = (lot >> 24) % max(1, 2 * sequence)
        interface = (lot >> 4) % len(INTERFACES) if finding.interface >= 0 else NO_CODE
        return replace(
            finding, item=item, location=location, document_id=document, sequence=sequence, interface=interface,
            evidence=(),
        )  # fmt: skip


class LastPoint:
    """Every hour, the cell of the latest sale: whoever scores well with this is scoring positions."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The last row's cell."""
        blocks = [block for block in rows if block.event_type == EVENT_TYPE["retail_selling"] and block.size]
        if views.is_new_hour and blocks:
            last = blocks[-1]
            location, item = int(last.get("location")[-1]), int(last.get("item")[-1])
            yield Finding("phantom_stock", location=location, item=item, evidence=(int(last.get("event_id")[-1]),))


class TimeOfDay:
    """The usual suspects, at one hour of the day: whoever scores well with this is scoring the clock."""

    def __init__(self, context: DetectorContext) -> None:
        self._hour = int(context.spec.parameter("hour", USUAL_HOUR))
        self._has_begun = False

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Each interface, and the best seller and the clock of each store, day after day, once there is a stream."""
        self._has_begun |= len(rows) > 0
        if not self._has_begun or not views.is_new_hour or views.now // HOUR % 24 != self._hour:
            return
        for interface in range(len(INTERFACES)):
            yield Finding("api_outage", interface=interface)
        cells = views.cells
        best = cells.lines.reshape(cells.locations, cells.items).argmax(axis=1).tolist()
        for location, item in enumerate(best):
            for type_name in ("phantom_stock", "negative_inventory", "count_variance"):
                yield Finding(type_name, location=location, item=item)
        for location in range(1, cells.locations):
            yield Finding("clock_skew", location=location)
