"""Simulated time.

Time is an integer count of microseconds since 1970-01-01 (UTC, without leap seconds), so that it
is exact, sorts, and is the Parquet ``timestamp[us]`` without conversion. There is no other clock
in the program's results: nothing here, or anywhere below it, reads the wall.

A *tick* is 15 simulated minutes. Whatever is plentiful is worked once a tick, over the interval
that the tick closes: the tick that ends at ``t`` holds the events of ``[t - TICK, t)``.
"""

from __future__ import annotations

import datetime as dt

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TICK = 15 * MINUTE
TICKS_PER_HOUR = HOUR // TICK
TICKS_PER_DAY = DAY // TICK

_EPOCH = dt.datetime(1970, 1, 1)


def parse_date(text: str) -> int:
    """Midnight of an ISO date, in microseconds since 1970.

    Raises:
        ValueError: if ``text`` is not a date of the form ``YYYY-MM-DD``.
    """
    return (dt.datetime.fromisoformat(dt.date.fromisoformat(text).isoformat()) - _EPOCH) // dt.timedelta(microseconds=1)


def day_of(time: int) -> int:
    """The number of the day (since 1970) that holds ``time``."""
    return time // DAY


def weekday_of(time: int) -> int:
    """The weekday that holds ``time``: 0 is Monday."""
    return (time // DAY + 3) % 7


def to_datetime(time: int) -> dt.datetime:
    """``time`` as a naive UTC ``datetime``, for people and files."""
    return _EPOCH + dt.timedelta(microseconds=int(time))
