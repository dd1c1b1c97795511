"""Each rule from a handful of rows: what breaks it is reported once, and its benign look-alike is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detection.layout import Layout
from detection.pipeline import OperatorSpec, build
from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK, parse_date
from sim.events import CODE, DOCUMENT_TYPE, EVENT_TYPE, INTERFACE, SOURCE, STATUS, Block, Rows, Vocabulary

START = parse_date("2026-03-02")
STORES, ITEMS = 2, 6
LAYOUT = Layout(Vocabulary(("DC1", "S0001", "S0002"), tuple(f"I{k:05d}" for k in range(ITEMS)), ("V001",)))


class Tape:
    """Rows written down by hand, played to one detector tick by tick."""

    def __init__(self) -> None:
        self._blocks: dict[int, list[Block]] = {}
        self._event = 1
        self.row("master_data", 0.0, item=list(range(ITEMS)), unit_price=[10.0] * ITEMS, quantity=[6] * ITEMS,
                 document_id=[900 + k for k in range(ITEMS)])

    def row(self, event_type: str, hour: float, *, stamped: int = 0, **columns: Any) -> list[int]:
        """Add rows at an hour of the run; lists are columns, anything else holds for all. Returns their ids."""
        size = max([len(value) for value in columns.values() if isinstance(value, list)], default=1)
        ids = list(range(self._event, self._event + size))
        self._event += size
        at = START + round(hour * HOUR)
        values = {name: np.array(value) if isinstance(value, list) else value for name, value in columns.items()}
        values |= {
            "event_id": np.array(ids), "occurred_at": np.full(size, at + stamped), "recorded_at": np.full(size, at),
            "available_at": np.full(size, at + SECOND),
        }  # fmt: skip
        self._blocks.setdefault((at + SECOND) // TICK, []).append(Block(EVENT_TYPE[event_type], values, size))
        return ids

    def play(self, detector: str, days: float = 3.0, classifier: str = "fitted") -> list[dict[str, Any]]:
        """The alerts of a detector."""
        operator = build(OperatorSpec(detector=detector, policy="manual", classifier=classifier), LAYOUT, seed=1)
        for tick in range(START // TICK, (START + round(days * DAY)) // TICK):
            operator.step((tick + 1) * TICK, Rows(tuple(self._blocks.get(tick, ()))))
        self.cases = operator.records()["cases"]
        alerts = operator.records()["alerts"]
        return [{name: column[row] for name, column in alerts.items()} for row in range(len(alerts["type"]))]


@pytest.fixture
def tape() -> Tape:
    return Tape()


def sell(tape: Tape, hour: float, *, item: int = 1, price: float = 10.0, location: int = 1, **more: Any) -> list[int]:
    return tape.row("retail_selling", hour, location=location, item=[item], quantity=[1], unit_price=[price],
                    code=CODE["601"], document_type=DOCUMENT_TYPE["ticket"], **more)


# -- nightly files ---------------------------------------------------------------------------------------


def batch(tape: Tape, hour: float, source: str, lines: int, status: str, document: int = 70) -> list[int]:
    return tape.row("batching", hour, source=SOURCE[source], location=1, count=lines, quantity=2 * lines,
                    status=STATUS[status], document_id=[document], interface=INTERFACE["pos_batch"],
                    due_at=START + 30 * HOUR)


@pytest.mark.parametrize("status", ["partial", "missing"])
def test_a_file_whose_totals_differ_is_reported_once(tape: Tape, status: str):
    batch(tape, 26.0, "POS", 100, "ok")
    (event,) = batch(tape, 27.0, "ERP", 0 if status == "missing" else 40, status)
    batch(tape, 28.0, "ERP", 45, "partial")
    (alert,) = tape.play("batch")
    assert (alert["type"], alert["location"], alert["document_id"]) == ("batch_failure", 1, 70)
    assert alert["evidence"] == [event]


def test_a_file_of_which_nothing_is_heard_is_reported_when_it_is_due(tape: Tape):
    batch(tape, 26.0, "POS", 100, "ok")
    (alert,) = tape.play("batch")
    assert START + 30 * HOUR < alert["raised_at"] <= START + 31 * HOUR


def test_a_file_that_came_whole_or_was_run_again_is_none_or_closed(tape: Tape):
    batch(tape, 26.0, "POS", 100, "ok")
    batch(tape, 27.0, "ERP", 100, "ok")
    batch(tape, 26.0, "POS", 50, "ok", document=71)
    batch(tape, 27.0, "ERP", 20, "partial", document=71)
    batch(tape, 33.0, "ERP", 50, "ok", document=71)
    assert [alert["document_id"] for alert in tape.play("batch")] == [71]
    assert tape.cases["status"] == ["closed"]


# -- interfaces ------------------------------------------------------------------------------------------


def letter(tape: Tape, hour: float, document: int, code: str) -> list[int]:
    return tape.row("dead_letter", hour, interface=INTERFACE["wms_erp"], location=0, sequence=document, count=1,
                    code=CODE[code], document_id=[document])


def test_a_thousand_rejected_letters_are_one_broken_mapping(tape: Tape):
    for number in range(1000):
        letter(tape, 10.0 + number / 100, 1000 + number, "schema")
    (alert,) = tape.play("channel")
    assert (alert["type"], alert["interface"], alert["location"]) == ("schema_drift", INTERFACE["wms_erp"], -1)


def test_a_letter_that_timed_out_is_no_broken_mapping(tape: Tape):
    letter(tape, 10.0, 1000, "timeout")
    assert [alert["type"] for alert in tape.play("channel")] == ["dropped_message"]


def test_what_lies_with_the_dead_letters_lags_for_no_reason_of_its_own(tape: Tape):
    for document in (500, 501):
        tape.row("shipping", 8.0, interface=INTERFACE["wms_erp"], location=0, item=[1, 2], quantity=[4, 4],
                 sequence=[2 * document, 2 * document + 1], code=CODE["303"], document_id=[document, document],
                 document_type=DOCUMENT_TYPE["transfer"], due_at=START + 12 * HOUR)
    letter(tape, 8.5, 500, "schema")
    assert [alert["document_id"] for alert in tape.play("transfer")] == [501]


@pytest.mark.parametrize(("interface", "code", "found"), [
    ("web_oms", "503", True), ("web_oms", "401", False), ("web_oms", "429", False), ("wms_erp", "429", True),
    ("web_oms", "410", False), ("web_oms", "quota", False),
])
def test_expired_tokens_bursts_and_policy_are_no_outage(tape: Tape, interface: str, code: str, *, found: bool):
    tape.row("retrying", 10.0, interface=INTERFACE[interface], code=CODE[code], attempt=1, count=5)
    assert [alert["type"] for alert in tape.play("channel")] == ["api_outage"] * found


def test_a_throttled_shop_window_is_known_by_its_telemetry(tape: Tape):
    for hour in (10.2, 10.5):
        tape.row("retrying", hour, interface=INTERFACE["web_oms"], code=CODE["429"], attempt=1, count=5)
    tape.row("telemetry", 11.0, interface=INTERFACE["web_oms"], count=50, status=STATUS["unavailable"])
    # It came back before anyone read that it was gone: the news is in the order of what happened.
    tape.row("recovered", 11.1, interface=INTERFACE["web_oms"])
    tape.row("telemetry", 12.0, interface=INTERFACE["web_oms"], count=50, status=STATUS["ok"])
    (alert,) = tape.play("channel")
    assert (alert["type"], alert["interface"]) == ("api_outage", INTERFACE["web_oms"])
    assert tape.cases["status"] == ["closed"]


# -- the same number twice -------------------------------------------------------------------------------


def traffic(tape: Tape, hour: float, count: int, high: int, interface: str = "pos_oms") -> None:
    tape.row("telemetry", hour, interface=INTERFACE[interface], location=1, count=count, sequence=high,
             status=STATUS["ok"])


def twice(tape: Tape, hour: float, sequence: int, interface: str = "pos_oms") -> None:
    tape.row("sequence_gap", hour, interface=INTERFACE[interface], location=1, sequence=sequence, count=-1,
             status=STATUS["open"])


@pytest.mark.parametrize(("delivered", "found"), [(3, True), (2, False)])
def test_a_number_seen_twice_is_a_duplicate_only_where_it_was_applied_twice(tape: Tape, delivered: int, *, found: bool):
    sell(tape, 9.5, sequence=[0])
    sell(tape, 9.6, sequence=[1])
    traffic(tape, 10.0, 1, 0)
    traffic(tape, 11.0, delivered - 1, 1)
    twice(tape, 11.0, 1)
    alerts = tape.play("channel")
    assert [(alert["type"], alert["sequence"]) for alert in alerts] == [("duplicate_message", 1)] * found


def test_lines_on_their_way_hide_a_duplicate_until_they_have_come(tape: Tape):
    for ordinal in range(4):
        sell(tape, 9.5 + ordinal / 100, sequence=[ordinal])
    # Number 1 was delivered twice, 2 is late: three deliveries, and the highest number is 3.
    traffic(tape, 11.0, 4, 3)
    twice(tape, 11.0, 1)
    traffic(tape, 12.0, 1, 3)
    (alert,) = tape.play("channel")
    assert alert["raised_at"] > START + 12 * HOUR


def test_a_missing_number_does_not_hide_another_that_was_applied_twice(tape: Tape):
    for ordinal in range(4):
        sell(tape, 9.5 + ordinal / 100, sequence=[ordinal])
    traffic(tape, 11.0, 4, 3)
    twice(tape, 11.0, 1)
    # Of the numbers that are missing only the first was passed over; the others are yet to come.
    tape.row("sequence_gap", 11.0, interface=INTERFACE["pos_oms"], location=1, sequence=2, count=1,
             status=STATUS["open"])
    tape.row("sequence_gap", 11.0, interface=INTERFACE["pos_oms"], location=1, sequence=4, count=5,
             status=STATUS["open"])
    twins = [alert["sequence"] for alert in tape.play("channel") if alert["type"] == "duplicate_message"]
    assert twins == [1]


def test_numbers_yet_to_come_prove_nothing(tape: Tape):
    sell(tape, 9.5, sequence=[0])
    traffic(tape, 11.0, 1, 0)
    twice(tape, 11.0, 0)
    tape.row("sequence_gap", 11.0, interface=INTERFACE["pos_oms"], location=1, sequence=1, count=5,
             status=STATUS["open"])
    assert "duplicate_message" not in {alert["type"] for alert in tape.play("channel")}


@pytest.mark.parametrize(("units", "found"), [(-1, True), (-2, False)])
def test_without_telemetry_the_books_prove_a_duplicate(tape: Tape, units: int, *, found: bool):
    sell(tape, 9.5, sequence=[0])
    twice(tape, 10.0, 0)
    tape.row("reconciling", 47.0, location=[1], item=[1], quantity=[units], code=CODE["OMS"])
    assert len(tape.play("channel")) == found


def test_erp_s_extract_proves_a_duplicate_the_same_night(tape: Tape):
    tape.row("stock_extract", 0.1, location=[1], item=[1], quantity=[50], code=CODE["ERP"], status=STATUS["opening"])
    sell(tape, 9.5, sequence=[0])
    twice(tape, 10.0, 0, "pos_erp")
    tape.row("stock_extract", 23.25, location=[1], item=[1], quantity=[-2], code=CODE["ERP"])
    (alert,) = tape.play("channel")
    assert (alert["type"], alert["item"]) == ("duplicate_message", 1)
    assert alert["raised_at"] < START + DAY


# -- clocks and prices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [45, -30])
def test_a_constant_offset_is_a_wrong_clock_and_its_end_closes_the_case(tape: Tape, minutes: int):
    for hour in (9.5, 9.7, 10.0, 11.0):
        sell(tape, hour, stamped=minutes * MINUTE)
        sell(tape, hour, location=2)
    sell(tape, 14.0)
    (alert,) = tape.play("clock")
    assert (alert["type"], alert["location"], len(alert["evidence"])) == ("clock_skew", 1, 2)
    assert tape.cases["status"] == ["closed"]


def test_one_odd_stamp_and_a_second_s_difference_are_no_wrong_clock(tape: Tape):
    for number, seconds in enumerate((-1, 1, 0, 3600, -1, 0)):
        sell(tape, 9.5 + number, stamped=seconds * SECOND)
    assert tape.play("clock") == []


def change_price(tape: Tape, hour: float, item: int, price: float) -> None:
    tape.row("pricing", hour, item=[item], unit_price=[price], due_at=START + round((hour + 4) * HOUR),
             interface=INTERFACE["mdm_pos"], document_type=DOCUMENT_TYPE["price"])


@pytest.mark.parametrize(("asked", "cause"), [(10.0, "timing_delay"), (8.0, "business_rule")])
def test_a_till_that_missed_a_push_is_told_from_one_with_a_wrong_rule(tape: Tape, asked: float, cause: str):
    change_price(tape, 26.0, 1, 12.0)
    sell(tape, 9.5)
    for hour in (34.0, 35.0):
        sell(tape, hour, price=asked)
        sell(tape, hour, price=12.0, location=2)
    (alert,) = tape.play("price")
    assert (alert["type"], alert["location"], alert["item"]) == ("price_mismatch", 1, 1)
    assert tape.cases["cause"] == [cause]


def test_before_its_due_time_either_price_is_right(tape: Tape):
    change_price(tape, 8.0, 1, 12.0)
    sell(tape, 9.5)
    sell(tape, 9.6, price=12.0, location=2)
    sell(tape, 12.5, price=12.0)
    assert tape.play("price") == []


def test_a_list_that_hardly_a_till_follows_is_no_list(tape: Tape):
    for number in range(600):
        sell(tape, 9.0 + number / 60, price=9.0 + number % 3, item=number % ITEMS, location=1 + number % STORES)
    assert len(tape.play("price")) <= STORES * ITEMS
    change_price(tape, 26.0, 1, 12.0)
    sell(tape, 34.0, price=7.0)
    assert max(alert["raised_at"] for alert in tape.play("price")) < START + 34 * HOUR


# -- records and orders ----------------------------------------------------------------------------------


def test_a_second_number_of_one_article_is_reported_and_an_update_is_not(tape: Tape):
    tape.row("master_data", 27.0, item=[2], unit_price=[10.0], quantity=[6], document_id=[902], version=2)
    tape.row("master_data", 27.1, item=[5], unit_price=[10.0], quantity=[6], document_id=[903])
    tape.row("master_data", 28.0, item=[3], unit_price=[10.0], quantity=[6], document_id=[903], version=2)
    tape.row("master_data", 50.0, item=[5], unit_price=[10.0], quantity=[6], document_id=[903],
             status=STATUS["retired"])
    (alert,) = tape.play("record")
    assert (alert["type"], alert["item"], alert["location"]) == ("duplicate_item", 5, -1)
    assert tape.cases["status"] == ["closed"]


def version(tape: Tape, hour: float, number: int, units: int, status: str, item: int = 1) -> list[int]:
    return tape.row("confirming" if number == 1 else "changing", hour, document_id=[80], item=[item], version=number,
                    quantity=[units], status=STATUS[status], document_type=DOCUMENT_TYPE["purchase_order"])


def test_an_older_version_that_erp_took_is_out_of_order_until_the_latest_holds_again(tape: Tape):
    version(tape, 10.0, 2, 40, "changed")
    version(tape, 12.0, 1, 60, "confirmed")
    version(tape, 20.0, 3, 50, "changed")
    (alert,) = tape.play("version")
    assert (alert["type"], alert["document_id"], alert["item"]) == ("out_of_order", 80, 1)
    assert tape.cases["status"] == ["closed"]


def test_a_late_version_that_erp_left_is_valid(tape: Tape):
    version(tape, 10.0, 2, 40, "changed")
    version(tape, 12.0, 1, 60, "late")
    version(tape, 14.0, 1, 60, "confirmed", item=2)
    assert tape.play("version") == []


# -- online orders ---------------------------------------------------------------------------------------


def reserve(tape: Tape, hour: float, order: int, units: int = 2, item: int = 1) -> None:
    tape.row("reserving", hour, location=1, item=[item], quantity=[units], status=STATUS["promised"],
             document_id=[order])


def end(tape: Tape, hour: float, order: int, event_type: str = "picking", item: int = 1) -> list[int]:
    status = STATUS["complete" if event_type == "picking" else "cancelled"]
    return tape.row(event_type, hour, location=1, item=[item], quantity=[2], status=status, document_id=[order])


def hold(tape: Tape, day: int, units: int, item: int = 1) -> None:
    """The OMS' extract: net change of what it holds, as of 23:00."""
    tape.row("stock_extract", 24 * day + 23.25, stamped=-15 * MINUTE, location=[1], item=[item], quantity=[units],
             status=STATUS["reserved"])


