"""Leakage from the future: what an operator says up to a time must not depend on how long the stream goes on.

One world runs to its end and one is stopped early, on the same seed. Both are recorded and shown to the same
operator, and the alerts of the short one must be, one by one, those that the long one had raised by then.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scenarios.audit.judging import operate, recorded
from scenarios.audit.line import AuditLine, line
from scenarios.audit.settings import Settings
from scenarios.bench.recording import ARM
from scenarios.statistics import Estimate

#: Detectors that learn as they go, and the rules.
DETECTORS = ("standard", "iforest", "knn", "ewma")


def prefix_line(settings: Settings, folder: Path) -> AuditLine:
    """The row of the audit: alerts that differ, over all :data:`DETECTORS`."""
    seed = settings.test[0]
    whole = recorded(settings.world, seed, folder / "whole")
    short = recorded([*settings.world, f"world.days={settings.prefix_days}"], seed, folder / "short")
    end = short.run().horizon[1]
    differ = said = 0
    for detector in DETECTORS:
        quick = {"outlier_warm_up_days": 3.0}
        early, late = (_alerts(operate(one, detector, quick).reader, end) for one in (short, whole))
        said += len(late)
        differ += len(set(early) ^ set(late)) + (early != late and set(early) == set(late))
    note = f"{said:,} alerts of {', '.join(DETECTORS)} in the first {settings.prefix_days} days"
    return line("leakage: alerts that change when the stream goes on", Estimate(float(differ), n=said), "0",
                inside=differ == 0 and said > 0, note=note)


def _alerts(reader: object, before: int) -> list[tuple[object, ...]]:
    """What was said before a time, in order."""
    table: pa.Table = reader.table("alerts", arm=ARM)  # type: ignore[attr-defined]
    table = table.filter(pc.less(table["raised_at"].cast(pa.int64()), before))
    names = ("alert_id", "raised_at", "type", "location", "item", "document_id", "interface", "sequence", "score")
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
