"""What every part of one region shares: the clock, the books, the stream and the keys to draw by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import simpy

from sim.catalogue import Calendar, Catalogue
from sim.clock import DAY, TICK
from sim.config import Config
from sim.counts import Counts
from sim.draws import Ids
from sim.events import Vocabulary
from sim.faults.plan import Plan
from sim.gauges import Gauges
from sim.ledger import Ledger
from sim.rules import Economy, Rules
from sim.stream import Stream
from sim.truth import Truth

#: Business figures of a day, by name (see :attr:`Room.figures`).
FIGURES = (
    "sold_units", "sold_value", "lost_units", "lost_margin", "online_lines", "failed_lines", "penalties",
    "labour_minutes", "expediting", "shrink_units", "shrink_value",
    "supplied_units", "sold_units_physical", "returned_units", "lost_units_physical",
    "scrapped_units", "sent_back_units", "price_leakage", "lapsed_credits", "unfit_resold",
)


@dataclass
class Room:
    """The shared state of a region; flows and systems read it and act through it.

    Attributes:
        plan: what the configuration says of the faults.
        clock_offset: how far each location's own clock is off, microseconds; 0 where it is right.
        gauges: what a sceptic would measure.
        figures: running totals of the current day, by name of :data:`FIGURES`.
        items: how many the catalogue has.
        locations: how many there are: the DC (location 0) and the stores.
    """

    seed: int
    region: int
    config: Config
    catalogue: Catalogue
    calendar: Calendar
    vocabulary: Vocabulary
    stores: int
    env: simpy.Environment
    ids: Ids
    ledger: Ledger
    counts: Counts
    truth: Truth
    rules: Rules
    economy: Economy
    stream: Stream
    plan: Plan
    clock_offset: npt.NDArray[np.int64]
    gauges: Gauges = field(default_factory=Gauges)
    figures: dict[str, float] = field(default_factory=lambda: dict.fromkeys(FIGURES, 0.0))
    items: int = field(init=False)
    locations: int = field(init=False)

    def __post_init__(self) -> None:
        # Asked for with every cell that is named, and the same throughout a run.
        self.items, self.locations = len(self.catalogue), self.stores + 1

    @property
    def now(self) -> int:
        """Simulated time, microseconds since 1970."""
        return int(self.env.now)

    def tick_of(self, time: int) -> int:
        """Ticks from the start of the run to ``time``: the tick that holds it."""
        return (time - self.calendar.start) // TICK

    def day_of(self, time: int) -> int:
        """Days from the start of the run to ``time``."""
        return (time - self.calendar.start) // DAY

    def at(self, time: int, act: Callable[[], None]) -> None:
        """Call ``act`` at ``time`` (at once in this instant where it has passed)."""
        event = self.env.timeout(max(0, time - self.now))
        event.callbacks.append(lambda _: act())

    def is_approved(self, approver: str) -> bool:
        """Whether a change of a stock record may be carried out that ``approver`` (empty for nobody) agreed to."""
        return bool(approver) or self.config.people.operator_acts_alone

    def unit_margin(self, item: int) -> float:
        """Price less cost of an item."""
        return float(self.catalogue.price[item] - self.catalogue.cost[item])

    def cell(self, location: int, item: int) -> int:
        """The cell of a location and an item."""
        return location * self.items + item

    def split(self, cells: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Locations and items of cells."""
        # NumPy divides by one number much faster than it finds quotient and rest together.
        location = cells // self.items
        return location.astype(np.int32), (cells - location * self.items).astype(np.int32)