def test_what_is_held_for_a_cancelled_line_is_a_leak_and_ends_with_its_release(tape: Tape):
    reserve(tape, 9.0, 60)
    reserve(tape, 9.5, 61)
    reserve(tape, 22.0, 62)
    end(tape, 10.0, 60)
    (event,) = end(tape, 10.0, 61, "cancelling")
    hold(tape, 0, 4)
    hold(tape, 1, -2)
    (alert,) = tape.play("reservation")
    assert (alert["type"], alert["document_id"], alert["item"]) == ("reservation_leak", 61, 1)
    assert alert["evidence"] == [event]
    assert tape.cases["status"] == ["closed"]


def test_a_cancellation_less_than_a_service_time_old_may_still_be_on_its_way(tape: Tape):
    reserve(tape, 9.0, 60)
    end(tape, 22.0, 60, "cancelling")
    hold(tape, 0, 2)
    reserve(tape, 9.0, 61, item=2)
    end(tape, 22.0, 61, "cancelling", item=2)
    hold(tape, 0, 2, item=2)
    # A day later one of the two is released, the other is not: that one never arrived.
    hold(tape, 1, -2, item=2)
    hold(tape, 1, 1, item=3)
    reserve(tape, 30.0, 62, units=1, item=3)
    (alert,) = tape.play("reservation")
    assert (alert["document_id"], alert["raised_at"] > START + DAY) == (60, True)


