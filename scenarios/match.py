"""From alerts to incidents to exceptions: which claim is about which broken rule.

1. Alerts on one subject and type that are no further apart than the type's gap are one *incident*,
   split where it grows longer than the type's window.
2. An incident is *admissible* for an exception when its subject is the exception's scope, or finer
   and touched by its lineage, and it was raised between ``opened_at`` and
   min(closed, opened + window) + grace. One that names a deadline is admissible for an exception of
   its type that opens after it, by the deadline and within the type's window: whoever foretells
   everything for ever has foretold nothing.
3. Matching is one to one: as many pairs as there can be, among those the most with the right type,
   among those the least total delay. Never greedy: greed depends on order.

Tables here are *plain* (:func:`plain`): times and ids are ``int64`` with ``NULL``, names are strings
with the empty one for null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

NULL: Final = -(2**62)
FOREVER: Final = 2**62
HOUR: Final = 3600 * 1_000_000
SUBJECT: Final = ("location", "item", "document_id", "interface", "sequence")
#: Scopes of which a location is no part that an alert has to name.
ITEM_SCOPES: Final = ("item", "DC and item")
#: Cells of a dense cost matrix up to which a component is solved densely.
DENSE_MAX: Final = 4_000_000
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TypeRule:
    """What the measures need to know of one type of exception or fault; data, not code.

    Attributes:
        window_hours: after it, finding the exception no longer helps.
        gap_hours: alerts on one subject closer than this are one incident.
        grace_hours: added to the window's end.
        inferred: no row says it outright.
        cause: root cause; empty where the fault behind it decides.
        scope: what an alert has to name, in words.
        team: who should get the case first; empty if unknown.
        self_closing: ends by itself in time.
    """

    window_hours: float = 72.0
    gap_hours: float = 24.0
    grace_hours: float = 1.0
    inferred: bool = True
    cause: str = ""
    scope: str = ""
    team: str = ""
    self_closing: bool = False


Rules = Mapping[str, TypeRule]
DEFAULT_RULE: Final = TypeRule()


def plain(table: pa.Table) -> pd.DataFrame:
    """Arrow to pandas with one representation of null per type; lists become arrays of ``int64``."""
    columns: dict[str, Any] = {}
    for field in table.schema:
        column = table.column(field.name)
        if pa.types.is_dictionary(field.type) or pa.types.is_string(field.type):
            columns[field.name] = _shared_strings(column)
        elif pa.types.is_timestamp(field.type) or pa.types.is_integer(field.type):
            columns[field.name] = column.cast(pa.int64()).fill_null(NULL).to_numpy()
        elif pa.types.is_boolean(field.type):
            columns[field.name] = column.fill_null(False).to_numpy()
        elif pa.types.is_list(field.type):
            columns[field.name] = _lists(column)
        else:
            columns[field.name] = column.to_numpy()
    return pd.DataFrame(columns, columns=table.schema.names)


def _shared_strings(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Strings by row, one object a distinct string: a name stands in a hundred thousand rows."""
    coded = pc.dictionary_encode(column.cast(pa.string()).fill_null("")).combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    words = np.array([*coded.dictionary.to_pylist(), ""], dtype=object)
    strings: npt.NDArray[np.object_] = words[coded.indices.to_numpy()]
    return strings


