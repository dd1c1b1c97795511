"""The life of a price: changed in the list, pushed to every till, asked by all of them from its due time on.

The first line that a till sells at another price than the list's gives it away; one alert a cell. A till that
still asks the old price has missed a push; one that asks a third price applies a wrong rule. Whoever paid
too much gets it back.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import EVENT_TYPE, INTERFACE, Rows

_SELLING, _PUSH = EVENT_TYPE["retail_selling"], INTERFACE["mdm_pos"]


class PriceLifeCycle:
    """Reports tills whose price differs from the list's."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Cells that began to deviate."""
        del rows
        for line in views.prices.deviating:
            yield Finding(
                "price_mismatch", location=line.location, item=line.item, interface=_PUSH,
                score=abs(line.asked - line.listed) / line.listed, units=line.units, evidence=(line.event_id,),
                cause="timing_delay" if line.is_old else "business_rule", source=_SELLING,
                steps=("push_price", "refund") if line.asked > line.listed else ("push_price",),
            )  # fmt: skip