def test_a_leak_is_not_hidden_by_a_line_that_was_closed_just_now_nor_put_down_to_an_older_one(tape: Tape):
    reserve(tape, 7.0, 59)
    end(tape, 7.5, 59, "cancelling")
    hold(tape, 0, 0)
    reserve(tape, 33.0, 60)
    (event,) = end(tape, 33.5, 60, "cancelling")
    hold(tape, 1, 2)
    # Cancelled in time, and picked shortly before the next extract: the OMS holds what it held.
    reserve(tape, 50.0, 61)
    end(tape, 50.5, 61, "cancelling")
    reserve(tape, 69.0, 62)
    end(tape, 70.5, 62)
    hold(tape, 2, 0)
    hold(tape, 3, 0)
    (alert,) = tape.play("reservation")
    assert (alert["document_id"], alert["evidence"]) == (60, [event])
    assert tape.cases["status"] != ["closed"]


def test_a_line_promised_again_after_a_pick_is_held_for_somebody(tape: Tape):
    reserve(tape, 9.0, 60)
    end(tape, 10.0, 60)
    reserve(tape, 10.5, 60)
    reserve(tape, 9.2, 61)
    end(tape, 9.8, 61, "cancelling")
    reserve(tape, 23.1, 62)
    hold(tape, 0, 2)
    assert tape.play("reservation") == []


