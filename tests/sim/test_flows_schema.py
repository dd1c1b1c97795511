"""Releases and maintenance: harmless as a rule, until one breaks a mapping."""

from __future__ import annotations

from typing import Any

import pytest

from sim.clock import DAY, HOUR, TICK
from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, STATUS
from sim.middleware.contracts import CANONICAL_VERSION
from tests.sim.small_world import Played, Watcher, play, quiet_config

RELEASE, REFUSED = STATUS["release"], STATUS["refused"]


def _config(rate: float = 20.0, days: int = 12) -> Config:
    config = quiet_config(stores=4, items=30, days=days, schema_drift=rate)
    config.world.daily_units = 2.0
    config.demand.online_share = 0.2
    return config


@pytest.fixture(scope="module")
def drifted() -> Played:
    return play(_config())


def _letters(played: Played) -> Any:
    rows = played.of("dead_letter")
    return rows[rows.code == CODE["schema"]]


def test_a_breaking_release_leaves_dead_letters_of_one_kind(drifted: Played):
    exceptions, letters = drifted.exceptions("schema_drift"), _letters(drifted)
    assert len(exceptions) > 2
    assert exceptions.announced.all()
    assert set(letters.status) == {STATUS["rejected"]}
    faults, links = drifted.faults("schema_drift").set_index("number"), drifted.lineage()
    announced = drifted.of("announcing")
    announced = announced[announced.status == RELEASE]
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        mine = letters[letters.interface == exception.interface]
        assert mine.document_type.nunique() == 1
        assert mine.available_at.min() == exception.first_evidence_at
        assert (announced.occurred_at == fault.onset).any()
        assert {(event, fault.fault_id) for event in mine.event_id} <= links
        posted = drifted.of("posting")
        stuck = posted[(posted.interface == exception.interface) & posted.correlation_id.isin(mine.document_id)]
        assert not len(stuck)
    assert (exceptions.restored_at == -1).all()


@pytest.mark.campaign
def test_harmless_and_breaking_releases_come_on_the_same_interfaces():
    config = _config(rate=30.0, days=60)
    config.world.stores, config.world.items = 1, 4
    harmless, breaking = set(), set()
    for seed in range(16):
        played = play(config, seed)
        faults = played.faults("schema_drift")
        rows = played.of("announcing")
        rows = rows[rows.status == RELEASE]
        breaks = rows.occurred_at.isin(faults.onset)
        breaking |= set(rows.interface[breaks])
        harmless |= set(rows.interface[~breaks])
    # A call of the web shop has no mapping that could break.
    assert harmless - {INTERFACE["web_oms"]} == breaking


def test_a_harmless_release_raises_the_version_and_nothing_else():
    config = _config(rate=0.0, days=30)
    played = play(config)
    announced = played.of("announcing")
    announced = announced[announced.status == RELEASE]
    assert len(announced) >= 2
    assert not len(played.exceptions())
    assert not len(_letters(played))
    decoys = [n for n, kind in enumerate(played.truth.decoys.kind) if kind == "harmless_release"]
    assert len(decoys) == len(announced)
    for row in announced.itertuples():
        traffic = played.of("telemetry")
        traffic = traffic[traffic.interface == row.interface]
        if not len(traffic):
            continue
        assert set(traffic[traffic.occurred_at > row.occurred_at].version) >= {row.version}
        assert (traffic[traffic.occurred_at < row.occurred_at].version < row.version).all()


def _mending(*, fix: bool = True, drive: bool = True) -> Watcher:
    """Mends a mapping a few hours after its first letter, and puts the letters back."""
    broken: dict[int, int] = {}

    def answer(row: dict[str, Any], now: int) -> None:
        if row["code"] == CODE["schema"]:
            broken.setdefault(row["interface"], now + 6 * HOUR)

    def after(now: int) -> list[dict[str, Any]]:
        due = [interface for interface, when in broken.items() if now == when]
        later = [interface for interface, when in broken.items() if now == when + HOUR]
        for interface in later:
            del broken[interface]
        asked = [{"kind": "fix_map", "interface": interface} for interface in due if fix]
        return asked + [{"kind": "redrive", "interface": interface} for interface in later if drive]

    return Watcher(answer, ("dead_letter",), after)


def test_mending_the_map_and_redriving_restores():
    played = play(_config(), watcher=_mending())
    exceptions = played.exceptions("schema_drift")
    mine = exceptions[exceptions.opened_at < played.end - 8 * HOUR]
    assert len(mine) > 2
    drives = {a.action_id for a in played.watcher.asked if a.kind == "redrive"}
    assert set(mine.restored_by) <= drives
    faults, links = played.faults("schema_drift").set_index("number"), played.lineage()
    fixes = {a.action_id for a in played.watcher.asked if a.kind == "fix_map"}
    for exception in mine.itertuples():
        fault_id = faults.loc[exception.faults[0]].fault_id
        assert {event for event, fault in links if fault == fault_id} & fixes
    assert not len(played.wrong_repairs())
    # What had been rejected posts now.
    posted = played.of("posting")
    dead = _letters(played)
    dead = dead[(dead.available_at < played.end - DAY) & dead.interface.isin(posted.interface)
                & ~dead.document_type.isin([DOCUMENT_TYPE["ticket"]])]
    assert set(dead.document_id) <= set(posted.correlation_id)


