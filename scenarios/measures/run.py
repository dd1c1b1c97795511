"""A run folder as the measures see it: plain tables by arm, the horizon, and the rules of the types."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from scenarios.match import DEFAULT_RULE, HOUR, NULL, Rules, TypeRule, plain
from scenarios.reader import RunReader

DAY: Final = 24 * HOUR
MANUAL: Final = "manual"
#: Team that should get a case first, by the fault behind it or, failing that, by its type.
TEAMS: Final[dict[str, str]] = {
    "dropped_message": "integration",
    "duplicate_message": "integration",
    "api_outage": "integration",
    "posting_lag": "integration",
    "late_asn": "dc",
    "carton_mismatch": "dc",
    "receiving_variance": "inventory_control",
    "unit_of_measure": "inventory_control",
    "transfer_delay": "supply_chain",
    "phantom_stock": "store",
    "negative_inventory": "store",
    "count_variance": "store",
    "shrink": "store",
    "scan_error": "store",
}
#: Types that end by themselves in time: their time to restore says little of the operator.
SELF_CLOSING: Final = frozenset({"posting_lag", "late_asn", "transfer_delay", "api_outage"})


def rules_of(config: Mapping[str, Any]) -> dict[str, TypeRule]:
    """The rules of the types, from ``types`` of the configuration: a list of records, or records by name."""
    types = config.get("types") or []
    records = list(types.values()) if isinstance(types, Mapping) else list(types)
    rules = {}
    for record in records:
        name = record["name"]
        rules[name] = TypeRule(
            window_hours=float(record.get("window_hours", DEFAULT_RULE.window_hours)),
            gap_hours=float(record.get("gap_hours", DEFAULT_RULE.gap_hours)),
            grace_hours=float(record.get("grace_hours", DEFAULT_RULE.grace_hours)),
            inferred=bool(record.get("inferred", True)),
            cause=str(record.get("cause") or ""),
            scope=str(record.get("scope") or ""),
            team=str(record.get("team") or TEAMS.get(name, "")),
            self_closing=bool(record.get("self_closing", name in SELF_CLOSING)),
        )
    return rules


class Run:
    """What the measures read of a run folder, each table once."""

    def __init__(self, reader: RunReader) -> None:
        self.reader = reader
        self.rules: Rules = rules_of(reader.config)
        self._tables: dict[tuple[str, str], pd.DataFrame] = {}

    def table(self, name: str, arm: str) -> pd.DataFrame:
        """The rows of one arm, plain, without the column ``arm``."""
        key = (name, arm)
        if key not in self._tables:
            table = self.reader.table(name, arm=arm)
            self._tables[key] = plain(table.drop_columns(["arm"]))
        return self._tables[key]

    def outcomes(self, arm: str) -> pd.DataFrame:
        """The daily outcomes of one arm."""
        return self.table(f"arms/{arm}", arm)

    def has(self, arm: str) -> bool:
        """Whether the run has this arm."""
        return arm in self.reader.arms

    def of_operator(self, name: str, arm: str) -> pd.DataFrame:
        """Alerts or cases of one arm that are not the manual process's."""
        return self._by_origin(name, arm, manual=False)

    def of_manual(self, name: str, arm: str) -> pd.DataFrame:
        """Alerts or cases of one arm that are the manual process's."""
        return self._by_origin(name, arm, manual=True)

    def _by_origin(self, name: str, arm: str, *, manual: bool) -> pd.DataFrame:
        table = self.table(name, arm)
        origin = table["detector" if name == "alerts" else "origin"]
        return table[(origin == MANUAL) == manual].reset_index(drop=True)

    @cached_property
    def horizon(self) -> tuple[int, int]:
        """Begin and end of the run, microseconds: from the outcomes, or else from the configuration."""
        days = [self.outcomes(arm)["day"].to_numpy() for arm in self.reader.arms]
        found = np.concatenate([*days, np.empty(0, np.int64)])
        if len(found):
            return int(found.min()) // DAY * DAY, int(found.max()) // DAY * DAY + DAY
        world = self.reader.config.get("world", {})
        start = dt.datetime.fromisoformat(str(world.get("start", "1970-01-01")))
        begin = (start - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
        return begin, begin + int(world.get("days", 0)) * DAY

    @property
    def days(self) -> float:
        """Length of the run."""
        begin, end = self.horizon
        return (end - begin) / DAY

    @cached_property
    def locations(self) -> int:
        """Stores and distribution centres."""
        world = self.reader.config.get("world", {})
        if "stores" in world:
            stores = int(world["stores"])
            return stores + min(int(world.get("regions", 1)), max(stores, 1))
        seen = {place for arm in self.reader.arms for place in self.table("truth/exceptions", arm)["location"] if place}
        return len(seen)

    def subjects(self, by_location: bool, by_item: bool) -> int:
        """How many cells, locations or items the chain has, over all regions."""
        world = self.reader.config.get("world", {})
        items = int(world.get("items", 0))
        if by_location:
            return self.locations * (items if by_item else 1)
        return items * min(int(world.get("regions", 1)), max(int(world.get("stores", 1)), 1))


def is_null(values: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where an id or a time is null."""
    null: np.ndarray[Any, np.dtype[np.bool_]] = (values == NULL).to_numpy()
    return null
