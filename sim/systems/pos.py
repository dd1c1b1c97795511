"""The POS: what the till takes a line for. A mis-scan books a sibling item of the same category."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.catalogue import Catalogue
from sim.config import Config
from sim.draws import U64

I32 = npt.NDArray[np.int32]

_BITS = np.uint64(16)
_U16 = np.uint64(0xFFFF)


class Scanner:
    """The scanners of a region's tills."""

    def __init__(self, config: Config, catalogue: Catalogue) -> None:
        faults = config.faults
        share = np.clip(faults.scan_error.rate * faults.scale * catalogue.scan_factor, 0.0, 1.0)
        self._below = (share * 65536.0).astype(np.uint64)
        self._errs = bool(self._below.any())
        self._sibling = catalogue.sibling

    def scan(self, item: I32, bits: U64) -> I32:
        """The item that each line is booked as; ``item`` itself where no line is mistaken."""
        if not self._errs:
            return item
        wrong = ((bits >> _BITS) & _U16) < self._below[item]
        return np.where(wrong, self._sibling[item], item).astype(np.int32) if wrong.any() else item
