"""Figures of governance: who decides, day by day, and how the teams' queues age.

As in ``figures``, each takes a :class:`~reports.view.View` and returns a matplotlib figure, or None where the run
holds nothing to draw. Colours come with an order or a label, never alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports import governance, queues, words
from reports.figures import INK, blank, style, time_axis
from reports.view import View

#: Kind of decision -> (label, colour), from the bottom of a bar to its top.
_DECISIONS: Final[Mapping[str, tuple[str, str]]] = {
    "machine": ("machine alone", "#0072b2"),
    "approved": ("machine, once approved", "#56b4e9"),
    "people": ("people, by the policy", "#b3bcc7"),
    "held": ("people, kept from the machine", "#d55e00"),
}
#: Okabe and Ito's colours for the teams with the most waiting, and a line style that tells them apart without colour.
_TEAMS: Final = (("#0072b2", "-"), ("#d55e00", "--"), ("#009e73", "-."), ("#a0527a", ":"), ("#7b8794", "-"))
#: More days than this are shown as weeks, longer ages as days.
_BARS_MAX: Final = 62
_HOURS_MAX: Final = 96.0


@style()
def decisions(view: View) -> Figure | None:
    """Steps decided by day: stacked bars, the machine's below, people's above; weeks where there are many days."""
    table = governance.by_day(view)
    if not table.to_numpy().any():
        return None
    width = 1 if len(table) <= _BARS_MAX else 7
    table = table.groupby(np.arange(len(table)) // width).sum()
    figure, (axes,) = blank(1, 2.7, top=0.83, bottom=0.11, right=0.955)
    bottom = np.zeros(len(table))
    for name, (label, colour) in _DECISIONS.items():
        heights = table[name].to_numpy(float)
        if heights.any():
            left = width * np.arange(len(table)) + 0.1 * width
            axes.bar(left, heights, 0.8 * width, bottom=bottom, align="edge", color=colour, label=label)
        bottom += heights
    time_axis(axes, view)
    _whole_numbers(axes)
    axes.set_title(f"Steps decided a {'day' if width == 1 else 'week'}", loc="left", fontsize=10, color=INK, pad=22)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False, fontsize=8.5, borderaxespad=0.2,
        handlelength=0.9, handleheight=0.9, labelcolor=INK, columnspacing=1.4, borderpad=0.2,
    )  # fmt: skip
    return figure


@style()
def ages(view: View) -> Figure | None:
    """Open cases and their median age at each day's end, for the teams with the most waiting over the run."""
    numbers, hours = queues.ages_by_day(view)
    waiting = numbers.sum().sort_values(ascending=False, kind="stable")
    teams = [str(team) for team in waiting.index[waiting > 0][: len(_TEAMS)]]
    if not teams:
        return None
    figure, (left, right) = blank(2, 3.3, bottom=0.18, wspace=0.2, right=0.955)
    unit, hours_each = ("days", 24.0) if hours[teams].max().max() > _HOURS_MAX else ("hours", 1.0)
    _lines(left, view, numbers[teams])
    _lines(right, view, hours[teams] / hours_each)
    left.set_title("Open cases", loc="left", fontsize=10, color=INK)
    right.set_title(f"Median age of the open ones, {unit}", loc="left", fontsize=10, color=INK)
    _whole_numbers(left)
    right.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    figure.legend(
        left.get_lines(), [words.plain(team) for team in teams], loc="lower left", bbox_to_anchor=(0.055, 0.0),
        ncols=len(teams), frameon=False, fontsize=9, labelcolor=INK, columnspacing=1.6, borderaxespad=0.0,
    )  # fmt: skip
    return figure


def _whole_numbers(axes: Axes) -> None:
    """A scale of counts."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _lines(axes: Axes, view: View, table: pd.DataFrame) -> None:
    for (colour, line), (_, values) in zip(_TEAMS, table.items(), strict=False):
        # A day without an open case has no age: the line is broken there, and a lone day keeps its dot.
        axes.plot(table.index, values, color=colour, linestyle=line, linewidth=1.9, marker=".", markersize=4)
    axes.set_ylim(bottom=0.0)
    time_axis(axes, view)
