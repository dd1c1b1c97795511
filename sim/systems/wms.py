"""The WMS: what a delivery is to it, carton by carton."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import simpy

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: Packing of a carton's key: supplier | day | line | carton.
SUPPLIER_SHIFT, DAY_SHIFT, LINE_SHIFT = 27, 16, 3


@dataclass
class Delivery:
    """A truck of one purchase order; arrays have one row a carton.

    Attributes:
        key: body of each carton's id.
        sscc, advised_sscc: the code on the carton, and the one on the ASN.
        advised, actual: units on the ASN and in the carton.
        unknown: number of the carton_mismatch fault, or -1.
        varied: number of the receiving_variance fault, or -1.
        advice: succeeds when the ASN is in the WMS.
        blind: succeeds when someone decides to receive without it.
    """

    supplier: int
    purchase: int
    shipment: int
    receipt: int
    item: I32
    key: I64
    sscc: I64
    advised_sscc: I64
    advised: I32
    actual: I32
    unknown: I64
    varied: I64
    advice: simpy.Event
    blind: simpy.Event
    late_fault: int = -1
    late_ticket: int = -1
    advised_late_at: int = 0

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Delivery:
        """The chosen cartons."""
        names = ("item", "key", "sscc", "advised_sscc", "advised", "actual", "unknown", "varied")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})
