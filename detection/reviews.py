"""Policy reviews: what was fit to run by itself is looked at again when the chain changes.

Three kinds of change are announced in the stream: a peak season, a change of the assortment, and a new
release of an interface. From the announcement on, and until the role named has reviewed the policy,
automation is *narrowed*: what the change concerns is a person's decision. A peak concerns what is
inferred from sales (cells), a change of the assortment its items, a release its interface. Where the
policy says ``suspend``, any of them takes all automation away. A review is asked for when automation is
first missed, so that a change which touches no case costs nobody's time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from detection.cases import Case
from detection.views.columns import integers
from sim.events import NULL, STATUS, Rows

#: Kind of change -> role that reviews the policy then.
REVIEWERS: dict[str, str] = {"peak": "supply_chain", "assortment": "master_data", "upgrade": "change_board"}
#: How much automation is taken away until then.
MODES: tuple[str, ...] = ("narrow", "suspend")


@dataclass
class Review:
    """One change that the policy has not been reviewed for.

    Attributes:
        change: a key of :data:`REVIEWERS`.
        role: who reviews.
        since: when it was announced.
        interface: of a release; else -1.
        items: of a change of the assortment; else empty.
        action_id: the request for the review; null while nobody missed automation.
    """

    change: str
    role: str
    since: int
    interface: int = -1
    items: frozenset[int] = frozenset()
    action_id: int = NULL

    def concerns(self, case: Case) -> bool:
        """Whether the change bears on a case."""
        if self.change == "peak":
            return case.subject[0] == "cell"
        if self.change == "upgrade":
            return case.finding.interface == self.interface
        return case.finding.item in self.items


class ReviewCalendar:
    """The reviews that are due.

    Args:
        changes: kinds of change that ask for a review.
        reviewers: role by kind of change.
        mode: one of :data:`MODES`.
    """

    def __init__(self, changes: frozenset[str], reviewers: Mapping[str, str], mode: str) -> None:
        self._changes, self._reviewers, self._is_narrow = changes, reviewers, mode == "narrow"
        self.due: list[Review] = []

    def take(self, now: int, rows: Rows, merged: Collection[int] = ()) -> list[Review]:
        """The changes that a step's rows announce.

        Args:
            now: when they are seen.
            rows: of the step.
            merged: second numbers of one article that the step retires: no change of what is sold.
        """
        found: list[Review] = []
        for block in rows.of("announcing"):
            status = integers(block, "status")
            if (status == STATUS["peak_season"]).any():
                found.append(self._review("peak", now))
            interfaces = integers(block, "interface")[status == STATUS["release"]]
            found += [self._review("upgrade", now, interface=code) for code in np.unique(interfaces).tolist()]
        items: set[int] = set()
        for block in rows.of("master_data"):
            status = integers(block, "status")
            is_change = (status == STATUS["launched"]) | (status == STATUS["retired"])
            items.update(integers(block, "item")[is_change].tolist())
        items.difference_update(merged)
        if items:
            found.append(self._review("assortment", now, items=frozenset(items)))
        found = [review for review in found if review.change in self._changes]
        self.due += found
        return found

    def over(self, case: Case) -> Review | None:
        """The first review without which a machine may not act on a case."""
        return next((review for review in self.due if not self._is_narrow or review.concerns(case)), None)

    def done(self, action_id: int) -> list[Review]:
        """The reviews that an action was; they are due no more."""
        held = [review for review in self.due if review.action_id == action_id]
        self.due = [review for review in self.due if review.action_id != action_id]
        return held

    def refused(self, action_id: int) -> None:
        """Nobody did the review that was asked for: it will be asked for again."""
        for review in self.due:
            if review.action_id == action_id:
                review.action_id = NULL

    def _review(self, change: str, now: int, interface: int = -1, items: frozenset[int] = frozenset()) -> Review:
        return Review(change, self._reviewers[change], now, interface, items)


