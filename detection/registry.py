"""What can stand at each stage of the pipeline, by name.

A name maps to ``module:Class``; nothing is imported until it is asked for, so that a model library
that takes seconds to load costs nothing where it is not used. Others add detectors by the entry
point group ``stocktwin.detectors``, or by writing ``package.module:Class`` where a name goes.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

DETECTORS: dict[str, str] = {
    "standard": "detection.detectors.composite:Standard",
    "receipt": "detection.detectors.receipt:ReceiptLifeCycle",
    "transfer": "detection.detectors.transfer:TransferLifeCycle",
    "channel": "detection.detectors.channel:ChannelLifeCycle",
    "reservation": "detection.detectors.reservation:ReservationLifeCycle",
    "returns": "detection.detectors.returns:ReturnLifeCycle",
    "counts": "detection.detectors.counts:CountLifeCycle",
    "vendor": "detection.detectors.vendor:VendorLifeCycle",
    "batch": "detection.detectors.batch:BatchLifeCycle",
    "price": "detection.detectors.price:PriceLifeCycle",
    "clock": "detection.detectors.clock:ClockOffset",
    "record": "detection.detectors.record:RecordLifeCycle",
    "version": "detection.detectors.version:VersionLifeCycle",
    "book": "detection.detectors.book:NegativeBook",
    "silence": "detection.detectors.silence:CellSilence",
    "ewma": "detection.detectors.charts:MovingAverage",
    "cusum": "detection.detectors.charts:CumulativeSum",
    "seasonal": "detection.detectors.seasonal:SeasonalResidual",
    "random_count": "detection.detectors.walks:RandomCount",
    "zero_balance": "detection.detectors.walks:ZeroBalanceWalk",
    "high_activity": "detection.detectors.walks:HighActivity",
    "low_on_hand": "detection.detectors.walks:LowOnHand",
    "pyod": "detection.detectors.outliers:Pyod",
    "sklearn": "detection.detectors.outliers:ScikitLearn",
    "half_space": "detection.detectors.outliers:HalfSpaceTrees",
    "boosted": "detection.detectors.boosted:Boosted",
    "iforest": "detection.detectors.outliers:IsolationForest",
    "knn": "detection.detectors.outliers:NearestNeighbours",
    "never": "detection.detectors.nulls:Never",
    "always": "detection.detectors.nulls:Always",
    "random": "detection.detectors.nulls:RandomAtSameRate",
    "last_point": "detection.detectors.nulls:LastPoint",
    "time_of_day": "detection.detectors.nulls:TimeOfDay",
    "one_liner": "detection.detectors.one_liner:OneLiner",
    "alerts": "detection.detectors.files:AlertFile",
    "scores": "detection.detectors.files:ScoreFile",
    "command": "detection.detectors.piped:host_of_command",
    "supplied": "detection.detectors.supplied:Supplied",
}
#: Numbers by name (``detector.parameters``) that one or another of our own detectors reads.
PARAMETERS: tuple[str, ...] = (
    "boosted_probability", "cusum_allowance", "cusum_limit", "cusum_weight", "ewma_limit", "ewma_weight", "hour",
    "outlier_quantile", "outlier_warm_up_days", "rule", "seasonal_limit", "seasonal_weight", "short_pick_silence",
    "short_pick_strikes", "transfer_deviations",
)  # fmt: skip
CLASSIFIERS: dict[str, str] = {
    "fitted": "detection.classifiers.fitted:FittedClassifier",
    "rules": "detection.classifiers.rules:RuleClassifier",
    "none": "detection.classifiers.nulls:NoClassifier",
}
PRIORITIES: dict[str, str] = {
    "value": "detection.priorities.value:RevenueAtRisk",
    "fcfs": "detection.priorities.fcfs:FirstComeFirstServed",
}
ENTRY_POINT_GROUP = "stocktwin.detectors"
_BUILT_IN: dict[str, Mapping[str, str]] = {
    "detector": DETECTORS,
    "classifier": CLASSIFIERS,
    "priority": PRIORITIES,
}


class UnknownNameError(ValueError):
    """A stage was asked for by a name that nothing answers to."""


def names(stage: str) -> tuple[str, ...]:
    """The names that can stand at ``stage`` (detector, classifier, priority), plug-ins included."""
    return tuple(_targets(stage))


def is_built_in(stage: str, name: str) -> bool:
    """Whether a name stands for a class of this program."""
    return name in _BUILT_IN[stage]


def target_of(stage: str, name: str) -> str:
    """The ``module:Class`` behind a name; nothing is imported.

    Raises:
        UnknownNameError: nothing has this name; the message lists the valid ones and the nearest.
    """
    # Our own names win, so that the installed packages are looked through for others only.
    target = name if ":" in name else _BUILT_IN[stage].get(name) or _targets(stage).get(name)
    if target is None:
        valid = names(stage)
        near = difflib.get_close_matches(name, valid, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnknownNameError(f"{stage}={name}: no such {stage}{hint} valid: {', '.join(valid)}")
    return target


def load(stage: str, name: str) -> Any:
    """The class behind a name or a ``package.module:Class``.

    Raises:
        UnknownNameError: nothing has this name, or there is no such class.
    """
    target = target_of(stage, name)
    module_name, _, class_name = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise UnknownNameError(f"{stage}={name}: cannot load {target}: {error}") from error


def _targets(stage: str) -> Mapping[str, str]:
    if stage != "detector":
        return _BUILT_IN[stage]
    found = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**found, **DETECTORS}
