"""When, where and how often each mechanism may strike: what a configuration says of the faults.

A site in the model draws by the key of the thing at hand (a carton, a line, a night's job). It strikes
when the draw is below the mechanism's share, and :meth:`Plan.strikes` agrees: the day lies in the
mechanism's window, the place is among those it is confined to, and the user did not leave it out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.clock import DAY
from sim.config import Config, Fault
from sim.draws import threshold
from sim.events import INTERFACES, NO_CODE, Vocabulary


class Plan:
    """The faults of one region, as its sites ask for them.

    Args:
        config: of the world.
        vocabulary: the names behind the codes.
        start: of the run, microseconds.

    Attributes:
        left_out: ids of those that would have struck, had the user not left them out.
    """

    def __init__(self, config: Config, vocabulary: Vocabulary, start: int) -> None:
        self._faults, self._vocabulary, self._start = config.faults, vocabulary, start
        self._exclude = frozenset(config.faults.exclude)
        self.left_out: set[int] = set()

    def of(self, name: str) -> Fault:
        """The data of one mechanism."""
        fault: Fault = getattr(self._faults, name)
        return fault

    def rate(self, name: str) -> float:
        """Its rate, scaled."""
        return self.of(name).rate * self._faults.scale

    def below(self, name: str, factor: float = 1.0) -> np.uint64:
        """The 64-bit bound under which a draw strikes; ``factor`` scales the rate once more."""
        return threshold(self.rate(name) * factor)

    def is_on(self, name: str, time: int) -> bool:
        """Whether a mechanism may strike at ``time``."""
        fault, day = self.of(name), (time - self._start) // DAY
        return self.rate(name) > 0.0 and fault.from_day <= day and (fault.until_day is None or day < fault.until_day)

    def reaches(self, name: str, locations: int, items: int) -> npt.NDArray[np.bool_]:
        """Where a mechanism that acts on cells may strike; shape (locations, items)."""
        only, words = self.of(name).only, self._vocabulary
        if not only:
            return np.ones((locations, items), np.bool_)
        where, what = np.isin(words.locations[:locations], only), np.isin(words.items[:items], only)
        return np.logical_or.outer(where, what)

    def strikes_many(self, name: str, fault_ids: npt.NDArray[np.int64], time: int, location: npt.NDArray[np.integer],
                     item: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """:meth:`strikes` of many draws at one time; arrays of shape (n,)."""
        acts = np.full(len(fault_ids), self.is_on(name, time))
        only, words = self.of(name).only, self._vocabulary
        if only:
            acts &= (np.isin(np.array(words.locations)[location], only) | np.isin(np.array(words.items)[item], only))
        if self._exclude:
            excluded = acts & np.isin(fault_ids, list(self._exclude))
            self.left_out.update(fault_ids[excluded].tolist())
            acts &= ~excluded
        return acts

    def strikes(self, name: str, fault_id: int, time: int, *, location: int = NO_CODE, item: int = NO_CODE,
                supplier: int = NO_CODE, interface: int = NO_CODE) -> bool:
        """Whether a draw that fell below its bound acts.

        Args:
            name: of the mechanism.
            fault_id: of the one at hand (see ``sim.truth.Truth.fault_id``).
            time: when it would strike.
            location: where; a code.
            item: what; a code.
            supplier: whose; its number.
            interface: on which; a code.
        """
        if not self.is_on(name, time):
            return False
        only, words = self.of(name).only, self._vocabulary
        named = ((location, words.locations), (item, words.items), (supplier, words.suppliers), (interface, INTERFACES))
        if only and not any(code >= 0 and strings[code] in only for code, strings in named):
            return False
        if fault_id in self._exclude:
            self.left_out.add(fault_id)
            return False
        return True
