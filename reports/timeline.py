"""The timeline: exceptions, alerts and repairs of one arm, a lane for each type.

A lane with few exceptions shows each as a bar from its opening to its restoration, with a dot where
an alert on the same subject was raised. A lane in which more than :data:`ROWS_MAX` overlap, or that
holds more than :data:`BARS_MAX`, shows counts per day (or per several days) instead, on a scale of
its own: thousands stay readable.

An alert is put on a bar when it names the same type and the same document, cell, item, interface or
location while the exception is open. This is a drawing aid; scoring matches by rules of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports import words
from reports.figures import GRID, INK, MUTED, WIDTH_INCHES, calm, style, time_axis
from reports.view import View

OPENED = "#b3bcc7"
ALERT = "#0072b2"
REPAIRED = "#009e73"
OTHERWISE = "#a6dbc8"
LASTING = "#d55e00"
SHADE = "#f4f0e4"

#: Overlapping bars, and bars in all, that a lane shows one by one.
ROWS_MAX = 7
BARS_MAX = 45
BINS_MAX = 32
_ROW_INCHES = 0.13
_DENSE_INCHES = 0.5
_GAP_INCHES = 0.17
#: Width of a letter of a label above the lanes, as a share of their width.
_LETTER_SHARE = 0.0085
#: What two rows must share to be about one subject, and what neither may name beside it.
_SUBJECTS: tuple[tuple[list[str], list[str]], ...] = (
    (["document_id"], []),
    (["location", "item"], []),
    (["interface", "location", "sequence"], []),
    (["interface"], ["document_id", "item", "sequence"]),
    (["item"], ["document_id", "location"]),
    (["location"], ["document_id", "item", "interface"]),
)

Days = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lane:
    """What one lane holds; times are days since the start of the run.

    Attributes:
        type: of its exceptions and alerts.
        opened, ended: shape (exceptions,); ``ended`` is the restoration, or the horizon.
        repaired: whether an action restored it; where not, and ``lasting`` is False, it passed by itself.
        lasting: whether it was not restored by the horizon.
        found: when the first alert on it was raised; NaN where none was.
        strays: alerts on no open exception of the lane.
        rows: in which row each bar lies; empty for a dense lane.
    """

    type: str
    opened: Days
    ended: Days
    repaired: npt.NDArray[np.bool_]
    lasting: npt.NDArray[np.bool_]
    found: Days
    alerts: Days
    strays: Days
    rows: npt.NDArray[np.int64]

    @property
    def dense(self) -> bool:
        """Whether the lane shows counts."""
        return len(self.rows) == 0 and (len(self.opened) > 0 or len(self.alerts) > BARS_MAX)

    @property
    def inches(self) -> float:
        """Height on paper."""
        return _DENSE_INCHES if self.dense else _ROW_INCHES * max(2, int(self.rows.max(initial=0)) + 1)


@style()
def timeline(view: View) -> Figure | None:
    """The timeline of the headline arm; None for a run without exceptions and alerts."""
    lanes = lanes_of(view)
    if not lanes:
        return None
    height = sum(lane.inches + _GAP_INCHES for lane in lanes)
    figure = Figure(figsize=(WIDTH_INCHES, height + 0.75))
    total = height + 0.75
    axes = figure.add_axes((0.165, 0.34 / total, 0.765, height / total))
    calm(axes)
    _shade(axes, view)
    top = 0.0
    middles = []
    for lane in lanes:
        (_draw_counts if lane.dense else _draw_bars)(axes, lane, top, view.days)
        middles.append(top + lane.inches / 2)
        top += lane.inches + _GAP_INCHES
        axes.axhline(top - _GAP_INCHES / 2, color=GRID, linewidth=0.8)
    axes.set_ylim(height, -_GAP_INCHES / 2)
    axes.set_yticks(middles, [words.plain(lane.type) for lane in lanes], color=INK)
    time_axis(axes, view)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    _legend(figure, lanes, 1 - 0.08 / total)
    return figure


def lanes_of(view: View) -> list[Lane]:
    """One lane for each type of exception or alert, the most frequent first."""
    exceptions = view.of_arm("truth/exceptions")
    alerts = view.of_arm("alerts")
    alerts = alerts[alerts["detector"].astype(str) != "manual"]
    types = pd.concat([exceptions["type"], alerts["type"]]).dropna().astype(str)
    frequent = exceptions["type"].astype(str).value_counts()
    order = sorted(set(types), key=lambda name: (-int(frequent.get(name, 0)), name))
    return [_lane(view, name, _typed(exceptions, name), _typed(alerts, name)) for name in order]


def _typed(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame["type"].astype(str) == name].reset_index(drop=True)


def _lane(view: View, name: str, exceptions: pd.DataFrame, alerts: pd.DataFrame) -> Lane:
    opened = _since(view, exceptions["opened_at"])
    restored = _since(view, exceptions["restored_at"])
    lasting = ~(restored <= view.days)
    ended = np.where(lasting, float(view.days), restored)
    raised = _since(view, alerts["raised_at"])
    rows = _pack(opened, ended) if len(opened) <= BARS_MAX and len(raised) <= 4 * BARS_MAX else np.empty(0, np.int64)
    if rows.max(initial=0) >= ROWS_MAX:
        rows = np.empty(0, np.int64)
    found, strays = np.full(len(opened), np.nan), raised[:0]
    if len(rows) or len(raised) <= BARS_MAX:
        found, strays = _place(exceptions, opened, ended, alerts, raised)
    repaired = exceptions["restored_by"].notna().to_numpy(bool) & ~lasting
    return Lane(name, opened, ended, repaired, lasting, found, raised, strays, rows)


def _since(view: View, times: pd.Series[pd.Timestamp]) -> Days:
    elapsed = pd.to_datetime(times) - view.start
    return np.asarray(elapsed / pd.Timedelta(days=1), dtype=np.float64)


def _pack(opened: Days, ended: Days) -> npt.NDArray[np.int64]:
    """Rows for bars so that none covers another: first free row, in order of opening."""
    rows = np.zeros(len(opened), np.int64)
    free_from: list[float] = []
    for bar in np.argsort(opened, kind="stable"):
        row = next((place for place, free in enumerate(free_from) if free <= opened[bar]), len(free_from))
        if row == len(free_from):
            free_from.append(0.0)
        free_from[row] = max(ended[bar], opened[bar] + 0.12) + 0.05
        rows[bar] = row
    return rows


def _place(
    exceptions: pd.DataFrame, opened: Days, ended: Days, alerts: pd.DataFrame, raised: Days
) -> tuple[Days, Days]:
    """The first alert on each exception, and the alerts that fit none."""
    found: Days = np.full(len(opened), np.nan, dtype=np.float64)
    used = np.zeros(len(raised), bool)
    for keys, finer in _SUBJECTS:
        pairs = _named(exceptions, keys, finer).merge(_named(alerts, keys, finer), on=keys)
        bar, dot = pairs["row_x"].to_numpy(int), pairs["row_y"].to_numpy(int)
        fits = (raised[dot] >= opened[bar]) & (raised[dot] <= ended[bar]) & ~used[dot]
        np.fmin.at(found, bar[fits], raised[dot[fits]])
        used[dot[fits]] = True
    return found, raised[~used]


def _named(frame: pd.DataFrame, keys: list[str], finer: list[str]) -> pd.DataFrame:
    """The subjects of the rows that name all of ``keys`` and none of ``finer``, with the number of their row."""
    chosen = frame[keys].notna().all(axis=1) & frame[finer].isna().all(axis=1)
    return frame[keys].astype("string").assign(row=np.arange(len(frame)))[chosen]


def _draw_bars(axes: Axes, lane: Lane, top: float, days: int) -> None:
    heights = top + _ROW_INCHES * (lane.rows + 0.5)
    axes.hlines(heights, lane.opened, lane.ended, color=OPENED, linewidth=4.2)
    axes.plot(lane.ended[lane.repaired], heights[lane.repaired], "|", color=REPAIRED, markersize=8, markeredgewidth=2.2)
    axes.plot(
        np.full(int(lane.lasting.sum()), days - 0.02),
        heights[lane.lasting],
        ">",
        color=LASTING,
        markersize=5,
        clip_on=False,
    )
    axes.plot(lane.found, heights, "o", color=ALERT, markersize=4.6)
    low = np.full(len(lane.strays), top + lane.inches - 0.01)
    axes.plot(lane.strays, low, "x", color=ALERT, markersize=3.6, markeredgewidth=0.9, alpha=0.75)


def _draw_counts(axes: Axes, lane: Lane, top: float, days: int) -> None:
    width = -(-days // BINS_MAX)
    edges = np.arange(0, days + width, width, dtype=float)
    # Whatever was restored, and before it the part that an action restored.
    series = (
        (lane.opened, OPENED, 0),
        (lane.alerts, ALERT, 1),
        (lane.ended[~lane.lasting], OTHERWISE, 2),
        (lane.ended[lane.repaired], REPAIRED, 2),
    )
    counts = [np.histogram(times, edges)[0] for times, _, _ in series]
    most = max(1, int(max(count.max(initial=0) for count in counts)))
    bottom = top + lane.inches
    for count, (_, colour, place) in zip(counts, series, strict=True):
        left = edges[:-1] + width * (0.08 + 0.28 * place)
        axes.bar(left, -lane.inches * count / most, 0.28 * width, bottom=bottom, align="edge", color=colour)
    if lane.lasting.any():
        axes.annotate(
            f"{int(lane.lasting.sum()):,} left",
            (1.0, bottom),
            xytext=(5, 1),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="bottom",
            fontsize=8,
            color="#a84a00",
            annotation_clip=False,
        )
    unit = "a day" if width == 1 else f"in {width} d"
    axes.annotate(
        f"{most:,}\n{unit}",
        (1.0, top),
        xytext=(5, 2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="top",
        fontsize=8,
        color=MUTED,
        annotation_clip=False,
        linespacing=1.1,
    )
    axes.plot([days, days + 0.006 * days], [top, top], color=MUTED, linewidth=0.8, clip_on=False)


def _shade(axes: Axes, view: View) -> None:
    """Shade the seasons and announced windows that concern the whole chain."""
    decoys = view.of_arm("truth/decoys")
    whole = decoys[decoys["location"].isna() & decoys["item"].isna() & decoys["document_id"].isna()]
    spans = pd.DataFrame({"kind": whole["kind"].astype(str), "from": whole["from"], "until": whole["until"]})
    free_from = 0.0
    for span in spans.dropna().drop_duplicates().sort_values(["from", "kind"]).itertuples(index=False):
        start, until = _since(view, pd.Series([span[1], span[2]]))
        if until - start >= 0.5:
            axes.axvspan(max(0.0, start), min(until, view.days), color=SHADE, linewidth=0, zorder=0)
            if start < free_from:
                # Its name would cover that of the window before.
                continue
            free_from = max(0.0, start) + len(words.plain(span[0])) * _LETTER_SHARE * view.days
            axes.annotate(
                words.plain(span[0]),
                (max(0.0, start), 1.0),
                xytext=(0, 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                va="bottom",
                annotation_clip=False,
                fontsize=8,
                color="#8a7a44",
            )


def _legend(figure: Figure, lanes: list[Lane], top: float) -> None:
    counts_only = all(lane.dense for lane in lanes)
    bars = "exceptions opened" if counts_only else "exception, opening to restoration"
    handles: list[Line2D | Patch] = [Patch(color=OPENED, label=bars)]
    handles.append(Line2D([], [], color=ALERT, marker="o", linestyle="", markersize=5, label="alert"))
    if any(len(lane.strays) for lane in lanes if not lane.dense):
        handles.append(Line2D([], [], color=ALERT, marker="x", linestyle="", markersize=4, label="alert on none"))
    handles.append(
        Line2D(
            [],
            [],
            color=REPAIRED,
            marker="|",
            linestyle="",
            markersize=9,
            markeredgewidth=2.2,
            label="restored by an action",
        )
    )
    if any((~lane.lasting & ~lane.repaired).any() for lane in lanes if lane.dense):
        handles.append(Patch(color=OTHERWISE, label="restored otherwise"))
    if any(lane.lasting.any() for lane in lanes if not lane.dense):
        handles.append(Line2D([], [], color=LASTING, marker=">", linestyle="", markersize=5, label="not yet restored"))
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, top),
        ncols=len(handles),
        frameon=False,
        fontsize=8.5,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0.0,
        labelcolor=INK,
    )
