"""Figures of a run: stock accuracy and lost margin of the arms.

Each function takes a :class:`~reports.view.View` and returns a matplotlib figure, or None where the
run holds nothing to draw; :func:`svg` turns one into a string for a page or a notebook. (The
timeline has a file of its own, ``timeline``.)

Figures are deterministic: no dates and no random ids in the file, no global state of matplotlib.
Arms are told apart by colour (Okabe and Ito's, safe for colour-blind readers), by line style and by
a label at the end of their line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import words
from reports.view import View

INK = "#1f2933"
MUTED = "#5f6b7a"
GRID = "#e4e7eb"
#: Arm -> (colour, line style, line width).
ARM_STYLES: Mapping[str, tuple[str, str, float]] = {
    "clean": ("#009e73", "--", 1.6),
    "unmanaged": ("#d55e00", "-", 1.8),
    "managed": ("#0072b2", "-", 2.2),
    "oracle": ("#a0527a", ":", 1.9),
    "fcfs": ("#7b8794", "-.", 1.6),
}

#: Everything that decides the bytes of a figure is set here, whatever the user's own settings are.
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "stocktwin",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "path.simplify": True,
}
WIDTH_INCHES = 9.6


@contextmanager
def style() -> Iterator[None]:
    """Draw with matplotlib's defaults and :data:`SETTINGS`; the user's own settings come back afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


@style()
def svg(figure: Figure, name: str) -> str:
    """One figure as an ``<svg>`` element without prologue, date or machine-dependent ids.

    Args:
        figure: as made by this package.
        name: prefix of every id, unique on its page.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|xlink:href="#|url\(#)', lambda match: f"{match[1]}{name}-", text)
    # The page gives the size; without a height of its own the picture keeps its proportions.
    return re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)


@style()
def accuracy(view: View) -> Figure | None:
    """Share of cells whose on-hand book equals the stock, by day and arm, and what the operator adds to it."""
    daily = _daily(view, ("accurate_cells", "cells"))
    lines = {arm: frame["accurate_cells"] / frame["cells"] for arm, frame in daily.items() if frame["cells"].min() > 0}
    if not lines:
        return None
    unmanaged = lines.get("unmanaged")
    gains = {arm: line.sub(unmanaged).astype(float) for arm, line in lines.items() if arm in {"managed", "oracle"}}
    figure, panels = blank(2 if gains and unmanaged is not None else 1, 3.2)
    low = min(float(line.min()) for line in lines.values())
    high = max(float(line.max()) for line in lines.values())
    margin = max(0.01, 0.08 * (high - low))
    panels[0].set_ylim(max(0.0, low - margin), min(1.0, high) + margin)
    _lines(panels[0], view, lines)
    panels[0].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    if len(panels) > 1:
        _lines(panels[1], view, {arm: gain.mul(100.0) for arm, gain in gains.items()})
        panels[0].set_title("Share of cells", loc="left", fontsize=10, color=INK)
        panels[1].set_title("… above the unmanaged arm, in points", loc="left", fontsize=10, color=INK)
        panels[1].axhline(0.0, color=MUTED, linewidth=0.8)
        panels[1].yaxis.set_major_formatter(lambda value, _: f"{value:+.3g}" if value else "0")
    return figure


@style()
def lost_margin(view: View) -> Figure | None:
    """Cumulative lost margin by arm and, where the clean twin was run, what exceeds it."""
    daily = _daily(view, ("lost_margin",))
    lines = {arm: frame["lost_margin"].cumsum() for arm, frame in daily.items()}
    if not lines:
        return None
    clean = lines.get("clean")
    figure, panels = blank(1 if clean is None else 2, 3.2)
    _lines(panels[0], view, lines)
    if clean is not None:
        extra = {arm: line.sub(clean, fill_value=0.0) for arm, line in lines.items() if arm != "clean"}
        _lines(panels[1], view, extra)
        panels[0].set_title("Since the start", loc="left", fontsize=10, color=INK)
        panels[1].axhline(0.0, color=MUTED, linewidth=0.8)
        panels[1].set_title("… beyond that of the clean twin", loc="left", fontsize=10, color=INK)
    for axes in panels:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure


def blank(number: int, height: float, **room: float) -> tuple[Figure, Sequence[Axes]]:
    """A figure of the page's width with panels side by side.

    Args:
        number: of panels.
        height: inches.
        room: around and between them where it is not the usual, as ``subplots_adjust`` of a figure takes it.
    """
    figure = Figure(figsize=(WIDTH_INCHES, height))
    right = 0.87 if number == 1 else 0.90
    top = 0.97 if number == 1 else 0.92
    space = {"left": 0.065, "right": right, "bottom": 0.1, "top": top, "wspace": 0.5, **room}
    grid = figure.add_gridspec(1, number, **space)
    panels = [figure.add_subplot(grid[0, column]) for column in range(number)]
    for axes in panels:
        calm(axes)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
    return figure, panels


def time_axis(axes: Axes, view: View) -> None:
    """Dates below an axis that counts days from the start of the run."""
    narrow = axes.get_position().width < 0.6
    step = max(1, -(-view.days // (4 if narrow else 8)))
    step = next((round_step for round_step in (1, 2, 7, 14, 28, 56, 91, 182) if round_step >= step), step)
    ticks = list(range(0, view.days + 1, step))
    axes.set_xticks(ticks, [words.short_date(view.start + pd.Timedelta(days=tick)) for tick in ticks])
    axes.set_xlim(0, view.days)


def calm(axes: Axes) -> None:
    """Take from an axis whatever carries no information."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#9aa5b1")
    axes.tick_params(length=0, colors=MUTED, labelsize=9)
    axes.set_axisbelow(True)


def _daily(view: View, columns: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The chosen daily columns, summed over regions, by arm; indexed by the day's end in days since start."""
    frames = {}
    for arm in view.arms:
        frame = view.of_arm("arms", arm)
        if len(frame):
            sums = frame.groupby("day")[list(columns)].sum().astype(float)
            sums.index = pd.Index((pd.to_datetime(sums.index) - view.start) / pd.Timedelta(days=1) + 1.0)
            frames[arm] = sums.sort_index()
    return frames


def _lines(axes: Axes, view: View, lines: Mapping[str, pd.Series[float]]) -> None:
    for arm, line in lines.items():
        colour, style, width = ARM_STYLES[arm]
        axes.plot(line.index.to_numpy(), line.to_numpy(), color=colour, linestyle=style, linewidth=width)
    time_axis(axes, view)
    values = {float(value) for line in lines.values() for value in line}
    if len(values) == 1:
        # A scale around a single value would show differences that there are not.
        axes.set_yticks(sorted(values))
    ends = {arm: float(line.iloc[-1]) for arm, line in lines.items()}
    low, high = axes.get_ylim()
    for arm, height in _spread(ends, 0.075 * (high - low)).items():
        axes.annotate(
            arm,
            (1.0, height),
            xytext=(6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=ARM_STYLES[arm][0],
            annotation_clip=False,
        )


def _spread(heights: Mapping[str, float], gap: float) -> dict[str, float]:
    """Move labels apart to at least ``gap``, keeping their order and their middle."""
    names = sorted(heights, key=lambda name: (heights[name], ARM_STYLES[name][0]))
    placed = np.array([heights[name] for name in names])
    for _ in range(50):
        for low in range(len(names) - 1):
            missing = gap - (placed[low + 1] - placed[low])
            if missing > 1e-12:
                placed[low] -= missing / 2
                placed[low + 1] += missing / 2
    return dict(zip(names, (float(height) for height in placed), strict=True))
