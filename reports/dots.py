"""The figure of a leaderboard: a dot and an interval for each entrant, from chance to the oracle."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import GRID, INK, MUTED, WIDTH_INCHES, calm, style

_COLOURS: Final = {"entrant": "#0072b2", "baseline": "#7b8794", "oracle": "#a0527a"}
_ROW_INCHES: Final = 0.3
#: Room between the groups of rows, in rows.
_GAP: Final = 0.6


@style()
def dots(rows: pd.DataFrame, measure: str, label: str) -> Figure | None:
    """One row an entrant in the order given, those that know nothing on a band of their own.

    Args:
        rows: of one split and key, in the order of the leaderboard.
        measure: the column that ranks; 0 is chance, 1 is all.
        label: of the axis.
    """
    held = rows[rows[measure].notna()]
    if held.empty:
        return None
    roles = held["role"].to_list()
    breaks = np.array([0, *(_GAP * (one != other) for one, other in zip(roles[1:], roles, strict=False))])
    height = -(np.arange(len(held)) + breaks.cumsum())
    tall = _ROW_INCHES * (1.0 - float(height[-1])) + 0.75
    figure = Figure(figsize=(WIDTH_INCHES, tall))
    axes = figure.add_axes((0.15, 0.55 / tall, 0.75, 1 - 0.75 / tall))
    calm(axes)
    lows = held[f"{measure}_low"].fillna(held[measure]).astype(float)
    highs = held[f"{measure}_high"].fillna(held[measure]).astype(float)
    axes.set_xlim(min(0.0, float(lows.min())) - 0.03, max(1.0, float(highs.max())) + 0.03)
    axes.set_ylim(float(height[-1]) - 0.75, 0.75)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    if "baseline" in roles:
        first = height[roles.index("baseline")]
        axes.axhspan(float(height[-1]) - 0.75, float(first) + 0.5 + _GAP / 2, color="#f6f7f9", zorder=0)
    for place, row, low, high in zip(height, held.to_dict("records"), lows, highs, strict=True):
        colour, value = _COLOURS[row["role"]], float(row[measure])
        axes.plot([low, high], [place, place], color=colour, linewidth=4, alpha=0.35, solid_capstyle="round")
        axes.plot(value, place, "o", color=colour, markersize=7, markeredgecolor="white", markeredgewidth=1.0)
        axes.annotate(
            f"{value:.3f}", (1.0, place), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
            va="center", fontsize=9.5, color=INK if row["role"] == "entrant" else MUTED, annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(height, held["entrant"].to_list())
    for text, role in zip(axes.get_yticklabels(), roles, strict=True):
        text.set_fontsize(10)
        text.set_color({"entrant": INK, "baseline": MUTED, "oracle": _COLOURS["oracle"]}[role])
    _rules(axes, held, measure)
    axes.set_xlabel(f"{label}: 0 is chance, 1 is all", fontsize=9, color=MUTED, labelpad=6)
    return figure


def _rules(axes: Axes, held: pd.DataFrame, measure: str) -> None:
    """Where chance is, and where perfect knowledge is."""
    axes.axvline(0.0, color=MUTED, linewidth=1.0, zorder=1)
    oracle = held.loc[held["role"] == "oracle", measure]
    if len(oracle):
        axes.axvline(float(oracle.iloc[0]), color=_COLOURS["oracle"], linewidth=1.0, linestyle=":", zorder=1)
