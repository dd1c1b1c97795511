"""Incidents, admissibility and the matching, against brute force and ``mir_eval``."""

from __future__ import annotations

import itertools
from typing import Any

import mir_eval
import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios import match
from scenarios.match import HOUR, NULL, TypeRule

RULES = {
    "lag": TypeRule(window_hours=48.0, gap_hours=24.0, grace_hours=1.0, scope="document line"),
    "frozen": TypeRule(window_hours=100.0, scope="location and item"),
    "drop": TypeRule(scope="interface, location and sequence number"),
    "outage": TypeRule(window_hours=24.0, scope="interface"),
    "unit": TypeRule(scope="DC and item"),
}
EMPTY: dict[str, Any] = {"location": "", "item": "", "document_id": NULL, "interface": "", "sequence": NULL}
NO_TOUCH = pd.DataFrame({"incident": pd.Series(dtype=np.int64), "fault_id": pd.Series(dtype=np.int64)})


def alerts(*rows: dict[str, Any]) -> pd.DataFrame:
    base: dict[str, Any] = {"region": "R1", "type": "lag", "deadline": NULL, "score": 1.0, **EMPTY}
    full = [{**base, "alert_id": number, **row} for number, row in enumerate(rows)]
    table = pd.DataFrame(full)
    table["raised_at"] = (table["raised_at"] * HOUR).astype(np.int64)
    return table


def exceptions(*rows: dict[str, Any]) -> pd.DataFrame:
    base: dict[str, Any] = {"region": "R1", "type": "lag", "closed_at": NULL, "opened_at": 0, **EMPTY}
    table = pd.DataFrame([{**base, **row} for row in rows])
    table["faults"] = [np.array(row.get("faults", []), np.int64) for row in rows]
    return table


def fits(alert: dict[str, Any], exception: dict[str, Any], touched: pd.DataFrame = NO_TOUCH) -> bool:
    incidents, _ = match.incidents_of(alerts({"raised_at": 1, **alert}), RULES)
    return len(match.subject_pairs(incidents, exceptions(exception), RULES, touched)) == 1


def test_alerts_within_the_gap_are_one_incident() -> None:
    found, of_alert = match.incidents_of(
        alerts(*({"raised_at": hour, "document_id": 7} for hour in (0, 20, 44, 69))), RULES
    )
    assert found["raised_at"].tolist() == [0, 69 * HOUR]
    assert found["alerts"].tolist() == [3, 1]
    assert of_alert.tolist() == [0, 0, 0, 1]


