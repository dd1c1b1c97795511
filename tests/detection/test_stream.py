"""A recorded stream drives the operator as the live one did."""

import numpy as np
import pyarrow as pa
import pytest

from detection.pipeline import OperatorSpec, build
from detection.stream import StreamError, rows_from_table
from sim.events import COLUMNS, EVENT_TYPES, NO_CODE, NULL


def table_of(steps, vocabulary):
    """Blocks as a table of strings and nulls, the way files hold them."""
    columns = {name: [] for name in COLUMNS}
    for _, rows in steps:
        for block in rows:
            for name, kind in COLUMNS.items():
                if name == "event_type":
                    columns[name] += [EVENT_TYPES[block.event_type]] * block.size
                    continue
                values = block.get(name).tolist()
                if kind.startswith("code:"):
                    strings = vocabulary.strings(kind.removeprefix("code:"))
                    values = [None if value == NO_CODE else strings[value] for value in values]
                elif kind == "carton":
                    values = [None if value == NULL else str(value) for value in values]
                else:
                    values = [None if value == NULL or np.isnan(value) else value for value in values]
                columns[name] += values
    types = {"id": pa.int64(), "time": pa.timestamp("us"), "int": pa.int64(), "float": pa.float64()}
    return pa.table(
        {name: pa.array(values, types.get(COLUMNS[name], pa.string())) for name, values in columns.items()}
    )


@pytest.fixture(scope="module")
def recorded(chain, mishaps):
    wrong = mishaps(dropped_lines={(1, 2)}, doubled_sales={(2, 10)}, unknown_cartons={(1, 1)}, late_trucks={(0, 1): 20})
    made = chain(stores=2, items=20, days=3, daily_lines=4.0, mishaps=wrong)
    steps = list(made.stream())
    return made.layout, steps, table_of(steps, made.layout.vocabulary)


def run(layout, steps):
    operator = build(OperatorSpec(), layout, seed=1)
    for now, rows in steps:
        operator.step(now, rows)
    return operator


def test_the_operator_says_the_same_of_a_recorded_stream(recorded):
    layout, steps, table = recorded
    live = run(layout, steps)
    replayed = run(layout, rows_from_table(table, layout.vocabulary))
    assert live.records()["alerts"]["alert_id"]
    assert sorted(replayed.records()["alerts"]["alert_id"]) == sorted(live.records()["alerts"]["alert_id"])


def test_rows_come_by_tick_in_order_and_complete(recorded):
    layout, steps, table = recorded
    again = list(rows_from_table(table, layout.vocabulary))
    assert sum(len(rows) for _, rows in again) == table.num_rows == sum(len(rows) for _, rows in steps)
    for now, rows in again:
        for block in rows:
            available = block.get("available_at")
            assert (available < now).all()
            assert (np.diff(available) >= 0).all()
    times = [now for now, _ in again]
    assert np.unique(np.diff(times)).tolist() == [times[1] - times[0]]


def test_a_table_without_its_columns_is_refused(recorded):
    layout, _, table = recorded
    with pytest.raises(StreamError, match="available_at"):
        list(rows_from_table(table.drop_columns(["available_at"]), layout.vocabulary))


def test_an_unknown_name_is_refused(recorded):
    layout, _, table = recorded
    place = table.column_names.index("event_type")
    names = ["teleporting", *table.column("event_type").to_pylist()[1:]]
    with pytest.raises(StreamError, match="teleporting"):
        list(rows_from_table(table.set_column(place, "event_type", pa.array(names)), layout.vocabulary))


def test_an_empty_table_has_no_steps(recorded):
    layout, _, table = recorded
    assert list(rows_from_table(table.slice(0, 0), layout.vocabulary)) == []
