"""Strays: postings that came without an envelope, and the lines that they may answer.

A posting whose correlation id and number were lost says what was booked (where, which item, which movement, how
much), and not which message it answers. A line that falls due unanswered may have such a posting: one that equals
it in all of these and is no older than it. Each answers one line. So most lines whose envelope was lost raise no
alarm, at a price: what was really lost is taken for answered when another's stray happens to be its equal, what
was booked in another quantity finds no answer, and that something was booked twice nobody can tell.
"""

from __future__ import annotations

import numpy as np

from detection.views.columns import BoolArray, IntArray, integers
from sim.clock import DAY, MINUTE
from sim.events import Block

#: Days in which a stray may answer a line; most lines fall due within hours of their posting.
KEPT_DAYS = 2
#: A stray is held as one integer that sorts by its look and then by its minute.
_MINUTE_BITS = 26
_MINUTES = (1 << _MINUTE_BITS) - 1
_LOOKS = (1 << 62 - _MINUTE_BITS) - 1
_MIX = np.int64(-7046029254386353131)


class Strays:
    """The strays of the last days that answer no line yet.

    Attributes:
        came: whether some came in this step.
    """

    def __init__(self) -> None:
        self._pool: IntArray = np.zeros(0, dtype=np.int64)
        self.came = False

    def begin(self) -> None:
        """Clear the last step's news."""
        self.came = False

    def __len__(self) -> int:
        return len(self._pool)

    def add(self, block: Block) -> None:
        """Postings without an envelope."""
        look = look_of(*(integers(block, name) for name in ("location", "item", "code", "quantity")))
        self._pool = np.sort(np.concatenate([self._pool, _packed(look, integers(block, "occurred_at"))]))
        self.came = True

    def claim(self, look: IntArray, sent_at: IntArray) -> BoolArray:
        """Which lines a stray answers; what answers is used up.

        Args:
            look: of each line, see :func:`look_of`.
            sent_at: when each was sent, microseconds.
        """
        answered: BoolArray = np.zeros(len(look), dtype=np.bool_)
        asking = np.lexsort((sent_at, look))
        while len(asking) and len(self._pool):
            # One line of each look at a time, the oldest first: no two can want the same stray.
            _, first = np.unique(look[asking], return_index=True)
            turn = asking[first]
            asking = np.delete(asking, first)
            place = np.searchsorted(self._pool, _packed(look[turn], sent_at[turn]))
            inside = place < len(self._pool)
            turn, place = turn[inside], place[inside]
            equal = self._pool[place] >> _MINUTE_BITS == look[turn]
            answered[turn[equal]] = True
            self._pool = np.delete(self._pool, place[equal])
        return answered

    def end_day(self, now: int) -> None:
        """Forget strays that answered nothing in time."""
        oldest = (now - KEPT_DAYS * DAY) // MINUTE & _MINUTES
        self._pool = self._pool[self._pool & _MINUTES >= oldest]


def look_of(location: IntArray, item: IntArray, code: IntArray, quantity: IntArray) -> IntArray:
    """What is left of a line when nobody says which it is, as one number each: place, item, movement and units."""
    look = ((location * _MIX + item) * _MIX + code) * _MIX + np.abs(quantity)
    look = (look ^ (look >> 29)) * _MIX
    mixed: IntArray = (look >> 20) & _LOOKS
    return mixed


def _packed(look: IntArray, at: IntArray) -> IntArray:
    packed: IntArray = (look << _MINUTE_BITS) | (at // MINUTE & _MINUTES)
    return packed