def _lists(column: pa.ChunkedArray) -> list[IntArray]:
    """Lists by row, as views of one array; a null is an empty list."""
    out: list[IntArray] = []
    for chunk in column.chunks:
        lengths = pc.list_value_length(chunk).fill_null(0).to_numpy()
        ends = np.cumsum(lengths)
        flat = chunk.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
        out += [flat[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
    return out


def hours_of(types: pd.Series[Any], rules: Rules, attribute: str) -> IntArray:
    """A duration of each row's type, in microseconds."""
    table = {name: round(getattr(rules.get(name, DEFAULT_RULE), attribute) * HOUR) for name in types.unique()}
    return types.map(table).to_numpy(dtype=np.int64) if len(types) else np.empty(0, np.int64)


def incidents_of(alerts: pd.DataFrame, rules: Rules) -> tuple[pd.DataFrame, IntArray]:
    """Group alerts into incidents.

    Args:
        alerts: plain alerts of one detector (or of one operator taken as a whole) and arm.
        rules: gap and window per type.

    Returns:
        The incidents (region, type, subject, ``raised_at``, ``deadline``, ``score``, ``alerts`` counted),
        by time of raising; and for each alert the row number of its incident.
    """
    keys = ["region", "type", *SUBJECT]
    if alerts.empty:
        columns = [*keys, "raised_at", "deadline", "score", "alerts"]
        return alerts.reindex(columns=columns), np.empty(0, np.int64)
    group = alerts.groupby(keys, sort=False).ngroup().to_numpy()
    times = alerts["raised_at"].to_numpy()
    order = np.lexsort((alerts["alert_id"].to_numpy(), times, group))
    group, times = group[order], times[order]
    gap = hours_of(alerts["type"], rules, "gap_hours")[order]
    window = hours_of(alerts["type"], rules, "window_hours")[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (group[1:] != group[:-1]) | (times[1:] - times[:-1] > gap[1:])
    while True:
        # each round cuts every incident that is still too long once, at its first alert beyond the window
        starts = np.flatnonzero(begins)
        number = np.cumsum(begins) - 1
        beyond = np.flatnonzero(times - times[starts][number] > window)
        if not len(beyond):
            break
        _, first = np.unique(number[beyond], return_index=True)
        begins[beyond[first]] = True
    ordered = alerts.iloc[order]
    out = ordered.iloc[starts][[*keys, "raised_at"]].reset_index(drop=True)
    deadline = np.where(ordered["deadline"] == NULL, FOREVER, ordered["deadline"])
    deadline = np.minimum.reduceat(deadline, starts)
    out["deadline"] = np.where(deadline == FOREVER, NULL, deadline)
    out["score"] = np.fmax.reduceat(ordered["score"].to_numpy(dtype=float), starts)
    out["alerts"] = np.diff(np.append(starts, len(order)))
    by_time = np.argsort(out["raised_at"].to_numpy(), kind="stable")
    rank = np.empty_like(by_time)
    rank[by_time] = np.arange(len(by_time))
    of_alert = np.empty(len(order), np.int64)
    of_alert[order] = rank[number]
    return out.iloc[by_time].reset_index(drop=True), of_alert


def explode(ids: pd.Series[Any], owner: str, member: str) -> pd.DataFrame:
    """A column of arrays as pairs (row number, element)."""
    lengths = np.fromiter((len(row) for row in ids), np.int64, len(ids))
    elements = np.concatenate([np.empty(0, np.int64), *ids])
    return pd.DataFrame({owner: np.repeat(np.arange(len(ids)), lengths), member: elements})


def touched_faults(evidence: pd.DataFrame, lineage: pd.DataFrame) -> pd.DataFrame:
    """(incident, fault_id) where the incident cites a row of the fault's lineage.

    Args:
        evidence: (incident, event_id).
        lineage: (event_id, fault_id).
    """
    reached = evidence.merge(lineage[["event_id", "fault_id"]], on="event_id")[["incident", "fault_id"]]
    return reached.drop_duplicates()


def subject_pairs(
    incidents: pd.DataFrame, exceptions: pd.DataFrame, rules: Rules, touched: pd.DataFrame
) -> pd.DataFrame:
    """Pairs (incident, exception) whose subjects fit, whatever the time; row numbers of both tables."""
    left = incidents[["region", "type", *SUBJECT]].assign(incident=np.arange(len(incidents)))
    right = exceptions[["region", "type", *SUBJECT]].assign(exception=np.arange(len(exceptions)))
    scope = right["type"].map(lambda name: rules.get(name, DEFAULT_RULE).scope)
    by_document = right["document_id"] != NULL
    by_item = ~by_document & (right["item"] != "") & scope.isin(ITEM_SCOPES)
    by_cell = ~by_document & ~by_item & (right["item"] != "") & (right["location"] != "")
    by_interface = ~by_document & (right["item"] == "") & (right["interface"] != "") & (right["sequence"] == NULL)
    by_place = ~by_document & (right["item"] == "") & (right["interface"] == "") & (right["location"] != "")
    joined = [
        _by_document(left[left["document_id"] != NULL], right[by_document], scope),
        _join(left[left["sequence"] != NULL], right[right["sequence"] != NULL], ["interface", "location", "sequence"]),
        _finer(_join(left[left["item"] != ""], right[by_cell], ["location", "item"]), ["document_id", "sequence"]),
        _finer(_join(left, right[by_item], ["item"]), ["document_id", "sequence"], partly="location"),
        _finer(_join(left, right[by_interface], ["interface"]), ["document_id", "sequence", "item"], partly="location"),
        _finer(_join(left, right[by_place], ["location"]), ["document_id", "sequence", "item", "interface"]),
    ]
    pairs = pd.concat(joined, ignore_index=True).sort_values(["incident", "exception", "finer"])
    pairs = pairs.drop_duplicates(["incident", "exception"])
    faults = explode(exceptions["faults"], "exception", "fault_id")
    reached = pairs[pairs["finer"]].merge(faults, on="exception").merge(touched, on=["incident", "fault_id"])
    known = pd.MultiIndex.from_frame(pairs[["incident", "exception"]]).isin(
        pd.MultiIndex.from_frame(reached[["incident", "exception"]])
    )
    return pairs.loc[~pairs["finer"] | known, ["incident", "exception"]].reset_index(drop=True)


def _join(left: pd.DataFrame, right: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    return left.merge(right, on=["region", *on], suffixes=("", "_of_exception")).assign(finer=False)


def _by_document(left: pd.DataFrame, right: pd.DataFrame, scope: pd.Series[Any]) -> pd.DataFrame:
    """The same document; the items agree where both name one, and so do the interfaces of a message."""
    pairs = _join(left, right, ["document_id"])
    fits = _agree(pairs, "item")
    of_message = scope.iloc[pairs["exception"].to_numpy()].str.startswith("interface,").to_numpy()
    return pairs[fits & (~of_message | _agree(pairs, "interface"))]


def _agree(pairs: pd.DataFrame, name: str) -> npt.NDArray[np.bool_]:
    """Whether both sides name the same, or one names nothing."""
    mine, other = pairs[name].to_numpy(), pairs[f"{name}_of_exception"].to_numpy()
    agree: npt.NDArray[np.bool_] = (mine == other) | (mine == "") | (other == "")
    return agree


def _finer(pairs: pd.DataFrame, beyond: list[str], partly: str = "") -> pd.DataFrame:
    """Mark the incidents that name more than the scope: their lineage, or their type, has to speak for them."""
    if partly:
        pairs = pairs[_agree(pairs, partly)]
    names_more = np.zeros(len(pairs), dtype=bool)
    for name in beyond:
        null = NULL if name in ("document_id", "sequence") else ""
        names_more |= (pairs[name] != null).to_numpy()
    return pairs.assign(finer=names_more & (pairs["type"] != pairs["type_of_exception"]).to_numpy())


def window_end(exceptions: pd.DataFrame, rules: Rules) -> IntArray:
    """The last moment at which an alert still counts for each exception."""
    opened = exceptions["opened_at"].to_numpy()
    closed = np.where(exceptions["closed_at"] == NULL, FOREVER, exceptions["closed_at"])
    end = np.minimum(closed, opened + hours_of(exceptions["type"], rules, "window_hours"))
    ends: IntArray = end + hours_of(exceptions["type"], rules, "grace_hours")
    return ends


def foretold(incidents: pd.DataFrame, rules: Rules) -> IntArray:
    """How far ahead each incident speaks, microseconds: to its deadline, the type's window at most; 0 without one."""
    deadline = incidents["deadline"].to_numpy(dtype=np.int64)
    ahead = np.where(deadline == NULL, 0, deadline - incidents["raised_at"].to_numpy(dtype=np.int64))
    reach: IntArray = np.clip(ahead, 0, hours_of(incidents["type"], rules, "window_hours"))
    return reach


def admissible(pairs: pd.DataFrame, incidents: pd.DataFrame, exceptions: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The pairs that fit in time too, with ``agree`` (of type), ``delay`` and ``lead`` in microseconds."""
    mine, other = pairs["incident"].to_numpy(), pairs["exception"].to_numpy()
    raised = incidents["raised_at"].to_numpy()[mine]
    opened = exceptions["opened_at"].to_numpy()[other]
    agree = incidents["type"].to_numpy()[mine] == exceptions["type"].to_numpy()[other]
    in_time = (opened <= raised) & (raised <= window_end(exceptions, rules)[other])
    predicted = agree & (raised < opened) & (opened <= raised + foretold(incidents, rules)[mine])
    out = pairs.assign(
        agree=agree.astype(bool), delay=np.maximum(raised - opened, 0), lead=np.where(predicted, opened - raised, 0)
    )
    fits: pd.DataFrame = out[in_time | predicted].reset_index(drop=True)
    return fits


def match(pairs: pd.DataFrame) -> pd.DataFrame:
    """One-to-one matching of admissible pairs: most pairs, then most agreements, then least delay.

    Args:
        pairs: (incident, exception, agree, delay), unique pairs.

    Returns:
        The chosen rows of ``pairs``.
    """
    if pairs.empty:
        return pairs
    left, mine = np.unique(pairs["incident"].to_numpy(), return_inverse=True)
    right, other = np.unique(pairs["exception"].to_numpy(), return_inverse=True)
    size = len(left) + len(right)
    graph = coo_matrix((np.ones(len(pairs)), (mine, other + len(left))), shape=(size, size))
    component = connected_components(graph, directed=False)[1][mine]
    # in a star one pair is chosen, the best: true of nearly all components
    order = np.lexsort((mine, pairs["delay"].to_numpy(), ~pairs["agree"].to_numpy(), component))
    component, mine, other = component[order], mine[order], other[order]
    starts = np.flatnonzero(np.append(True, component[1:] != component[:-1]))
    chosen = []
    for start, stop in zip(starts, np.append(starts[1:], len(order)), strict=True):
        rows = order[start:stop]
        if len(rows) == 1 or len(set(mine[start:stop])) == 1 or len(set(other[start:stop])) == 1:
            chosen.append(rows[:1])
        else:
            chosen.append(rows[_solve(mine[start:stop], other[start:stop], pairs.iloc[rows])])
    return pairs.iloc[np.sort(np.concatenate(chosen))].reset_index(drop=True)


def _solve(mine: IntArray, other: IntArray, pairs: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Positions of the pairs chosen within one component."""
    left, row = np.unique(mine, return_inverse=True)
    right, column = np.unique(other, return_inverse=True)
    most = min(len(left), len(right))
    delay = pairs["delay"].to_numpy(dtype=float)
    delay /= max(float(delay.max()), 1.0)
    # one agreement outweighs all delays, one pair outweighs all agreements
    worth = (most + 1.0) * (most + 2.0) + (most + 1.0) * pairs["agree"].to_numpy() - delay
    position = coo_matrix((np.arange(len(pairs)) + 1, (row, column)), shape=(len(left), len(right))).tocsr()
    if len(left) * len(right) <= DENSE_MAX:
        gain = np.zeros((len(left), len(right)))
        gain[row, column] = worth
        rows, columns = linear_sum_assignment(gain, maximize=True)
    else:
        # a spare column for each row makes a full matching exist; using one is worth next to nothing
        spare = np.arange(len(left))
        weights = np.concatenate([worth, np.full(len(left), 1e-3)])
        places = (np.concatenate([row, spare]), np.concatenate([column, len(right) + spare]))
        graph = coo_matrix((weights, places), shape=(len(left), len(right) + len(left))).tocsr()
        rows, columns = min_weight_full_bipartite_matching(graph, maximize=True)
        real = columns < len(right)
        rows, columns = rows[real], columns[real]
    found = np.asarray(position[rows, columns]).ravel()
    positions: npt.NDArray[np.intp] = found[found > 0] - 1
    return positions
