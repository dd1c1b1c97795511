"""Each mishap of a stream is found, named and told from its look-alike; a healthy stream stays quiet."""

import numpy as np
import pytest

from detection.pipeline import OperatorSpec, build
from sim.clock import HOUR
from sim.events import INTERFACE

START_DAY = 96


def run(made, **spec):
    operator = build(OperatorSpec(**spec), made.layout, seed=3)
    for now, rows in made.stream():
        operator.step(now, rows)
    return operator


def found(operator, type_name):
    alerts = operator.records()["alerts"]
    rows = [row for row, name in enumerate(alerts["type"]) if name == type_name]
    return [{name: column[row] for name, column in alerts.items()} for row in rows]


def faults(operator, type_name):
    cases = operator.records()["cases"]
    return [fault for kind, fault in zip(cases["type"], cases["fault_type"], strict=True) if kind == type_name]


def test_a_healthy_chain_raises_no_alert(chain):
    made = chain(stores=6, items=60, days=12, daily_lines=1.0)
    operator = run(made)
    assert operator.records()["alerts"]["alert_id"] == []


def test_a_dropped_sale_is_found_with_its_line_and_told_from_a_late_batch(chain, mishaps):
    made = chain(days=3, daily_lines=20.0, mishaps=mishaps(dropped_sales={(2, 100)}))
    operator = run(made)
    (alert,) = found(operator, "dropped_message")
    assert (alert["interface"], alert["location"], alert["sequence"]) == (INTERFACE["pos_erp"], 2, 100)
    assert alert["item"] >= 0
    assert alert["document_id"] > 0
    assert faults(operator, "dropped_message") == ["dropped_message"]


def test_a_sale_that_came_twice_is_a_duplicate_and_two_equal_sales_are_none(chain, mishaps):
    made = chain(days=2, items=3, daily_lines=60.0, mishaps=mishaps(doubled_sales={(1, 50)}))
    operator = run(made, detector="channel")
    (alert,) = found(operator, "duplicate_message")
    assert (alert["location"], alert["sequence"]) == (1, 50)


def test_a_lost_line_of_a_transfer_is_lost_and_a_late_transfer_lags(chain, mishaps):
    made = chain(items=60, days=4, mishaps=mishaps(dropped_lines={(1, 3)}, lagging_days={(1, 2): 12}))
    operator = run(made, detector="transfer+channel")
    (lost,) = found(operator, "dropped_message")
    (late,) = found(operator, "posting_lag")
    assert (lost["location"], lost["sequence"], lost["interface"]) == (1, 3, INTERFACE["store_erp"])
    assert (late["location"], late["item"]) == (2, -1)
    assert faults(operator, "posting_lag") == ["posting_lag"]


def test_a_batch_late_within_its_service_level_raises_nothing(chain, mishaps):
    made = chain(items=60, days=4, mishaps=mishaps(lagging_days={(1, 2): 3}))
    operator = run(made)
    assert operator.records()["alerts"]["alert_id"] == []


def test_what_an_outage_holds_back_is_the_outages(chain, mishaps):
    arrives = 20 + 24 + 1
    made = chain(items=60, days=4, mishaps=mishaps(outage=(arrives + 1, arrives + 40)))
    operator = run(made)
    (alert,) = found(operator, "api_outage")
    assert alert["interface"] == INTERFACE["store_erp"]
    assert len(operator.records()["alerts"]["alert_id"]) == 1


def test_a_second_posting_and_a_posting_in_cases_are_told_apart(chain, mishaps):
    made = chain(items=60, days=4, mishaps=mishaps(doubled_lines={(1, 2)}, halved_lines={(2, 3)}))
    operator = run(made)
    (double,) = found(operator, "duplicate_message")
    (wrong,) = found(operator, "unit_of_measure")
    assert (double["location"], double["sequence"]) == (1, 2)
    assert wrong["location"] == 0
    assert wrong["item"] >= 0


def test_the_dock_tells_of_cartons_variances_and_missing_notices(chain, mishaps):
    wrong = mishaps(unknown_cartons={(1, 2)}, variances={(2, 3)}, missing_asn_days={2})
    operator = run(chain(days=4, mishaps=wrong), detector="receipt")
    assert len(found(operator, "carton_mismatch")) == 1
    assert len(found(operator, "receiving_variance")) == 1
    assert len(found(operator, "late_asn")) == 1


