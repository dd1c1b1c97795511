"""The timeline: bars that do not cover one another, counts where there are too many, alerts in place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import timeline, view
from reports.figures import accuracy, lost_margin, svg

SPANS = st.lists(st.tuples(st.floats(0, 27), st.floats(0, 5)), max_size=40)


@given(SPANS)
@settings(max_examples=60, deadline=None)
def test_bars_of_a_row_never_cover_one_another(spans):
    opened = np.array([start for start, _ in spans], dtype=float)
    ended = opened + np.array([length for _, length in spans], dtype=float)
    rows = timeline._pack(opened, ended)
    for row in set(rows):
        order = np.argsort(opened[rows == row], kind="stable")
        starts, ends = opened[rows == row][order], ended[rows == row][order]
        assert (starts[1:] >= ends[:-1]).all()


def test_lanes_hold_every_exception_and_alert_of_the_arm(make_run):
    run = view.load(make_run(exceptions=300))
    lanes = timeline.lanes_of(run)
    assert sum(len(lane.opened) for lane in lanes) == len(run.of_arm("truth/exceptions"))
    assert sum(len(lane.alerts) for lane in lanes) == len(run.of_arm("alerts"))
    sizes = [len(lane.opened) for lane in lanes]
    assert sizes == sorted(sizes, reverse=True)
    assert lanes[0].dense
    assert not lanes[-1].dense


@pytest.mark.parametrize("column", ["location", "document_id", "interface"])
def test_an_alert_is_put_on_the_exception_whose_subject_it_names(column):
    subjects = {"location": ["S0001", "S0002"], "document_id": [7, 8], "interface": ["pos_erp", "wms_erp"]}[column]
    columns = ["document_id", "location", "item", "interface", "sequence"]
    exceptions = pd.DataFrame({column: subjects}).reindex(columns=columns)
    alerts = pd.DataFrame({column: [subjects[1], subjects[1], subjects[0]]}).reindex(columns=columns)
    opened, ended = np.array([1.0, 1.0]), np.array([3.0, 3.0])
    found, strays = timeline._place(exceptions, opened, ended, alerts, np.array([2.5, 2.0, 9.0]))
    assert np.isnan(found[0])
    assert found[1] == 2.0
    assert list(strays) == [9.0]


def test_an_alert_on_another_item_of_the_store_is_put_nowhere():
    columns = {"document_id": None, "interface": None, "sequence": None}
    exceptions = pd.DataFrame({"location": ["S0001"], "item": ["I00001"], **columns})
    alerts = pd.DataFrame({"location": ["S0001", "S0001"], "item": ["I00002", None], **columns})
    found, strays = timeline._place(exceptions, np.array([1.0]), np.array([3.0]), alerts, np.array([2.0, 2.0]))
    assert np.isnan(found).all()
    assert len(strays) == 2


def test_a_run_without_anything_has_no_timeline(make_run):
    run = view.load(make_run(exceptions=0))
    assert timeline.timeline(run) is None
    assert accuracy(run) is not None


def test_figures_are_the_same_bytes_each_time_and_share_no_ids(make_run):
    run = view.load(make_run(exceptions=50, days=7))
    texts = [svg(draw(run), "one") for draw in (timeline.timeline, accuracy, lost_margin)]
    assert texts == [svg(draw(run), "one") for draw in (timeline.timeline, accuracy, lost_margin)]
    assert all(text.startswith("<svg") and "<metadata" not in text for text in texts)
    assert svg(accuracy(run), "two") == texts[1].replace('"one-', '"two-').replace("#one-", "#two-")