# -- returns ---------------------------------------------------------------------------------------------


def take_back(tape: Tape, hour: float, document: int, due: float) -> list[int]:
    return tape.row("returning", hour, location=1, item=[1], quantity=[2], document_id=[document],
                    code=CODE["651"], due_at=START + round(due * HOUR))


def look(tape: Tape, hour: float, document: int, status: str, **more: Any) -> None:
    tape.row("inspecting", hour, location=1, item=[1], quantity=[2], document_id=[document], status=STATUS[status],
             **more)


def test_a_return_is_undecided_once_its_inspection_is_due_and_until_someone_decides(tape: Tape):
    for document in (40, 41, 42):
        take_back(tape, 11.0, document, 36.0)
    look(tape, 32.0, 40, "sellable_accessible", code=CODE["653"])
    look(tape, 32.0, 41, "non_sellable_other", code=CODE["657"])
    look(tape, 40.0, 42, "sellable_accessible")
    look(tape, 44.0, 42, "sellable_accessible", code=CODE["653"])
    (alert,) = tape.play("returns")
    assert (alert["type"], alert["document_id"], alert["item"]) == ("missing_disposition", 42, 1)
    assert START + 36 * HOUR <= alert["raised_at"] <= START + 36 * HOUR + TICK
    # To look at it decides nothing.
    assert START + 44 * HOUR < tape.cases["closed_at"][0] <= START + 45 * HOUR


