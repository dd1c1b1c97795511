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
    #: Sigma of a lognormal number of lines; 0 for a geometric one. Grocery: 9.4 lines and 1.12 (Complete Journey 2017).
    basket_sigma: float = 0.0
    #: Parameter of the logarithmic line quantity: with Poisson lines, daily demand is negative binomial.
    quantity_log: float = 0.35
    #: Spread of item popularity (sigma of a lognormal): with the units above, 66% of item-store-days are without a
    #: sale (M5: about 68%).
    popularity_sigma: float = 1.3
    #: Spread of store size (sigma of a lognormal). Assumption.
    store_sigma: float = 0.3
    #: Share of demand that comes by the online shop. Assumption.
    online_share: float = 0.08
    #: Share of sold lines that come back: from shops (NRF and Appriss 2023: 10.0%) and from online (17.6%).
    return_rate: float = 0.10
    online_return_rate: float = 0.176
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
    safety_factor: float = 1.0
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
    #: Share of counts that miss the cut-off (units in flight are counted twice). Assumption.
    missed_cutoff_rate: float = 0.01
    #: Counts a year of every cell of a DC, by scanner, and how much seldomer they are wrong than a shop's. Assumptions.
    dc_per_year: float = 52.0
    dc_wrong_factor: float = 0.05
    #: Share of counts that look for the item beyond its own place, and so see what is misplaced. Assumption.
    search_rate: float = 0.2
    #: The same of counts in a DC, where a difference sends the counter to the neighbouring locations. Assumption.
    dc_search_rate: float = 0.8
    seconds_per_cell: float = 40.0


@dataclass
class Middleware:
    """Latency, retry and idempotency of the feeds. Assumptions, but for the lognormal form."""

    latency_minutes_median: float = 4.0
    latency_sigma: float = 0.6
    #: Service level of a posting: later than this is late.
    service_hours: float = 4.0
    retry_base_minutes: float = 2.0
    #: With a base of 2 minutes, six attempts reach about four and a half hours; longer outages leave dead letters.
    retry_max_attempts: int = 6
    idempotency_days: int = 7
    #: Share of store-ticks whose batch is late but inside the service level: the decoy valid_late_update.
    valid_late_rate: float = 0.002
    #: Redeliveries that the consumer recognises and drops: share of messages. Assumption.
    redelivery_rate: float = 0.0005
    #: Lines that ERP can post, over units that the shops sell, both in a mean tick: at 12 a day's in two hours. What is
    #: more waits in its queue.
    posting_headroom: float = 12.0
    #: Share of shops on the legacy nightly batch. Assumption.
    legacy_share: float = 0.15
    #: Share of rows whose enrichment fails (their correlation id is lost, a posting's whole envelope), and of rows of
    #: monitoring (traffic, gaps, retries, recoveries) that are never written.
    correlation_loss: float = 0.0
    telemetry_loss: float = 0.0
    #: Day from which one canonical event model holds: what breaks a schema is refused at its source. Null for never.
    canonical_from_day: int | None = None


@dataclass
class Suppliers:
    """How suppliers trade: by EDI or by portal, and what they get wrong in the normal course. Assumptions."""

    #: Days that a supplier promises to deliver in, over the median lead time.
    promise_factor: float = 1.45
    #: Share of suppliers that key their ASNs into the portal by hand.
    portal_share: float = 0.25
    #: How much more often a portal ASN is late or mistyped than one by EDI; the rates of the faults hold for all.
    portal_factor: float = 3.0
    #: Share of orders in which cartons, quantities or prices go wrong: errors come in company, since a supplier
    #: packs and promises well or badly as a whole. Where a rate asks for more, so many.
    troubled_share: float = 0.66
    #: Changes of quantity and of price per purchase-order item (BPI Challenge 2019 aggregates: 8.5 and 4.9 per 100).
    quantity_change_rate: float = 0.085
    price_change_rate: float = 0.049
    #: Share of order items that a supplier cannot deliver in full, and says so in its confirmation.
    shortage_rate: float = 0.04
    #: Share of changes that come before the version they change, which ERP then ignores: late and valid.
    overtaken_rate: float = 0.03


@dataclass
class Finance:
    """Three-way match: what an invoice may differ by before it is blocked for payment."""

    #: Share of invoices with a price or quantity that differs (Ardent Partners 2025: about 25% are exceptions).
    invoice_error_rate: float = 0.20
    #: Tolerances of price and quantity, up and down, as shares and in currency.
    tolerance_up: float = 0.05
    tolerance_down: float = 0.10
    value_up: float = 200.0
    value_down: float = 250.0
    payment_days: int = 30
    #: What a supplier is charged for a truck that is received without its ASN, currency. Assumption.
    asn_fee: float = 75.0


@dataclass
class Pricing:
    """List prices, promotions, and how customers answer to what the till asks. Assumptions."""

    #: Share of items whose list price changes on a day.
    change_rate: float = 0.01
    #: Share of items on promotion at a time, its length, and what it takes off.
    promotion_share: float = 0.02
    promotion_days: int = 7
    promotion_discount: float = 0.25
    #: Demand goes with the till price over the usual one to the power of minus this.
    elasticity: float = 1.5


@dataclass
class Returns:
    """What becomes of goods that come back. Assumptions, but for the rates of return (see ``Demand``)."""

    #: Shares of inspected goods that are scrapped, and sent back to the vendor; the rest is sold again.
    scrap_share: float = 0.05
    vendor_share: float = 0.12
    #: Days until a vendor's credit is due.
    credit_days: int = 10


