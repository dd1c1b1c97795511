"""What a ranking rests on: the assumptions that flip it, as the suite ``sensitivity`` found them.

That suite takes hours, so an audit does not run it: it reads the folder in which it was carried out, and says so
where there is none. A row that was not measured is neither inside nor outside.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pandas as pd

from scenarios.audit.line import INSIDE, NOT_RUN, AuditLine
from scenarios.bench.campaign import FLIP_TABLE
from scenarios.measures.flips import FLIPS

_ROW: Final = "assumptions: those that flip a ranking"
_LIMIT: Final = "each is named"


def assumptions_line(folder: Path) -> AuditLine:
    """How many assumptions flip the ranking, and which.

    Args:
        folder: in which the suite ``sensitivity`` was carried out.
    """
    if not (folder / FLIP_TABLE).is_file():
        note = f"stocktwin bench suite=sensitivity out={folder} moves each to its low and high; it takes hours"
        return AuditLine(_ROW, None, None, None, _LIMIT, NOT_RUN, note)
    table = pd.read_csv(folder / FLIP_TABLE)
    moved = json.loads((folder / "suite.json").read_text(encoding="utf-8"))["origin"]
    sure = table[table["verdict"] == FLIPS]
    named = [f"{row.assumption}={row.value:g} ({row.behind} before {row.ahead})" for row in sure.itertuples()]
    note = "; ".join(named) or f"none beyond doubt; {len(table)} pairs change places without being told apart"
    return AuditLine(_ROW, float(sure["assumption"].nunique()), None, None, _LIMIT, INSIDE, note, len(moved))
