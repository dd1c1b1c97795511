"""Postings without an envelope: what they may answer, held against a search line by line."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detection.views.strays import KEPT_DAYS, Strays, look_of
from sim.clock import DAY, HOUR, MINUTE, parse_date
from sim.events import EVENT_TYPE, Block

START = parse_date("2026-03-02")
NAMES = ("location", "item", "code", "quantity")
#: (location, item, code, quantity) and an hour.
LINE = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([0, 3]), st.integers(1, 2), st.integers(0, 30))


def _columns(lines: list[tuple[int, ...]]) -> tuple[np.ndarray, ...]:
    table = np.array(lines, np.int64).reshape(-1, 5).T
    return tuple(table)


def _add(strays: Strays, lines: list[tuple[int, ...]]) -> None:
    *look, hour = _columns(lines)
    columns = dict(zip(NAMES, look, strict=True)) | {"occurred_at": START + hour * HOUR}
    strays.add(Block(EVENT_TYPE["posting"], columns, len(lines)))


def _claim(strays: Strays, lines: list[tuple[int, ...]]) -> list[bool]:
    *look, hour = _columns(lines)
    return strays.claim(look_of(*look), START + hour * HOUR).tolist()


def _searched(postings: list[tuple[int, ...]], lines: list[tuple[int, ...]]) -> list[bool]:
    """The oldest line of a look first; each takes the oldest posting of its look that is no older than it."""
    left = sorted(postings, key=lambda posting: posting[4])
    answered = [False] * len(lines)
    for row in sorted(range(len(lines)), key=lambda row: lines[row][4]):
        mine = [p for p in left if p[:4] == lines[row][:4] and p[4] >= lines[row][4]]
        if mine:
            left.remove(mine[0])
            answered[row] = True
    return answered


@given(st.lists(LINE, max_size=30), st.lists(LINE, max_size=30))
def test_each_stray_answers_one_line_that_looks_like_it_and_is_no_younger(postings, lines):
    strays = Strays()
    _add(strays, postings)
    answered = _claim(strays, lines)
    assert sorted(zip(lines, answered, strict=True)) == sorted(zip(lines, _searched(postings, lines), strict=True))
    assert len(strays) == len(postings) - sum(answered)


def test_what_was_booked_otherwise_answers_nothing():
    strays = Strays()
    _add(strays, [(1, 1, 0, 4, 5)])
    for other in ((2, 1, 0, 4, 5), (1, 2, 0, 4, 5), (1, 1, 3, 4, 5), (1, 1, 0, 48, 5), (1, 1, 0, 4, 6)):
        assert _claim(strays, [other]) == [False]
    assert _claim(strays, [(1, 1, 0, 4, 5)]) == [True]
    assert _claim(strays, [(1, 1, 0, 4, 5)]) == [False]


def test_strays_are_forgotten_after_their_days():
    strays = Strays()
    _add(strays, [(1, 1, 0, 4, 0), (1, 1, 0, 5, 1)])
    strays.end_day(START + KEPT_DAYS * DAY + MINUTE)
    assert _claim(strays, [(1, 1, 0, 4, 0)]) == [False]
    assert _claim(strays, [(1, 1, 0, 5, 1)]) == [True]
