"""Small chains in which everything goes wrong often, for the twins without one fault."""

from __future__ import annotations

from sim.config import Config
from tests.sim.small_world import small_config


def two_regions(days: int = 8) -> Config:
    """A chain of two regions in which everything goes wrong often."""
    config = small_config(stores=4, items=24, days=days, unit_of_measure=0.4, api_outage=20.0, dropped_message=0.02,
                          duplicate_message=0.02, carton_mismatch=0.1, posting_lag=0.05, late_asn=0.1,
                          receiving_variance=0.05, transfer_delay=0.1, rtv_gap=0.8, missing_disposition=0.2,
                          reservation_leak=0.2, out_of_order=0.5, schema_drift=15.0, batch_failure=0.3,
                          duplicate_item=0.5, price_mismatch=0.2, clock_skew=0.6, short_pick=0.2, misplacement=0.02,
                          count_variance=0.5, shrink=0.1)
    config.world.regions = 2
    # Much comes back and much of it goes to its vendor, who collects on the first Friday.
    config.demand.online_share, config.demand.return_rate, config.returns.vendor_share = 0.2, 0.4, 0.5
    config.middleware.legacy_share = 0.5
    config.counting.per_year = [30.0, 30.0, 30.0]
    config.suppliers.quantity_change_rate = 0.3
    config.faults.shrink.magnitude = config.faults.count_variance.magnitude = 0.5
    return config


def many_items(days: int = 18) -> Config:
    """The same with fewer shops, numbers of items to spare, and time for goods to go back to their vendors."""
    config = two_regions(days)
    config.world.stores, config.world.items = 2, 110
    config.pricing.change_rate = 0.05
    return config
