"""Storms: what one interface brings too fast is one case, each part of it is worked, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from detection.pipeline import OperatorSpec, build
from detection.spec import StormRule
from scenarios.compose import compose
from scenarios.errors import UserError
from scenarios.operator_spec import operator_spec
from sim.clock import DAY
from sim.events import EVENT_TYPES, INTERFACE, NO_CODE, NULL, STATUS, Block, Rows
from tests.detection.conftest import START
from tests.detection.test_loop import answer

POS_ERP = INTERFACE["pos_erp"]
#: Lost within about an hour of the second day, six lines in each of four shops.
BURST = {(store, sequence) for store in range(1, 5) for sequence in range(100, 106)}
#: Their numbers come up much later.
LATER, STUBBORN = {(3, 420)}, {(2, 103), (4, 100)}
NEVER = StormRule(alerts=10**9)


class Played:
    """A stream in which a replayed line comes, but for some; with rows of the test's own."""

    def __init__(self, made, stubborn=frozenset(), change=None, more=None, **spec):
        self.operator = build(OperatorSpec(**spec), made.layout, seed=3)
        self.asked, self.signals, waiting = [], Counter(), []
        for now, rows in made.stream():
            blocks = [block if change is None else change(block) for block in rows.blocks]
            blocks += more(made, now) if more else []
            came = [one for one in waiting if one.kind == "replay" and (one.location, one.sequence) not in stubborn]
            blocks += [filled(made, now, one) for one in came]
            blocks += [answer(waiting, now)] if waiting else []
            self._count(blocks)
            waiting = self.operator.step(now, Rows(tuple(blocks)))
            self.asked += waiting
        self.records = self.operator.records()

    def _count(self, blocks):
        for block in blocks:
            if EVENT_TYPES[block.event_type] == "sequence_gap":
                is_open = block.get("status") == STATUS["open"]
                self.signals["missing"] += int((is_open & (block.get("count") > 0)).sum())
                self.signals["twice"] += int((is_open & (block.get("count") < 0)).sum())
            if EVENT_TYPES[block.event_type] == "retrying":
                self.signals["turned_away"] += block.size

    def cases(self, **wanted):
        """The cases on record with these values, as dicts."""
        table = self.records["cases"]
        rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    @property
    def storm(self):
        """The one case of a storm on ``pos_erp``."""
        (head,) = self.cases(interface=POS_ERP, sequence=NULL)
        return head

    def targets(self, kind, **wanted):
        """What the actions of a kind were aimed at."""
        table = self.records["actions"]
        rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
        chosen = [row for row in rows if row["kind"] == kind and all(row[name] == wanted[name] for name in wanted)]
        return [(row["location"], row["sequence"]) for row in chosen]


def filled(made, now, action):
    """The middleware's word that a number is no longer missing."""
    return made._block("sequence_gap", now, 1, interface=action.interface, location=action.location, count=1,
                       sequence=np.array([action.sequence]), status=STATUS["closed"])


def stormy(chain, mishaps, days=6, more=frozenset(), **others):
    return chain(items=60, days=days, daily_lines=2.0, mishaps=mishaps(dropped_sales=BURST | more, **others))


@pytest.fixture(scope="module")
def played(chain, mishaps):
    return Played(stormy(chain, mishaps, more=LATER, dropped_lines={(1, 3)}, unknown_cartons={(1, 2)}))


def test_a_burst_is_one_case_that_lists_every_alert_and_replays_every_line(played):
    alerts = played.records["alerts"]
    of_burst = {
        alert for alert, kind, interface, location, sequence in zip(
            *(alerts[name] for name in ("alert_id", "type", "interface", "location", "sequence")), strict=True)
        if kind == "dropped_message" and interface == POS_ERP and (location, sequence) in BURST
    }  # fmt: skip
    assert len(of_burst) == len(BURST)
    owned = [alert for case in played.records["cases"]["alerts"] for alert in case]
    assert Counter(owned).keys() >= of_burst
    assert max(Counter(owned).values()) == 1
    assert len(of_burst & set(played.storm["alerts"])) >= len(BURST) - 2
    assert (played.storm["type"], played.storm["team"]) == ("dropped_message", "integration")
    replayed = played.targets("replay", interface=POS_ERP)
    assert set(replayed) == BURST | LATER
    assert len(replayed) == len(BURST | LATER)
    members = set(played.targets("replay", case_id=played.storm["case_id"]))
    assert len(members) == len(played.storm["alerts"])


def test_a_storm_closes_when_it_is_over_and_all_of_it_is_settled(played):
    assert played.storm["status"] == "closed"
    assert played.storm["verdict"] == "confirmed"
    assert DAY <= played.storm["closed_at"] - played.storm["opened_at"] <= 2 * DAY
    assert {case["status"] for case in played.cases(interface=POS_ERP)} == {"closed"}


def test_what_is_not_of_the_storm_has_a_case_of_its_own_meanwhile_and_afterwards(played):
    for (location, sequence), interface in (((1, 3), INTERFACE["store_erp"]), (next(iter(LATER)), POS_ERP)):
        own = played.cases(interface=interface, location=location, sequence=sequence)
        assert own
        assert not {alert for case in own for alert in case["alerts"]} & set(played.storm["alerts"])
    assert len(played.cases(type="carton_mismatch")) == 1
    (late,) = played.cases(location=3, sequence=420)
    assert late["opened_at"] > played.storm["closed_at"]


def test_what_no_repair_put_right_is_opened_anew_when_the_storm_is_over(chain, mishaps):
    played = Played(stormy(chain, mishaps, days=8), stubborn=STUBBORN)
    for location, sequence in STUBBORN:
        (own,) = played.cases(location=location, sequence=sequence)
        assert own["status"] != "closed"
        assert own["opened_at"] >= played.storm["closed_at"] > played.storm["opened_at"]
        assert set(own["alerts"]) <= set(played.storm["alerts"])
        assert played.targets("replay", case_id=own["case_id"]) == [(location, sequence)]