def send_back(tape: Tape, *, posted: bool, credited: bool) -> None:
    line = {"location": 1, "item": [1], "quantity": [3], "code": CODE["122"], "sequence": [7],
            "interface": INTERFACE["store_erp"], "document_type": DOCUMENT_TYPE["vendor_return"]}
    tape.row("shipping", 10.0, due_at=START + 14 * HOUR, document_id=[50], **line)
    if posted:
        tape.row("posting", 11.0, correlation_id=[50], **line)
    credit = {"parent_document_id": [50], "document_id": [51], "quantity": [3], "due_at": START + 40 * HOUR}
    tape.row("crediting", 10.0, status=STATUS["pending"], **credit)
    if credited:
        tape.row("crediting", 30.0, status=STATUS["credited"], **credit)


@pytest.mark.parametrize(("posted", "credited", "hours"), [
    (True, True, []), (False, True, [14.25]), (True, False, [40.25]),
])
def test_a_return_to_vendor_has_a_gap_where_its_posting_or_its_credit_is_missing(
    tape: Tape, hours: list[float], *, posted: bool, credited: bool
):
    send_back(tape, posted=posted, credited=credited)
    alerts = tape.play("vendor")
    assert [(alert["type"], alert["document_id"]) for alert in alerts] == [("rtv_gap", 50)] * len(hours)
    assert [alert["raised_at"] for alert in alerts] == [START + round(hour * HOUR) for hour in hours]


