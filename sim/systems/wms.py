"""The WMS: what a delivery is to it, carton by carton."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import simpy

from sim.draws import Paper, paper

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: Packing of a carton's key: supplier | day | line | carton.
SUPPLIER_SHIFT, DAY_SHIFT, LINE_SHIFT = 27, 16, 3
_CARTONS = (1 << LINE_SHIFT) - 1


def carton_paper(kind: Paper, key: int) -> tuple[int, int]:
    """Body and step of a document's key about one carton.

    A paper has room for the order line; four cartons fit the steps that posting leaves free, so that
    each kind about cartons has two papers, this one and the next.
    """
    carton = key & _CARTONS
    return paper(Paper(kind + carton // 4), key >> LINE_SHIFT), carton % 4


@dataclass
class Delivery:
    """A truck of one purchase order; arrays have one row a carton.

    Attributes:
        key: body of each carton's id.
        sscc, advised_sscc: the code on the carton, and the one on the ASN.
        agreed, advised, actual: units that the order wants of it, that the ASN names, and that are in it.
        damaged: of the units in it, those that cannot be sold.
        unknown: number of the carton_mismatch fault, or -1.
        varied: number of the receiving_variance fault, or -1.
        advice: succeeds when the ASN is in the WMS.
        refused: something of it was not taken.
        blind: succeeds when someone decides to receive without it.
    """

    supplier: int
    day: int
    purchase: int
    shipment: int
    receipt: int
    item: I32
    key: I64
    sscc: I64
    advised_sscc: I64
    agreed: I32
    advised: I32
    actual: I32
    damaged: I32
    unknown: I64
    varied: I64
    advice: simpy.Event
    blind: simpy.Event
    late_fault: int = -1
    late_ticket: int = -1
    refused: bool = False

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Delivery:
        """The chosen cartons."""
        names = ("item", "key", "sscc", "advised_sscc", "agreed", "advised", "actual", "damaged", "unknown", "varied")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def good(self) -> I32:
        """Units that can be sold."""
        return self.actual - self.damaged