def test_people_are_told_once_of_a_storm_and_of_each_thing_that_it_leaves_behind(chain, mishaps):
    played = Played(stormy(chain, mishaps, days=8), stubborn=STUBBORN, escalate_hours=12.0)
    assert played.targets("escalate", case_id=played.storm["case_id"]) == [(NO_CODE, NULL)]
    told = played.targets("escalate")
    assert len(told) == 1 + len(STUBBORN)
    assert set(told) == {(NO_CODE, NULL), (2, NULL), (4, NULL)}


def test_a_storm_changes_what_is_filed_and_nothing_that_is_done(chain, mishaps):
    one, other = (Played(stormy(chain, mishaps, more=LATER), storm=rule) for rule in (StormRule(), NEVER))
    assert len(other.cases(interface=POS_ERP)) == len(BURST | LATER)
    assert len(one.cases(interface=POS_ERP)) <= 4
    assert one.records["alerts"] == other.records["alerts"]
    assert one.records["calibration"] == other.records["calibration"]
    asked, also = ([replace(action, case_id=0) for action in played.asked] for played in (one, other))
    assert asked == also


def test_losses_here_and_there_are_no_storm(chain, mishaps):
    spread = {(store, sequence) for store in (1, 3) for sequence in (60, 130, 250, 390)}
    played = Played(chain(items=60, days=5, daily_lines=2.0, mishaps=mishaps(dropped_sales=spread)))
    assert len(played.cases(interface=POS_ERP)) == len(spread)
    assert played.cases(interface=POS_ERP, sequence=NULL) == []


def test_the_same_losses_on_a_busy_interface_are_no_storm(chain, mishaps):
    def busy(block):
        if EVENT_TYPES[block.event_type] != "telemetry":
            return block
        return Block(block.event_type, {**block.columns, "count": block.get("count") * 1_000}, block.size)

    played = Played(stormy(chain, mishaps), change=busy)
    assert len(played.cases(interface=POS_ERP)) == len(BURST)


def test_redeliveries_that_were_recognised_are_no_storm_however_many(chain, mishaps):
    def repeats(made, now):
        day, slot = divmod((now - START) // (DAY // 96), 96)
        if day != 2 or not 40 <= slot < 80:
            return []
        return [made._block("sequence_gap", now, 3, interface=POS_ERP, location=np.array([1, 2, 3]), count=-1,
                            sequence=np.array([slot, slot, slot]), status=STATUS["open"])]

    lost = {(1, 280), (2, 290), (3, 300), (4, 310)}
    played = Played(chain(items=60, days=5, daily_lines=2.0, mishaps=mishaps(dropped_sales=lost)), more=repeats)
    assert {(case["location"], case["sequence"]) for case in played.cases(interface=POS_ERP)} == lost
    assert played.signals == {"missing": 4, "twice": 120}
    assert sum(played.records["signals"]["count"]) == 124
    assert set(played.records["signals"]["case_id"]) == {NULL}


def test_signals_are_counted_as_they_come_and_filed_under_the_storm(played):
    signals = played.records["signals"]
    counted: Counter[str] = Counter()
    for kind, count in zip(signals["kind"], signals["count"], strict=True):
        counted[kind] += count
    assert +counted == +played.signals
    assert sum(counted.values()) > len(BURST)
    filed = sum(n for n, case in zip(signals["count"], signals["case_id"], strict=True)
                if case == played.storm["case_id"])
    assert filed > len(BURST) / 2


@pytest.mark.parametrize("mailbox_is_down", [True, False])
def test_a_notice_that_an_outage_keeps_back_belongs_to_the_outage(chain, mishaps, mailbox_is_down):
    box = INTERFACE["edi_wms"] if mailbox_is_down else INTERFACE["portal_wms"]

    def signed(block):
        # The trade's rows name the supplier; those of the synthetic stream leave it out.
        name = EVENT_TYPES[block.event_type]
        is_asn = name == "advising" or (name == "arriving" and (block.get("partner") == NO_CODE).all())
        return Block(block.event_type, {**block.columns, "partner": 5}, block.size) if is_asn else block

    def down(made, now):
        tick = (now - START) // (DAY // 96)
        # The truck of the fourth day comes at 07:00.
        if not 3 * 96 + 20 <= tick <= 3 * 96 + 32:
            return []
        return [made._block("retrying", now, 1, interface=box, attempt=1, count=9, status=STATUS["unavailable"])]

    made = chain(items=40, days=6, mishaps=mishaps(missing_asn_days={3}))
    played = Played(made, change=signed, more=down)
    (outage,) = played.cases(type="api_outage")
    late = [alert for alert, kind in zip(played.records["alerts"]["alert_id"], played.records["alerts"]["type"],
                                         strict=True) if kind == "late_asn"]
    assert len(late) == 1
    assert (late[0] in outage["alerts"]) == mailbox_is_down
    if not mailbox_is_down:
        assert len(played.cases(type="late_asn")) == 1


def test_the_rule_is_the_users_to_set_and_looks_no_more_than_a_day_back():
    words = ["policy.storm_alerts=40", "policy.storm_findings=5", "policy.storm_hours=6", "policy.storm_share=0.01"]
    assert operator_spec(compose(words), ("DC1", "S0001")).storm == StormRule(40, 5, 6.0, 0.01)
    for word in ("policy.storm_hours=25", "policy.storm_alerts=0", "policy.storm_share=1.5"):
        with pytest.raises(UserError, match=word.partition("=")[0]):
            compose([word])
