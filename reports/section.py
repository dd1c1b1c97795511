"""Parts of a page: a table in words, and a section of several under one heading.

A caption tells what a table counts and in which unit, so that each table can be read by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table in words; the first column is a heading, ``words`` are the columns aligned left.

    Attributes:
        title: its heading.
        columns: headings of the columns; the unit stands there or behind each number.
        rows: texts.
        words: columns aligned left besides the first.
        caption: what is counted, and how to read it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: frozenset[int] = frozenset()
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """What stands under one heading of a page.

    Attributes:
        sentences: before the tables.
        tables: in order; those without rows are left out.
        missing: what is not there, and why.
    """

    sentences: Sequence[str]
    tables: Sequence[Table]
    missing: Sequence[str] = ()
