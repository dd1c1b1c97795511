"""Rates that cannot strike: a mechanism that is on, in a world that has nothing for it to disturb.

A rate and the share that it lives on have to fit together where one hand wrote both: a rate of the command line,
whatever takes its ground away, and a rate of the user's own file, unless the command line takes it away afterwards.
Those are refused. A usual rate that somebody's other choice leaves without ground is just not reached: it is
told (:func:`without_ground`) and nothing is refused. A world that is small leaves nothing to tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from scenarios.errors import UserError
from scenarios.schema import Experiment
from sim.catalogue import numbers_of

_ONLINE = ("demand.online_share",)
#: What goods that come back come of: sales in a shop, or orders.
_BACK: tuple[tuple[str, ...], ...] = (("demand.return_rate",), (*_ONLINE, "demand.online_return_rate"))
#: Fault type -> the grounds that it can strike on, each of keys that must all be above 0; one ground is enough.
GROUNDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "batch_failure": (("middleware.legacy_share",),),
    "missing_disposition": _BACK,
    "rtv_gap": tuple(("returns.vendor_share", *ground) for ground in _BACK),
    "reservation_leak": (_ONLINE,),
    "short_pick": (_ONLINE,),
    "out_of_order": (("suppliers.quantity_change_rate",), ("suppliers.price_change_rate",)),
    "price_mismatch": (("pricing.change_rate",), ("pricing.promotion_share", "pricing.promotion_discount")),
}


def check_rates_strike(experiment: Experiment, said: Collection[str], in_file: Collection[str] = ()) -> None:
    """Refuse a rate that somebody wrote for a world in which it can strike nothing.

    Args:
        experiment: sound in every other respect.
        said: keys that the command line sets.
        in_file: keys that a scenario of the user's own file sets.

    Raises:
        UserError: naming the rate, and what takes its ground away.
    """
    dead = list(_dead(experiment))
    # An article is doubled under a number that is not in use, and a small catalogue has none to spare. Being small is
    # no mistake of a world: only whoever asks for the fault is told.
    if _is_on(experiment, "duplicate_item") and numbers_of(experiment)[1] == experiment.world.items:
        dead.append(("duplicate_item", ["world.items"]))
    for name, keys in dead:
        key = f"faults.{name}.rate"
        if key in said or (key in in_file and not set(keys) & set(said)):
            raise UserError(f"{key}={getattr(experiment.faults, name).rate:g}: can strike nothing in this world, "
                            f"with {_shown(experiment, keys)}")


def without_ground(experiment: Experiment) -> list[str]:
    """Faults that are on and can strike nothing, each as ``name (key=value)``."""
    return [f"{name} ({_shown(experiment, keys)})" for name, keys in _dead(experiment)]


def _dead(experiment: Experiment) -> Iterator[tuple[str, list[str]]]:
    """Faults with a rate and no ground, each with the keys that take it away."""
    for name, grounds in GROUNDS.items():
        missing = [[key for key in ground if not _value(experiment, key)] for ground in grounds]
        if _is_on(experiment, name) and all(missing):
            yield name, list(dict.fromkeys(keys[0] for keys in missing))


def _is_on(experiment: Experiment, name: str) -> bool:
    return bool(getattr(experiment.faults, name).rate * experiment.faults.scale)


def _shown(experiment: Experiment, keys: list[str]) -> str:
    return " and ".join(f"{key}={_value(experiment, key):g}" for key in keys)


def _value(experiment: Experiment, key: str) -> Any:
    group, name = key.split(".")
    return getattr(getattr(experiment, group), name)
