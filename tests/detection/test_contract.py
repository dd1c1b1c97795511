"""Every registered detector meets every contract; there is no list of exemptions."""

import numpy as np
import pytest

from detection.pipeline import OperatorSpec, build
from detection.registry import names
from detection.taxonomy import TYPES
from sim.clock import TICK
from sim.events import INTERFACES, NO_CODE, NULL, Rows

COMPARED = ("alert_id", "raised_at", "type", "location", "item", "document_id", "interface", "sequence", "score")


@pytest.fixture(scope="module")
def disturbed(chain, mishaps):
    """A chain in which something of everything goes wrong, and its stream, frozen against writing."""
    wrong = mishaps(
        frozen={(1, 3): 0, (2, 5): 200},
        dropped_sales={(1, 40), (2, 90)},
        doubled_sales={(3, 20)},
        dropped_lines={(1, 4)},
        doubled_lines={(2, 6)},
        halved_lines={(3, 7)},
        lagging_days={(2, 1): 10},
        late_trucks={(1, 2): 20},
        unknown_cartons={(1, 2)},
        variances={(2, 3)},
        missing_asn_days={3},
        nil_picks={300: (2, 1)},
    )
    made = chain(stores=3, items=30, days=9, daily_lines=3.0, mishaps=wrong)
    steps = list(made.stream())
    for _, rows in steps:
        for block in rows:
            for column in block.columns.values():
                if isinstance(column, np.ndarray):
                    column.flags.writeable = False
    return made.layout, steps


def alerts_of(layout, steps, detector):
    spec = OperatorSpec(detector=detector, parameters={"outlier_warm_up_days": 4.0, "outlier_quantile": 0.95})
    operator = build(spec, layout, seed=5)
    for now, rows in steps:
        operator.step(now, rows)
    alerts = operator.records()["alerts"]
    return list(zip(*(alerts[name] for name in COMPARED), strict=True)), alerts


@pytest.mark.parametrize("detector", [*names("detector"), "standard+iforest"])
def test_detector_keeps_its_contract(disturbed, detector):
    layout, steps = disturbed

    found, alerts = alerts_of(layout, steps, detector)  # rows are read-only: whoever writes to them fails here
    again, _ = alerts_of(layout, steps, detector)
    shorter, _ = alerts_of(layout, steps[:600], detector)

    assert found == again
    assert shorter == [alert for alert in found if alert[1] <= steps[599][0]]
    assert len(set(alerts["alert_id"])) == len(found)
    assert all(0 <= number < 2**52 for number in alerts["alert_id"])
    assert set(alerts["type"]) <= set(TYPES)
    assert all(NO_CODE <= code < layout.locations for code in alerts["location"])
    assert all(NO_CODE <= code < layout.items for code in alerts["item"])
    assert all(NO_CODE <= code < len(INTERFACES) for code in alerts["interface"])
    assert all(document == NULL or document >= 0 for document in alerts["document_id"])
    assert all(np.isfinite(alerts["score"]))


@pytest.mark.parametrize("detector", names("detector"))
def test_detector_takes_empty_steps(disturbed, detector):
    layout, steps = disturbed
    operator = build(OperatorSpec(detector=detector), layout, seed=1)
    for tick in range(300):
        operator.step(steps[0][0] + tick * TICK, Rows())
    alerts = operator.records()["alerts"]
    assert detector == "always" or alerts["alert_id"] == []


def test_random_raises_as_many_alerts_as_the_standard_detector(disturbed):
    layout, steps = disturbed
    standard, _ = alerts_of(layout, steps, "standard")
    by_lot, _ = alerts_of(layout, steps, "random")
    # A subject drawn twice within a day is one alert.
    assert len(standard) > 0
    assert 0.7 * len(standard) <= len(by_lot) <= len(standard)


def test_outlier_models_find_the_frozen_cell_without_flagging_a_tenth_of_the_healthy(chain, mishaps):
    made = chain(stores=3, items=40, days=12, daily_lines=4.0, mishaps=mishaps(frozen={(2, 0): 96 * 7}))
    hot = int(np.argmax(made.share))
    made.mishaps.frozen = {(2, hot): 96 * 7}
    steps = list(made.stream())
    for detector in ("iforest", "knn"):
        spec = OperatorSpec(detector=detector, parameters={"outlier_warm_up_days": 5.0})
        operator = build(spec, made.layout, seed=1)
        for now, rows in steps:
            operator.step(now, rows)
        alerts = operator.records()["alerts"]
        cells = list(zip(alerts["location"], alerts["item"], strict=True))
        assert (2, hot) in cells, detector
        assert len(cells) <= 12, detector