@dataclass
class Online:
    """The web shop and its orders. Assumptions."""

    #: Share of orders that the customer cancels before they are picked.
    cancel_rate: float = 0.04
    #: Share of short lines for which a customer takes a substitute.
    substitute_rate: float = 0.0
    #: Share of online lines picked in a shop.
    store_share: float = 0.61
    #: Calls a minute that the gateway lets through in a region.
    calls_per_minute: float = 600.0
    #: Hours from the promise to its end.
    promise_hours: float = 24.0


@dataclass
class Assortment:
    """Items that come and go in a run, as shares of the catalogue; the day on which they do."""

    launched_share: float = 0.0
    retired_share: float = 0.0
    day: int = 14


@dataclass
class Confounders:
    """Benign events that look like trouble. Assumptions."""

    #: Announced stops of one interface a region and 30 days, and their length.
    maintenance_rate: float = 1.0
    maintenance_hours: float = 2.0
    #: Shops of the chain that close for good in the run, and the day on which the closing starts.
    closing_stores: int = 0
    closing_day: int = 14


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
    pricing: int = 1
    master_data: int = 1
    order_management: int = 2
    loss_prevention: int = 1
    change_board: int = 1
    shift_from: int = 8
    shift_until: int = 18
    #: Lognormal service minutes of one case or action (sharedserviceslink: 15 minutes or more).
    service_minutes_median: float = 15.0
    service_sigma: float = 0.6
    approval_minutes: float = 3.0
    #: Whether an operator may change a stock record with nobody's approval: a policy that asks nobody sets it.
    operator_acts_alone: bool = False
    cost_per_hour: float = 28.0


@dataclass
class Costs:
    """What a failure costs. Assumptions."""

    promise_penalty: float = 8.0
    holding_rate_year: float = 0.22
    expedite: float = 40.0


@dataclass
class Fault:
    """One mechanism as data: how often it strikes, when, where, how hard, and how long it lasts.

    All are off by default; the files of ``conf/faults`` switch them on. A rate below 0 is refused; a share above 1 too.
    """

    rate: float = 0.0
    #: Median of a lognormal duration, hours; 0 where the fault has none.
    hours: float = 0.0
    sigma: float = 0.8
    #: How hard it strikes, in the type's own unit (see ``list faults``); 1 is as usual.
    magnitude: float = 1.0
    #: First day of the run on which it may strike, and the first on which it no longer does.
    from_day: int = 0
    until_day: int | None = None
    #: Names of locations, items, suppliers or interfaces it is confined to; empty for all.
    only: list[str] = field(default_factory=list)


def _lasting(hours: float, sigma: float = 0.8) -> Fault:
    """A mechanism that is off, and would last so long."""
    return Fault(hours=hours, sigma=sigma)


@dataclass
class Faults:
    """Which mechanisms act. Every rate at 0, as here, is a healthy chain; ``conf/faults`` holds the usual rates."""

    #: Multiplies every rate, ambient ones too.
    scale: float = 1.0
    #: Ids (as in truth/faults) of mechanisms to leave out. Everyday errors (a unit stolen, a mis-scan, a slip
    #: of a counter) have no mechanism of their own: they are named when their cell becomes an exception.
    exclude: list[int] = field(default_factory=list)
    # Documents.
    carton_mismatch: Fault = field(default_factory=Fault)
    posting_lag: Fault = field(default_factory=lambda: _lasting(14.0))
    late_asn: Fault = field(default_factory=lambda: _lasting(20.0))
    receiving_variance: Fault = field(default_factory=Fault)
    transfer_delay: Fault = field(default_factory=lambda: _lasting(40.0))
    rtv_gap: Fault = field(default_factory=lambda: _lasting(240.0))
    missing_disposition: Fault = field(default_factory=Fault)
    reservation_leak: Fault = field(default_factory=Fault)
    # Messages.
    dropped_message: Fault = field(default_factory=Fault)
    duplicate_message: Fault = field(default_factory=Fault)
    out_of_order: Fault = field(default_factory=Fault)
    schema_drift: Fault = field(default_factory=lambda: _lasting(30.0))
    api_outage: Fault = field(default_factory=lambda: _lasting(4.0))
    batch_failure: Fault = field(default_factory=Fault)
    # Records that everyone relies on.
    unit_of_measure: Fault = field(default_factory=Fault)
    duplicate_item: Fault = field(default_factory=Fault)
    price_mismatch: Fault = field(default_factory=lambda: _lasting(120.0))
    clock_skew: Fault = field(default_factory=Fault)
    # Goods. Most of shrink goes unit by unit and most miscounts are slips of a unit or two: those are kept as
    # dense everyday (ambient) error. Sweeps of many units, and gross miscounts, are faults of their own.
    short_pick: Fault = field(default_factory=Fault)
    shrink: Fault = field(default_factory=Fault)
    misplacement: Fault = field(default_factory=lambda: _lasting(240.0))
    count_variance: Fault = field(default_factory=Fault)
    #: Ambient: till lines scanned as a sibling item, both ways.
    scan_error: Fault = field(default_factory=Fault)
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
    suppliers: Suppliers = field(default_factory=Suppliers)
    finance: Finance = field(default_factory=Finance)
    pricing: Pricing = field(default_factory=Pricing)
    returns: Returns = field(default_factory=Returns)
    online: Online = field(default_factory=Online)
    assortment: Assortment = field(default_factory=Assortment)
    confounders: Confounders = field(default_factory=Confounders)
    people: People = field(default_factory=People)
    costs: Costs = field(default_factory=Costs)
    faults: Faults = field(default_factory=Faults)
