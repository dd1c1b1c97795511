"""Leakage through memory: a third-party detector that searches its own process for the truth.

A spy is a detector like any user's (``detector.plugin=module:Class``), so it runs in a child and is fed through a
pipe. It reads every page of its own memory and looks for the ids of faults and exceptions, which stand in the truth
and nowhere in the stream. It holds them only masked, so that it cannot find its own list, and a control looks in
the same way for ids of rows that it was shown, which must be there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from scenarios.audit.judging import Recorded, recorded, said_by
from scenarios.audit.line import AuditLine, line
from scenarios.audit.settings import Settings
from scenarios.bench.recording import ARM
from scenarios.statistics import Estimate

#: What tokens are masked with; any number whose bits are mixed.
MASK: Final = 0x5DEECE66D9A7B3C1
MODULE: Final = "stocktwin_spy"
#: Ids that are looked for, at most.
_TOKENS_MAX: Final = 4000
_SOURCE: Final = '''"""Searches its own memory for masked tokens; written for one audit."""

import numpy as np

from detection.taxonomy import Finding

MASK = np.uint64({mask})
SECRET = np.array({secret}, dtype=np.uint64)
SHOWN = np.array({shown}, dtype=np.uint64)


class Spy:
    """Raises one finding: how many tokens of either kind its memory holds."""

    def __init__(self, context):
        self.days = 0

    def detect(self, views, rows):
        self.days += views.is_new_day
        if views.is_new_day and self.days == {day}:
            secret, shown = search()
            yield Finding("phantom_stock", location=1, item=0, score=float(secret))
            yield Finding("phantom_stock", location=1, item=1, score=float(shown))


def search():
    """Occurrences of the secret and of the shown tokens in every readable page."""
    found = [0, 0]
    with open("/proc/self/maps") as maps:
        pages = [line.split() for line in maps]
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for page in pages:
            begin, _, end = page[0].partition("-")
            if not page[1].startswith("r") or page[-1] in ("[vvar]", "[vsyscall]"):
                continue
            at, last = int(begin, 16), int(end, 16)
            while at < last:
                size = min(last - at, 1 << 24)
                try:
                    memory.seek(at)
                    words = np.frombuffer(memory.read(size), dtype="<u8", count=-1)
                except (OSError, ValueError, OverflowError):
                    break
                masked = words ^ MASK
                for place, tokens in enumerate((SECRET, SHOWN)):
                    found[place] += int(np.isin(masked, tokens).sum())
                at += size
    return found
'''


def spy_line(settings: Settings, folder: Path) -> AuditLine:
    """The row of the audit: occurrences of the truth's ids in a third-party detector's process."""
    words = [*settings.world, f"world.days={settings.spied_days + 1}"]
    recording = recorded(words, settings.test[0], folder / "recording")
    truth = np.concatenate([
        recording.reader.table(f"truth/{name}s", arm=ARM)[f"{name}_id"].drop_null().to_numpy()
        for name in ("fault", "exception")
    ])
    secret, shown = spied(recording, truth, settings.spied_days, folder)
    note = f"{min(len(truth), _TOKENS_MAX):,} ids looked for; the control found {shown:,.0f} ids of rows it was shown"
    row = "leakage: ids of the truth in the memory of a third-party detector"
    return line(row, Estimate(secret, n=len(truth)), "0", inside=secret == 0 and shown > 0, note=note)


def spied(recording: Recorded, truth: npt.NDArray[np.int64], day: int, folder: Path) -> tuple[float, float]:
    """Occurrences of ``truth`` and of shown ids in the spy's memory at the beginning of its ``day``-th day."""
    shown = [np.asarray(block.get("event_id"), np.int64) for _, rows in recording.steps() for block in rows]
    first = np.concatenate(shown)[:_TOKENS_MAX]
    hidden = np.setdiff1d(truth, np.concatenate(shown))[:_TOKENS_MAX]
    source = _SOURCE.format(mask=MASK, secret=_masked(hidden), shown=_masked(first), day=day)
    (folder / f"{MODULE}.py").write_text(source, encoding="utf-8")
    alerts = said_by(recording, f"{MODULE}:Spy", folder)
    found = alerts.sort_values("item")["score"].tolist()
    if len(found) != 2:
        raise RuntimeError(f"the spy said {len(found)} things")
    return found[0], found[1]


def _masked(tokens: npt.NDArray[np.int64]) -> str:
    """Tokens as an array holds them and as a Python integer does (digits of 30 bits), masked, as a list in words."""
    plain = tokens.astype(np.uint64)
    digits = (plain & np.uint64(2**30 - 1)) | ((plain >> np.uint64(30)) << np.uint64(32))
    both = np.unique(np.concatenate([plain, digits])) ^ np.uint64(MASK)
    return str([int(token) for token in both])