def test_a_long_incident_is_split_at_the_window() -> None:
    hours = range(0, 200, 10)
    found, _ = match.incidents_of(alerts(*({"raised_at": hour, "document_id": 7} for hour in hours)), RULES)
    assert (found["raised_at"] // HOUR).tolist() == [0, 50, 100, 150]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 2)), min_size=1, max_size=40))
def test_incidents_are_those_of_a_plain_loop(rows: list[tuple[int, int]]) -> None:
    table = alerts(*({"raised_at": hour, "document_id": document} for hour, document in rows))
    found, of_alert = match.incidents_of(table, RULES)
    expected = []
    for document in {document for _, document in rows}:
        begin = last = None
        for hour in sorted(hour for hour, other in rows if other == document):
            if begin is None or last is None or hour - last > 24 or hour - begin > 48:
                begin = hour
                expected.append((hour, document))
            last = hour
    assert sorted(zip(found["raised_at"] // HOUR, found["document_id"], strict=True)) == sorted(expected)
    assert found["alerts"].sum() == len(rows)
    assert (found["document_id"].to_numpy()[of_alert] == table["document_id"]).all()
    assert (found["raised_at"].to_numpy()[of_alert] <= table["raised_at"]).all()
    assert found["raised_at"].is_monotonic_increasing


def test_other_subjects_types_and_regions_are_other_incidents() -> None:
    found, _ = match.incidents_of(
        alerts(
            {"raised_at": 0, "document_id": 7},
            {"raised_at": 0, "document_id": 8},
            {"raised_at": 0, "document_id": 7, "type": "drop"},
            {"raised_at": 0, "document_id": 7, "region": "R2"},
            {"raised_at": 0, "document_id": 7, "item": "I1"},
        ),
        RULES,
    )
    assert len(found) == 5


def test_no_alert_is_no_incident() -> None:
    found, of_alert = match.incidents_of(alerts({"raised_at": 0}).iloc[:0], RULES)
    assert len(found) == len(of_alert) == 0
    assert match.subject_pairs(found, exceptions({"document_id": 1}), RULES, NO_TOUCH).empty


def test_a_document_is_named_by_itself_whatever_else_is_said() -> None:
    scope = {"document_id": 5, "item": "I1", "location": "DC1"}
    assert fits({"document_id": 5, "item": "I1"}, scope)
    assert fits({"document_id": 5}, scope)
    assert not fits({"document_id": 5, "item": "I2"}, scope)
    assert not fits({"document_id": 6, "item": "I1"}, scope)
    assert not fits({"location": "DC1", "item": "I1"}, scope)


def test_a_cell_is_matched_by_the_cell_only() -> None:
    scope = {"type": "frozen", "location": "S1", "item": "I1"}
    assert fits({"location": "S1", "item": "I1"}, scope)
    assert not fits({"location": "S1"}, scope)
    assert not fits({"item": "I1"}, scope)
    assert not fits({"location": "S1", "item": "I2"}, scope)
    assert not fits({"location": "S1", "item": "I1", "region": "R2"}, scope)


def test_what_is_finer_has_to_be_touched_or_of_the_type() -> None:
    scope = {"type": "frozen", "location": "S1", "item": "I1", "faults": [9]}
    finer = {"location": "S1", "item": "I1", "document_id": 4}
    assert not fits(finer, scope)
    assert fits({**finer, "type": "frozen"}, scope)
    assert fits(finer, scope, pd.DataFrame({"incident": [0], "fault_id": [9]}))
    assert not fits(finer, scope, pd.DataFrame({"incident": [0], "fault_id": [8]}))


def test_a_message_is_named_by_number_or_by_document() -> None:
    scope = {"type": "drop", "interface": "pos", "location": "S1", "sequence": 3, "document_id": 5}
    assert fits({"interface": "pos", "location": "S1", "sequence": 3}, scope)
    assert fits({"interface": "pos", "location": "S1", "sequence": 4, "document_id": 5}, scope)
    assert not fits({"interface": "pos", "location": "S1", "sequence": 4}, scope)
    assert not fits({"interface": "wms", "document_id": 5}, scope)
    assert not fits({"interface": "pos", "location": "S1"}, scope)


def test_an_interface_is_named_with_or_without_a_place() -> None:
    scope = {"type": "outage", "interface": "pos", "faults": [1]}
    assert fits({"interface": "pos"}, scope)
    assert fits({"interface": "pos", "location": "S1"}, scope)
    assert not fits({"interface": "wms"}, scope)
    assert not fits({"interface": "pos", "location": "S1", "sequence": 8}, scope)
    assert fits(
        {"interface": "pos", "location": "S1", "sequence": 8},
        scope,
        pd.DataFrame({"incident": [0], "fault_id": [1]}),
    )


def test_an_item_rule_does_not_ask_for_the_place() -> None:
    scope = {"type": "unit", "location": "DC1", "item": "I1"}
    assert fits({"item": "I1"}, scope)
    assert fits({"item": "I1", "location": "DC1"}, scope)
    assert not fits({"item": "I1", "location": "S1"}, scope)


def test_the_window_ends_at_closing_or_at_its_length_and_has_grace() -> None:
    def in_time(hour: int, **exception: Any) -> bool:
        incidents, _ = match.incidents_of(alerts({"raised_at": hour, "document_id": 1}), RULES)
        broken = exceptions({"document_id": 1, "opened_at": 10 * HOUR, **exception})
        pairs = match.subject_pairs(incidents, broken, RULES, NO_TOUCH)
        return len(match.admissible(pairs, incidents, broken, RULES)) == 1

    assert [in_time(hour) for hour in (9, 10, 59, 60)] == [False, True, True, False]
    assert [in_time(hour, closed_at=20 * HOUR) for hour in (20, 21, 22)] == [True, True, False]


def test_a_prediction_counts_if_the_rule_breaks_by_its_deadline() -> None:
    def lead(deadline: int, **alert: Any) -> list[int]:
        raised = {"raised_at": 2, "document_id": 1, "deadline": deadline * HOUR, **alert}
        incidents, _ = match.incidents_of(alerts(raised), RULES)
        broken = exceptions({"document_id": 1, "opened_at": 10 * HOUR})
        pairs = match.subject_pairs(incidents, broken, RULES, NO_TOUCH)
        fitting = match.admissible(pairs, incidents, broken, RULES)
        assert (fitting["delay"] == 0).all()
        return [int(hours) for hours in fitting["lead"] // HOUR]

    assert lead(10) == [8]
    assert lead(9) == []
    assert lead(12, type="drop") == []


def brute(pairs: pd.DataFrame) -> tuple[int, int, int]:
    """The best (pairs, agreements, -delay) over every one-to-one choice."""
    rows = list(pairs.itertuples())
    best = (0, 0, 0)
    for count in range(1, len(rows) + 1):
        for chosen in itertools.combinations(rows, count):
            mine, other = {row.incident for row in chosen}, {row.exception for row in chosen}
            if len(mine) == len(other) == count:
                best = max(best, worth(pd.DataFrame(chosen)))
    return best


def worth(chosen: pd.DataFrame) -> tuple[int, int, int]:
    return len(chosen), int(chosen["agree"].sum()), -int(chosen["delay"].sum())


edges = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4)), st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=9
)


def as_pairs(graph: dict[tuple[int, int], tuple[bool, int]]) -> pd.DataFrame:
    rows = [(mine, other, agree, delay) for (mine, other), (agree, delay) in graph.items()]
    return pd.DataFrame(rows, columns=["incident", "exception", "agree", "delay"])


@settings(deadline=None, max_examples=150)
@given(edges)
def test_the_matching_is_the_best_there_is(graph: dict[tuple[int, int], tuple[bool, int]]) -> None:
    pairs = as_pairs(graph)
    chosen = match.match(pairs)
    assert not chosen["incident"].duplicated().any()
    assert not chosen["exception"].duplicated().any()
    assert worth(chosen) == brute(pairs)


@settings(deadline=None, max_examples=50)
@given(edges)
def test_sparse_and_dense_agree(graph: dict[tuple[int, int], tuple[bool, int]]) -> None:
    pairs = as_pairs(graph)
    dense = worth(match.match(pairs))
    before, match.DENSE_MAX = match.DENSE_MAX, 0  # type: ignore[misc]
    try:
        assert worth(match.match(pairs)) == dense
    finally:
        match.DENSE_MAX = before  # type: ignore[misc]


@settings(deadline=None, max_examples=100)
@given(edges, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(graph: dict[tuple[int, int], tuple[bool, int]], random: Any) -> None:
    rows = list(graph.items())
    random.shuffle(rows)
    assert worth(match.match(as_pairs(dict(rows)))) == worth(match.match(as_pairs(graph)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=25), st.lists(st.integers(0, 400), min_size=1, max_size=25))
def test_as_many_are_matched_as_mir_eval_matches(opened: list[int], raised: list[int]) -> None:
    window = 49
    pairs = pd.DataFrame(
        [
            (mine, other, True, hour - start)
            for (mine, hour), (other, start) in itertools.product(enumerate(raised), enumerate(opened))
            if 0 <= hour - start <= window
        ],
        columns=["incident", "exception", "agree", "delay"],
    )
    # mir_eval's windows are symmetric: the same pairs with the window's middle as the reference
    middle = np.array(opened) + window / 2
    reference = mir_eval.util.match_events(np.sort(middle), np.sort(np.array(raised, float)), window / 2)
    assert len(match.match(pairs)) == len(reference)


def test_no_pair_is_no_match() -> None:
    assert match.match(as_pairs({})).empty


def test_plain_tables_have_one_null_each() -> None:
    table = pa.table(
        {
            "name": pa.array(["a", None]).dictionary_encode(),
            "at": pa.array([5, None], pa.timestamp("us")),
            "number": pa.array([1, None], pa.int64()),
            "score": pa.array([1.0, None]),
            "flag": pa.array([True, None]),
            "ids": pa.array([[1, 2], None], pa.list_(pa.int64())),
        }
    )
    frame = match.plain(table)
    assert frame["name"].tolist() == ["a", ""]
    assert frame["at"].tolist() == [5, NULL]
    assert frame["number"].tolist() == [1, NULL]
    assert np.isnan(frame["score"][1])
    assert frame["flag"].tolist() == [True, False]
    assert [ids.tolist() for ids in frame["ids"]] == [[1, 2], []]