def test_a_late_truck_is_found_when_due_and_predicted_before(chain, mishaps):
    made = chain(items=20, days=14, mishaps=mishaps(late_trucks={(11, 2): 20}))
    operator = run(made, detector="transfer")
    (alert,) = found(operator, "transfer_delay")
    assert alert["location"] == 2

    made = chain(items=20, days=14, mishaps=mishaps(late_trucks={(11, 2): 20}))
    predicted = found(run(made, detector="transfer", policy="predictive"), "transfer_delay")[0]
    assert predicted["raised_at"] < predicted["deadline"] <= alert["raised_at"]
    assert alert["raised_at"] - predicted["raised_at"] >= HOUR


def test_a_frozen_cell_is_found_by_its_silence_and_a_slow_mover_is_not(chain, mishaps):
    made = chain(stores=5, items=30, days=12, daily_lines=3.0)
    hot, slow = int(np.argmax(made.share)), int(np.argmin(made.share))
    made.mishaps = mishaps(frozen={(3, hot): 2 * START_DAY, (4, slow): 2 * START_DAY})
    alerts = found(run(made), "phantom_stock")
    assert (3, hot) in [(alert["location"], alert["item"]) for alert in alerts]
    assert (4, slow) not in [(alert["location"], alert["item"]) for alert in alerts]


def test_one_short_pick_is_a_line_to_source_again_and_repeated_ones_are_a_wrong_shelf(chain, mishaps):
    made = chain(days=5, daily_lines=6.0)
    hot, other = np.argsort(made.share)[-2:].tolist()
    made.mishaps = mishaps(
        frozen={(1, hot): 3 * 96 + 40},
        nil_picks={3 * 96 + 40: (1, hot), 3 * 96 + 44: (2, other), 3 * 96 + 41: (1, hot), 3 * 96 + 45: (1, hot)},
    )
    operator = run(made)
    picks = found(operator, "short_pick")
    assert [(pick["location"], pick["item"]) for pick in picks] == [(1, hot), (1, hot), (2, other), (1, hot)]
    (alert,) = found(operator, "phantom_stock")
    assert (alert["location"], alert["item"], len(alert["evidence"])) == (1, hot, 2)
    # The third line that was not found joins the case of its cell.
    cases = operator.records()["cases"]
    assert sorted(cases["type"]) == ["phantom_stock", "short_pick", "short_pick", "short_pick"]
    (case,) = (n for n, name in enumerate(cases["type"]) if name == "phantom_stock")
    assert picks[3]["alert_id"] in cases["alerts"][case]


def test_short_picks_on_a_cell_that_sells_between_them_are_the_picker_s(chain, mishaps):
    made = chain(days=5, daily_lines=20.0)
    hot = int(np.argmax(made.share))
    made.mishaps = mishaps(nil_picks={3 * 96 + 40 + 10 * ordinal: (1, hot) for ordinal in range(4)})
    operator = run(made, detector="reservation", classifier="rules")
    assert len(found(operator, "short_pick")) == 4
    assert found(operator, "phantom_stock") == []
    assert set(faults(operator, "short_pick")) == {"short_pick"}


def test_a_short_pick_on_a_cell_that_should_have_sold_long_since_is_enough(chain, mishaps):
    made = chain(days=8, daily_lines=6.0)
    hot = int(np.argmax(made.share))
    made.mishaps = mishaps(frozen={(1, hot): 5 * 96 + 36}, nil_picks={5 * 96 + 70: (1, hot)})
    alerts = found(run(made, detector="reservation"), "phantom_stock")
    assert [(alert["location"], alert["item"]) for alert in alerts] == [(1, hot)]


def test_a_book_below_zero_is_found_once(chain):
    made = chain(stores=2, items=5, days=4, daily_lines=40.0)
    made.erp[made.items :] = 30
    made.extracted[:] = made.erp
    alerts = found(run(made, detector="book"), "negative_inventory")
    cells = [(alert["location"], alert["item"]) for alert in alerts]
    assert cells
    assert len(cells) == len(set(cells))


@pytest.mark.parametrize("seed", range(3))
def test_a_longer_stream_of_chance_raises_few_alerts(chain, seed):
    made = chain(stores=8, items=80, days=14, daily_lines=2.0, seed=seed)
    operator = run(made)
    assert len(operator.records()["alerts"]["alert_id"]) <= 4
