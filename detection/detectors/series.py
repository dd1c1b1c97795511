"""Simple series of the stream, one value a row, and what one line can say of them.

A *series* is one event type, the subject that its rows speak of, and one number a row. A *statistic* looks at one
series alone and flags rows, or subjects that fell silent: a value above or below a constant, the absolute difference
from the subject's last value, a moving z, the rows of a subject in a day, the hours since its last row. Each scores
before it learns, and none knows what a document's life cycle, a book or a message is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from detection.layout import Layout
from detection.views.columns import BoolArray, IntArray, integers
from sim.clock import DAY, HOUR
from sim.events import EVENT_TYPE, INTERFACES, NULL, Block, Rows

FloatArray = npt.NDArray[np.float64]
#: What a row's subject is kept under: places by number, or any id folded into so many bins.
_BINS: Final = 65_536
#: Weight of the newest value in a moving mean, and the rows a subject needs before it has a z.
_WEIGHT, _WARM_UP = 0.1, 8


@dataclass(frozen=True)
class Series:
    """One number a row of one event type.

    Attributes:
        event: event type; empty for rows of any type.
        claim: exception type that a flag is raised as.
        subject: columns that a flag names.
        value: name in :data:`VALUES`.
        until: event types after which a document is no longer silent; only for silence.
    """

    event: str
    claim: str
    subject: tuple[str, ...]
    value: str
    until: tuple[str, ...] = ()

    def blocks(self, rows: Rows) -> tuple[Block, ...]:
        """The rows of the series in this step."""
        held = rows.of(self.event) if self.event else rows.blocks
        return tuple(block for block in held if block.size)

    def key(self, block: Block, layout: Layout) -> IntArray:
        """What each row's series is kept under, shape (size,); -1 where the row does not name it."""
        columns = [integers(block, name) for name in self.subject if name != "sequence"]
        known = np.logical_and.reduce([column >= 0 for column in columns])
        if "document_id" in self.subject:
            key = columns[self.subject.index("document_id")] % _BINS
        else:
            sizes = {"location": layout.locations, "item": layout.items, "interface": len(INTERFACES)}
            key = np.zeros(block.size, dtype=np.int64)
            for name, column in zip(self.subject, columns, strict=False):
                key = key * sizes[name] + column
        return np.where(known, key, -1)

    def size(self, layout: Layout) -> int:
        """Keys there can be."""
        if "document_id" in self.subject:
            return _BINS
        sizes = {"location": layout.locations, "item": layout.items, "interface": len(INTERFACES)}
        return int(np.prod([sizes[name] for name in self.subject if name != "sequence"]))


def _hours(block: Block, later: str, earlier: str) -> FloatArray:
    """Hours between two stamps of a row, NaN where it lacks one."""
    end, begin = integers(block, later), integers(block, earlier)
    return np.where((end == NULL) | (begin == NULL), np.nan, (end - begin) / HOUR)


def _number(block: Block, name: str) -> FloatArray:
    """A column as numbers, NaN where null."""
    values = block.get(name)
    found: FloatArray = values.astype(np.float64)
    return found if values.dtype.kind == "f" else np.where(values == NULL, np.nan, found)


#: Name of a value -> how a row gives it.
VALUES: Final[Mapping[str, Callable[[Block], FloatArray]]] = {
    "quantity": lambda block: _number(block, "quantity"),
    "count": lambda block: _number(block, "count"),
    "unit_price": lambda block: _number(block, "unit_price"),
    "sequence": lambda block: _number(block, "sequence"),
    "version": lambda block: _number(block, "version"),
    "attempt": lambda block: _number(block, "attempt"),
    "latency": lambda block: _number(block, "latency_ms") / 60_000.0,
    "latency_p95": lambda block: _number(block, "latency_p95_ms") / 60_000.0,
    "seen_after": lambda block: _hours(block, "available_at", "occurred_at"),
    "clock": lambda block: _hours(block, "recorded_at", "occurred_at"),
    "overdue": lambda block: _hours(block, "occurred_at", "due_at"),
    "one": lambda block: np.ones(block.size),
}


class Statistic:
    """One line over one series; a subclass says which rows it flags.

    Args:
        series: what it looks at.
        limit: beyond it a row is flagged.
    """

    def __init__(self, series: Series, limit: float, layout: Layout) -> None:
        self.series, self.limit, self.layout = series, limit, layout

    def flags(self, now: int, block: Block) -> tuple[BoolArray, FloatArray]:
        """Which rows are flagged, and how strongly; shape (size,)."""
        raise NotImplementedError


class Above(Statistic):
    """The value is above a constant."""

    def flags(self, now: int, block: Block) -> tuple[BoolArray, FloatArray]:
        """See :class:`Statistic`."""
        del now
        value = VALUES[self.series.value](block)
        return value > self.limit, value - self.limit


class Below(Statistic):
    """The value is below a constant."""

    def flags(self, now: int, block: Block) -> tuple[BoolArray, FloatArray]:
        """See :class:`Statistic`."""
        del now
        value = VALUES[self.series.value](block)
        return value < self.limit, self.limit - value


