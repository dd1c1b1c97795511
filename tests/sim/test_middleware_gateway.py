"""The API gateway: who is answered, who is told to come back, and what the hour's row says."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.clock import DAY, HOUR, MINUTE, TICK
from sim.config import Config
from sim.events import CLIENTS, CODE, INTERFACE, SOURCE, STATUS
from sim.middleware.clients import Clients
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, play, quiet_config

WEB = INTERFACE["web_oms"]
PAGES, APP, MARKETPLACE = range(len(CLIENTS))
Calls = npt.NDArray[np.int64]


def _by(pages: int, app: int = 0, marketplace: int = 0) -> Calls:
    """Calls by client."""
    return np.array([pages, app, marketplace])


def _asked(config: Config, calls: Callable[[int], Calls], *, seed: int = 1, release_at: int = -1
           ) -> tuple[Played, dict[int, Calls]]:
    """A world whose clients make ``calls(tick of the day)`` calls a tick, and what was answered by time.

    At the end of tick ``release_at`` of the run a new version comes out.
    """
    world = RegionWorld(config, seed, 0)
    answered: dict[int, Calls] = {}

    def after(now: int) -> list[dict[str, object]]:
        # Each step comes at the end of a tick, after the world's own calls.
        answered[now] = world.region.gateway.admit(calls(now // TICK % 96), now)
        if world.room.tick_of(now) == release_at:
            world.region.gateway.clients.release()
        return []

    watcher = Watcher(after=after)
    world.run(watcher.step)
    return Played(world, watcher), answered


def _called(config: Config, calls: Callable[[int], int]) -> tuple[Played, dict[int, int]]:
    """The same with calls of the shop's own pages only."""
    played, answered = _asked(config, lambda tick: _by(calls(tick)))
    return played, {now: int(count.sum()) for now, count in answered.items()}


def _config(days: int = 3, **rates: float) -> Config:
    config = quiet_config(stores=1, items=5, days=days, **rates)
    config.demand.online_share = 0.0
    return config


def _turned_away(played: Played, code: str) -> pd.DataFrame:
    rows = played.of("retrying")
    return rows[(rows.interface == WEB) & (rows.code == CODE[code])]


