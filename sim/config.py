"""Parameters of a world, as plain dataclasses with defaults.

Hydra composes them (``scenarios.schema``), the world reads them, and neither knows of the other.
Every number that no published source gives is a *declared assumption*; the comment says so.
Units are in the names, or beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class World:
    """Size and calendar of the chain."""

    regions: int = 1
    #: Stores of the whole chain, spread over the regions.
    stores: int = 20
    items: int = 500
    days: int = 28
    #: First day, ISO date.
    start: str = "2026-03-02"
    #: Optional last day (ISO date); where given, it overrides ``days``.
    end: str | None = None
    #: Trading hours, local time.
    opens: int = 9
    closes: int = 21
    categories: int = 12
    suppliers: int = 24
    #: Mean units sold per store-item and day at factor 1 (M5: about 68% of item-store-days are zero).
    daily_units: float = 0.9


@dataclass
class Demand:
    """How customers come and what they buy.

    Attributes:
        source: ``synthetic`` or ``complete_journey`` (real baskets, extra ``data``).
    """

    source: str = "synthetic"
    #: Mean lines of a basket (fashion; grocery baskets are longer). Assumption.
    basket_lines: float = 2.2
    #: Parameter of the logarithmic line quantity: with Poisson lines, daily demand is negative binomial.
    quantity_log: float = 0.35
    #: Spread of item popularity (sigma of a lognormal). Assumption.
    popularity_sigma: float = 1.1
    #: Spread of store size (sigma of a lognormal). Assumption.
    store_sigma: float = 0.3
    #: Share of demand that comes by the online shop. Assumption.
    online_share: float = 0.08
    #: Share of sold store lines that come back (NRF and Appriss 2023: 10% in stores).
    return_rate: float = 0.10
    #: Peak season: first day of it (days after start), length, and factor; 0 days switches it off.
    peak_from_day: int = 12
    peak_days: int = 4
    peak_factor: float = 1.6
    #: Weekday index, Monday first (mean 1). Complete Journey 2017 for grocery.
    weekday: list[float] = field(default_factory=lambda: [0.94, 0.92, 0.92, 0.95, 1.02, 1.13, 1.12])


@dataclass
class Replenishment:
    """(R, s, nQ) at the stores, order-up-to at the DC. Assumptions, but for the form."""

    #: Days between the reviews of one store.
    review_days: int = 1
    #: Lead time from review to shelf, in days, that s must cover beyond the review.
    cover_days: float = 3.0
    #: Safety factor in standard deviations of lead-time demand.
    safety_factor: float = 1.8
    #: Days of demand in a replenishment pack.
    pack_days: float = 8.0
    dc_cover_days: float = 9.0
    dc_review_days: int = 2
    dc_safety_factor: float = 2.0
    #: Supplier lead time in days: lognormal median and sigma (delays are lognormal).
    lead_days_median: float = 4.0
    lead_sigma: float = 0.25
    dock_doors: int = 6


@dataclass
class Counting:
    """Scheduled cycle counts. Class A/B/C: four, two and one counts a year, tolerance 1/3/5 %."""

    per_year: list[float] = field(default_factory=lambda: [4.0, 2.0, 1.0])
    tolerance: list[float] = field(default_factory=lambda: [0.01, 0.03, 0.05])
    #: Least difference that is a variance, units.
    floor_units: int = 2
    #: Share of ambient counts that are wrong by one or more. Assumption.
    mistake_rate: float = 0.02
    #: Share of counts that miss the cut-off (units in flight are counted twice). Assumption.
    missed_cutoff_rate: float = 0.01
    seconds_per_cell: float = 40.0


@dataclass
class Middleware:
    """Latency, retry and idempotency of the feeds. Assumptions, but for the lognormal form."""

    latency_minutes_median: float = 4.0
    latency_sigma: float = 0.6
    #: Service level of a posting: later than this is late.
    service_hours: float = 4.0
    retry_base_minutes: float = 2.0
    retry_max_attempts: int = 8
    idempotency_days: int = 7
    #: Share of store-ticks whose batch is late but inside the service level: the decoy valid_late_update.
    valid_late_rate: float = 0.002


@dataclass
class People:
    """Heads per team and region, and how long they take.

    Heads are of the whole chain at 100 stores a region; each region gets its share in whole heads.
    """

    store_per_store: float = 0.5
    inventory_control: int = 4
    dc: int = 4
    integration: int = 2
    supply_chain: int = 3
    finance: int = 2
    shift_from: int = 8
    shift_until: int = 18
    #: Lognormal service minutes of one case or action (sharedserviceslink: 15 minutes or more).
    service_minutes_median: float = 15.0
    service_sigma: float = 0.6
    approval_minutes: float = 3.0
    cost_per_hour: float = 28.0


@dataclass
class Costs:
    """What a failure costs. Assumptions."""

    promise_penalty: float = 8.0
    holding_rate_year: float = 0.22
    expedite: float = 40.0


@dataclass
class Fault:
    """A fault type: its rate, and how long it lasts where it lasts.

    A rate below 0 is refused; a share above 1 too.
    """

    rate: float = 0.0
    #: Median of a lognormal duration, hours; 0 where the fault has none.
    hours: float = 0.0
    sigma: float = 0.8


@dataclass
class Faults:
    """Which mechanisms act. Every rate at 0 is a healthy chain."""

    #: Multiplies every rate, ambient ones too.
    scale: float = 1.0
    #: Ids (as in truth/faults) of mechanisms to leave out. Everyday errors (shrink, scan_error, a wrong
    #: count) have no mechanism of their own: they are named when their cell becomes an exception.
    exclude: list[int] = field(default_factory=list)
    carton_mismatch: Fault = field(default_factory=lambda: Fault(0.01))
    posting_lag: Fault = field(default_factory=lambda: Fault(0.01, 14.0))
    late_asn: Fault = field(default_factory=lambda: Fault(0.06, 20.0))
    receiving_variance: Fault = field(default_factory=lambda: Fault(0.03))
    dropped_message: Fault = field(default_factory=lambda: Fault(0.0002))
    duplicate_message: Fault = field(default_factory=lambda: Fault(0.0002))
    transfer_delay: Fault = field(default_factory=lambda: Fault(0.03, 40.0))
    unit_of_measure: Fault = field(default_factory=lambda: Fault(0.004))
    api_outage: Fault = field(default_factory=lambda: Fault(3.0, 4.0))
    #: Ambient: units stolen, lost or spoilt unseen, per unit sold (NRF FY21-22: 1.4-1.6% of sales).
    shrink: Fault = field(default_factory=lambda: Fault(0.015))
    #: Ambient: till lines scanned as a sibling item, both ways. Assumption.
    scan_error: Fault = field(default_factory=lambda: Fault(0.02))
    #: Years of drift that a run opens with since the last count, as a factor on the count interval.
    opening_drift: float = 1.0


@dataclass
class Config:
    """All that the world needs, without the operator."""

    world: World = field(default_factory=World)
    demand: Demand = field(default_factory=Demand)
    replenishment: Replenishment = field(default_factory=Replenishment)
    counting: Counting = field(default_factory=Counting)
    middleware: Middleware = field(default_factory=Middleware)
    people: People = field(default_factory=People)
    costs: Costs = field(default_factory=Costs)
    faults: Faults = field(default_factory=Faults)