class _Keyed(Statistic):
    """A statistic with a memory by subject; of several rows of one subject in a step the last is remembered."""

    def __init__(self, series: Series, limit: float, layout: Layout) -> None:
        super().__init__(series, limit, layout)
        self._size = series.size(layout)

    def flags(self, now: int, block: Block) -> tuple[BoolArray, FloatArray]:
        """See :class:`Statistic`."""
        value, key = VALUES[self.series.value](block), self.series.key(block, self.layout)
        held = np.flatnonzero((key >= 0) & ~np.isnan(value))
        score = np.full(block.size, -np.inf)
        if len(held):
            score[held] = self.judge(now, key[held], value[held])
        return score > self.limit, score

    def judge(self, now: int, key: IntArray, value: FloatArray) -> FloatArray:
        """The statistic of each row, and what is remembered of it."""
        raise NotImplementedError


def _last_of_each(key: IntArray) -> IntArray:
    """Positions of the last row of each key."""
    _, place = np.unique(key[::-1], return_index=True)
    return np.sort(len(key) - 1 - place)


class Jump(_Keyed):
    """The absolute difference from the subject's last value is above a constant."""

    def __init__(self, series: Series, limit: float, layout: Layout) -> None:
        super().__init__(series, limit, layout)
        self._before = np.full(self._size, np.nan)

    def judge(self, now: int, key: IntArray, value: FloatArray) -> FloatArray:
        """See :class:`_Keyed`."""
        del now
        # Rows of one subject within a step follow each other; the first follows what was remembered.
        order = np.argsort(key, kind="stable")
        previous = np.empty(len(key))
        ordered, sorted_key = value[order], key[order]
        previous[1:] = np.where(sorted_key[1:] == sorted_key[:-1], ordered[:-1], self._before[sorted_key[1:]])
        previous[0] = self._before[sorted_key[0]]
        gap = np.empty(len(key))
        gap[order] = np.abs(ordered - previous)
        last = _last_of_each(key)
        self._before[key[last]] = value[last]
        return np.nan_to_num(gap, nan=-np.inf)


class MovingZ(_Keyed):
    """The distance from the subject's moving mean, in its moving standard deviations, is above a constant."""

    def __init__(self, series: Series, limit: float, layout: Layout) -> None:
        super().__init__(series, limit, layout)
        self._mean, self._variance = np.zeros(self._size), np.zeros(self._size)
        self._rows = np.zeros(self._size, dtype=np.int64)

    def judge(self, now: int, key: IntArray, value: FloatArray) -> FloatArray:
        """See :class:`_Keyed`."""
        del now
        off = value - self._mean[key]
        z = np.where(self._rows[key] >= _WARM_UP, np.abs(off) / np.sqrt(self._variance[key] + 1e-9), -np.inf)
        last = _last_of_each(key)
        there, delta = key[last], off[last]
        weight = np.maximum(_WEIGHT, 1.0 / (self._rows[there] + 1))
        self._mean[there] += weight * delta
        self._variance[there] = (1.0 - weight) * (self._variance[there] + weight * delta * delta)
        self._rows[there] += 1
        return z


class Crowd(_Keyed):
    """The subject has had more rows than a constant on this day."""

    def __init__(self, series: Series, limit: float, layout: Layout) -> None:
        super().__init__(series, limit, layout)
        self._today = np.zeros(self._size, dtype=np.int64)
        self._day = -1

    def judge(self, now: int, key: IntArray, value: FloatArray) -> FloatArray:
        """See :class:`_Keyed`."""
        del value
        if now // DAY != self._day:
            self._day = now // DAY
            self._today[:] = 0
        before = self._today[key].copy()
        np.add.at(self._today, key, 1)
        after = self._today[key].astype(np.float64)
        # Only the row that crosses the limit speaks: one flag a subject and day.
        return np.where(before <= self.limit, after, -np.inf)


@dataclass(frozen=True)
class Quiet:
    """A subject that fell silent: the values of the series' subject columns, and the row it began with."""

    subject: tuple[int, ...]
    event_id: int


class Silence(Statistic):
    """The subject has had no row for more hours than a constant; of a document, none of those it waits for."""

    def __init__(self, series: Series, limit: float, layout: Layout) -> None:
        super().__init__(series, limit, layout)
        self._seen: dict[tuple[int, ...], tuple[int, int]] = {}
        self._order: deque[tuple[int, tuple[int, ...]]] = deque()
        self._until = tuple(EVENT_TYPE[name] for name in series.until)

    def watch(self, now: int, rows: Rows) -> list[Quiet]:
        """Take in a step, and tell who has been silent for too long since."""
        for block in self.series.blocks(rows):
            columns = [integers(block, name).tolist() for name in self.series.subject]
            for subject, event_id in zip(zip(*columns, strict=True), integers(block, "event_id").tolist(), strict=True):
                if min(subject) >= 0 and not (self._until and subject in self._seen):
                    self._seen[subject] = (now, event_id)
                    self._order.append((now, subject))
        for block in rows:
            if block.event_type in self._until and block.size:
                for name in ("document_id", "parent_document_id", "correlation_id"):
                    for document in integers(block, name).tolist():
                        self._seen.pop((document,), None)
        found = []
        while self._order and now - self._order[0][0] > self.limit * HOUR:
            at, subject = self._order.popleft()
            known = self._seen.get(subject)
            if known is not None and known[0] == at:
                del self._seen[subject]
                found.append(Quiet(subject, known[1]))
        return found