def test_every_call_is_answered_on_a_quiet_day_and_counted_by_the_hour():
    played, answered = _called(_config(), lambda tick: 10 + tick)
    assert answered == {now: 10 + now // TICK % 96 for now in answered}
    hours = played.of("telemetry")
    hours = hours[hours.interface == WEB]
    assert set(hours.source) == {SOURCE["GATEWAY"]}
    assert (hours.latency_p95_ms > 50).all()
    # The rows of the last hour are seen only after the end.
    assert sum(hours["count"]) >= sum(n for now, n in answered.items() if now <= played.end - 2 * HOUR)


def test_expired_tokens_are_refused_once_and_called_again():
    played, answered = _called(_config(), lambda _: 100)
    stale = _turned_away(played, "401")
    assert len(stale) == 5
    assert set(stale["count"]) == {20}
    assert set(answered.values()) == {100}


def test_the_bucket_throttles_a_burst_and_lets_the_saved_up_rate_through():
    config = _config()
    config.online.calls_per_minute = 10.0
    # 150 calls a tick are covered; the bucket holds 200.
    played, answered = _called(config, lambda tick: 400 if tick in {40, 41} else 50)
    start = played.world.room.calendar.start
    first, second = answered[start + 40 * TICK], answered[start + 41 * TICK]
    assert (first, second) == (200, 150)
    throttled = _turned_away(played, "429")
    assert throttled["count"].tolist() == [200, 250] * 2 + ([200, 250] if len(throttled) == 6 else [])
    assert not len(played.exceptions())


def test_an_outage_of_the_gateway_refuses_and_says_so():
    config = _config(days=8, api_outage=60.0)
    played, answered = _called(config, lambda _: 40)
    exceptions = played.exceptions("api_outage")
    mine = exceptions[exceptions.interface == WEB]
    assert len(mine) >= 2
    faults, links = played.faults("api_outage").set_index("number"), played.lineage()
    for exception in mine.itertuples():
        fault = faults.loc[exception.faults[0]]
        ended = fault.ended_at if fault.ended_at != -1 else played.end
        down = [n for now, n in answered.items() if fault.onset < now <= ended - MINUTE]
        assert all(n < 40 for n in down)
        rows = pd.concat([_turned_away(played, "503"), _turned_away(played, "429")])
        rows = rows[(rows.available_at >= fault.onset) & (rows.available_at < ended)]
        assert exception.first_evidence_at == rows.available_at.min()
        assert {(event, fault.fault_id) for event in rows.event_id} <= links
        if fault.ended_at != -1 and fault.ended_at < played.end - TICK:
            assert exception.restored_at != -1
    assert len(set(_turned_away(played, "429").occurred_at) | set(_turned_away(played, "503").occurred_at)) > 5


def test_the_gateway_tells_whether_it_is_open():
    world = RegionWorld(_config(), 1, 0)
    gateway, now = world.region.gateway, world.room.now + 10 * TICK
    assert gateway.is_open(now)
    gateway.door.shut(now, now + 2 * TICK)
    assert not gateway.is_open(now + TICK)
    assert gateway.admit(_by(5), now + TICK).sum() == 0
    assert gateway.is_open(now + 3 * TICK)
    assert gateway.admit(_by(5), now + 3 * TICK).sum() == 5


def _refused(played: Played, code: str) -> pd.DataFrame:
    """What policy refused, with the client's place."""
    rows, first = _turned_away(played, code), played.world.room.vocabulary.client(0)
    return rows.assign(client=rows.partner - first)


def test_a_burst_is_throttled_in_equal_parts_of_what_each_client_asked():
    config = _config(days=1)
    config.online.calls_per_minute = 10.0
    played, answered = _asked(config, lambda tick: _by(200, 100, 100) if tick == 40 else _by(0))
    assert answered[played.world.room.calendar.start + 40 * TICK].tolist() == [100, 50, 50]


def test_a_client_over_its_quota_is_refused_until_midnight_and_the_others_are_served():
    played, answered = _asked(_config(days=2), lambda _: _by(30, 300, 64))
    start, quota = played.world.room.calendar.start, 1000
    for now, served in answered.items():
        # The tick that ends at midnight is the last of its day.
        before = (now - 1 - start) % DAY // TICK * 64
        assert served.tolist() == [30, 300, min(64, max(0, quota - before))]
    rows = _refused(played, "quota")
    assert set(rows.client) == {MARKETPLACE}
    assert set(rows.status) == {STATUS["refused"]}
    # 15 ticks are served and a part of the next: each later tick of a day is refused whole.
    assert rows["count"].tolist()[:3] == [16 * 64 - quota, 64, 64]
    seen = sum(int(64 - served[MARKETPLACE]) for now, served in answered.items() if now <= played.end)
    assert 0 <= seen - rows["count"].sum() <= 64, "all but what the last tick refused"
    assert not len(played.exceptions())


def test_what_the_quota_refuses_is_not_ordered():
    """In a season twice as busy the marketplace runs out of its calls, and its orders are lost, no others'."""
    config = quiet_config(stores=3, items=30, days=3)
    config.demand.online_share, config.world.daily_units = 0.9, 12.0
    config.demand.peak_from_day, config.demand.peak_days, config.demand.peak_factor = 1, 1, 3.0
    orders, lost, refused = {}, {}, 0
    for is_limited in (True, False):
        world = RegionWorld(config, 1, 0)
        if not is_limited:
            world.region.gateway.clients.quota[:] = 2**62
        watcher = Watcher()
        world.run(watcher.step)
        played = Played(world, watcher)
        rows = played.of("reserving")
        orders[is_limited] = set(rows.document_id)
        lost[is_limited] = sum(played.world.outcomes.days["lost_units"])
        if is_limited:
            quota = _refused(played, "quota")
            refused = int(np.ceil(quota["count"] / 20).sum())
            assert {played.day_of(at) for at in quota.occurred_at} == {1}
    assert refused > 50
    assert orders[True] <= orders[False]
    assert len(orders[False] - orders[True]) == refused
    assert lost[True] > lost[False] + 0.9 * refused


def test_so_many_clients_are_late_for_the_sunset_as_the_lognormal_has_beyond_it():
    world = RegionWorld(_config(), 1, 0)
    room, door, asked = world.room, world.region.gateway.door, 1000
    for _ in range(asked):
        room.env.run(until=room.env.now + TICK)
        clients = Clients(room, door)
        assert clients.release() == room.now + 14 * DAY
        assert clients.uses.tolist() == [2, 1, 1]
    # Long enough for the last of them to meet its sunset.
    room.env.run(until=room.env.now + 15 * DAY)
    share = 1.0 - NormalDist().cdf(np.log(14.0 / 7.0) / 0.6)
    late = room.truth.decoys.kind.count("retired_version") / (2 * asked)
    assert abs(late - share) < 4 * (share * (1 - share) / (2 * asked)) ** 0.5


def _tardy_seed() -> int:
    """A seed for which the app alone is late for the sunset, after a release at the end of the first tick."""
    for seed in range(1, 60):
        world = RegionWorld(_config(), seed, 0)
        env, clients = world.room.env, world.region.gateway.clients
        env.run(until=env.now + TICK)
        clients.release()
        env.run(until=env.now + 14 * DAY + TICK)
        clients.admit(_by(0), world.room.now)
        if clients.uses.tolist() == [2, 1, 2]:
            return seed
    raise AssertionError("no client of sixty chains was late")


def test_an_old_version_is_served_until_its_sunset_then_refused_until_the_client_moves():
    played, answered = _asked(_config(days=16), lambda _: _by(50, 40, 10), seed=_tardy_seed(), release_at=1)
    released = played.world.room.calendar.start + TICK
    sunset = released + 14 * DAY
    rows = _refused(played, "410")
    assert set(rows.client) == {APP}
    moved = played.truth.decoys.until[played.truth.decoys.kind.index("retired_version")]
    assert 2 * HOUR <= moved - sunset <= 12 * HOUR
    for now, served in answered.items():
        # A tick in which it moves is served.
        gone = sunset < now <= moved
        assert served.tolist() == [50, 0 if gone else 40, 10], now
    assert rows["count"].sum() == 40 * sum(sunset < now <= moved for now in answered)
    hours = played.of("telemetry")
    hours = hours[hours.interface == WEB]
    hours = hours.assign(client=hours.partner - played.world.room.vocabulary.client(0))
    old = hours[hours.version == 1]
    assert (old[old.client == PAGES].occurred_at <= released + HOUR).all()
    assert (old[old.client == APP].occurred_at <= sunset + HOUR).all()
    assert (hours[hours.occurred_at > moved + HOUR].version == 2).all()
    assert not len(played.exceptions())
    assert not len(played.faults())


def test_a_release_of_the_calls_says_when_the_old_version_is_retired():
    # A chain in which such a release comes on the first day.
    played = play(quiet_config(stores=1, items=5, days=2), seed=33)
    rows = played.of("announcing")
    mine = rows[(rows.status == STATUS["release"]) & (rows.interface == WEB)]
    assert len(mine) == 1
    assert (mine.due_at - mine.occurred_at == 14 * DAY).all()