def test_redriving_an_unmended_map_only_makes_them_die_again():
    played = play(_config(), watcher=_mending(fix=False))
    letters = _letters(played)
    assert letters.duplicated(["interface", "location", "sequence"]).any()
    assert not letters.event_id.duplicated().any()
    assert (played.exceptions("schema_drift").restored_at == -1).all()


def test_mending_alone_delivers_nothing():
    played = play(_config(), watcher=_mending(drive=False))
    assert set(played.outcomes().values()) <= {"", "the mapping is right"}
    assert "" in set(played.outcomes().values())
    assert (played.exceptions("schema_drift").restored_at == -1).all()
    assert (played.faults("schema_drift").ended_at != -1).any()


def test_mending_what_is_right_is_refused():
    watcher = Watcher(lambda row, _: {"kind": "fix_map", "interface": row["interface"]}, ("announcing",))
    played = play(_config(rate=0.0, days=20), watcher=watcher)
    reasons = {a.interface: played.outcomes()[a.action_id] for a in played.watcher.asked}
    assert reasons.pop(-1, "no such interface") == "no such interface"
    assert set(reasons.values()) == {"the mapping is right"}


def test_people_mend_and_redrive_after_a_day_or_two():
    config = _config(days=20)
    config.people.service_minutes_median = 15.0
    played = play(config)
    exceptions = played.exceptions("schema_drift")
    mine = exceptions[exceptions.opened_at < played.end - 6 * DAY]
    assert len(mine) > 2
    assert (mine.restored_at != -1).all()
    taken = (mine.restored_at - mine.opened_at) / HOUR
    assert taken.min() > 5
    assert taken.median() < 72
    assert "schema_drift" in set(played.world.manual.cases.type)


def test_a_canonical_model_refuses_a_breaking_release_at_its_source():
    config = _config()
    config.middleware.canonical_from_day = 5
    played, before = play(config), play(_config())
    since = played.world.room.calendar.start + 5 * DAY
    assert (played.faults("schema_drift").onset < since).all()
    assert (before.faults("schema_drift").onset >= since).any()
    announced = played.of("announcing")
    refused = announced[announced.status == REFUSED]
    assert len(refused)
    assert (refused.occurred_at >= since).all()
    traffic = played.of("telemetry")
    assert (traffic[traffic.occurred_at > since].version >= CANONICAL_VERSION).all()
    assert (traffic[traffic.occurred_at <= since].version < CANONICAL_VERSION).all()


@pytest.mark.campaign
def test_leaving_one_out_changes_nothing_before_it(drifted: Played):
    chosen = drifted.faults("schema_drift").iloc[1]
    config = _config()
    config.faults.exclude = [int(chosen.fault_id)]
    twin = play(config)
    assert chosen.fault_id not in set(twin.faults("schema_drift").fault_id)
    before = [p.rows[p.rows.available_at <= chosen.onset].reset_index(drop=True) for p in (drifted, twin)]
    assert len(before[0]) > 100
    assert before[0].equals(before[1])
    # The release itself looks the same.
    releases = [p.of("announcing").reset_index(drop=True).drop(columns="version") for p in (drifted, twin)]
    assert releases[0].equals(releases[1])


# -- maintenance -----------------------------------------------------------------------------------


def _maintained(rate: float = 30.0) -> Config:
    config = _config(rate=0.0, days=16)
    config.confounders.maintenance_rate = rate
    return config


def test_in_maintenance_the_queue_waits_and_drains_without_a_letter():
    played = play(_maintained())
    announced = played.of("announcing")
    windows = announced[announced.status == STATUS["maintenance"]]
    assert len(windows) > 5
    assert not len(played.exceptions())
    assert not len(played.faults())
    assert set(played.of("retrying").code) <= {CODE["401"]}
    assert not len(played.of("dead_letter"))
    decoys = [n for n, kind in enumerate(played.truth.decoys.kind) if kind == "planned_maintenance"]
    assert len(decoys) == len(windows)
    posted = played.of("posting")
    drained = 0
    for row in windows.itertuples():
        assert 0 < row.due_at - row.occurred_at <= 3 * HOUR
        mine = posted[posted.interface == row.interface]
        assert not ((mine.occurred_at >= row.occurred_at) & (mine.occurred_at < row.due_at)).any()
        drained += int(((mine.occurred_at >= row.due_at) & (mine.occurred_at < row.due_at + TICK)
                        & (mine.latency_ms > 3_600_000)).sum())
    assert drained > 3


def test_maintenance_makes_nothing_late():
    posted = play(_maintained()).of("posting")
    assert (posted.latency_ms < 4 * HOUR / 1000).all()


def test_the_web_shop_is_shut_out_in_maintenance_too():
    played = play(_maintained(rate=300.0))
    assert INTERFACE["web_oms"] in set(played.of("announcing").interface)