# -- cells -----------------------------------------------------------------------------------------------


def test_a_retired_article_may_be_silent(tape: Tape):
    tape.row("stock_extract", 0.1, location=[1, 1], item=[1, 2], quantity=[500, 500], code=CODE["ERP"],
             status=STATUS["opening"])
    for day in range(7):
        for number in range(40):
            items = [0] if day >= 3 else [0, 1, 2]
            for item in items:
                sell(tape, 24 * day + 9 + number / 4, item=item, location=1 + number % 2)
    tape.row("master_data", 70.0, item=[2], unit_price=[10.0], quantity=[6], status=STATUS["retired"])
    assert {(alert["location"], alert["item"]) for alert in tape.play("silence", days=8.0)} == {(1, 1)}


def test_a_silent_cell_is_reported_once_until_it_gives_a_sign_of_life(tape: Tape):
    tape.row("stock_extract", 0.1, location=[1], item=[1], quantity=[500], code=CODE["ERP"], status=STATUS["opening"])
    for day in range(30):
        for number in range(40):
            # Two weeks of silence, a day of sales, and silence again.
            for item in [0, 1] if day < 3 or day == 17 else [0]:
                sell(tape, 24 * day + 9 + number / 4, item=item, location=1 + number % 2)
    days = [(alert["raised_at"] - START) // DAY for alert in tape.play("silence", days=30.0)]
    assert len(days) == 2
    assert days[0] < 17 < days[1]
