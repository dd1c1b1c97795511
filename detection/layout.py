"""What the operator knows of its region before the first row: names, sizes and trading hours.

Location code 0 is the distribution centre, 1 .. S are its stores. A *cell* is one item at one
location, numbered ``location * items + item``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.events import Vocabulary


@dataclass(frozen=True)
class Layout:
    """A region as the operator sees it.

    Attributes:
        vocabulary: the strings behind the codes.
        opens, closes: trading hours, hour of the day.
        region: name of the region.
    """

    vocabulary: Vocabulary
    opens: int = 9
    closes: int = 21
    region: str = "R1"

    @property
    def locations(self) -> int:
        """Number of locations, the distribution centre included."""
        return len(self.vocabulary.locations)

    @property
    def items(self) -> int:
        """Number of items."""
        return len(self.vocabulary.items)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.locations * self.items

    def location_name(self, code: int) -> str:
        """The name behind a location code; empty for none."""
        return self.vocabulary.locations[code] if 0 <= code < self.locations else ""

    def item_name(self, code: int) -> str:
        """The name behind an item code; empty for none."""
        return self.vocabulary.items[code] if 0 <= code < self.items else ""
