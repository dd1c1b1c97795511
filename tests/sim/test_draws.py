"""Draws and ids belong to keys: no collision, no counter, and the distributions they claim."""

from __future__ import annotations

import math
from itertools import product
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sim.draws import (
    BODY_BITS,
    STEP_BITS,
    WORLD_IDS,
    Alias,
    Ids,
    Kind,
    Purpose,
    keyed,
    keyed_int,
    lognormal,
    lognormal_int,
    mix,
    mix_int,
    normal,
    philox,
    threshold,
    uniform,
    uniform_int,
)

REGION_BITS = 5
DRAWS = 200_000

seeds = st.integers(0, 2**63 - 1)
purposes = st.sampled_from(Purpose)
parts = st.integers(-(2**63), 2**63 - 1)
steps = st.integers(0, 2**STEP_BITS - 1)
regions = st.integers(0, 2**REGION_BITS - 1)
bodies = st.integers(0, 2**BODY_BITS - 1)


@pytest.fixture(scope="module")
def bits() -> npt.NDArray[np.uint64]:
    """Many keyed draws; the seed is fixed, so a test of chance passes always or never."""
    return keyed(20_260_725, Purpose.DEMAND, 7, np.arange(DRAWS, dtype=np.int64))


# -- keys ------------------------------------------------------------------------------------------


def test_splitmix_gives_the_published_numbers() -> None:
    """The first outputs of splitmix64 seeded with 0: the finaliser of multiples of the golden ratio."""
    golden = 0x9E3779B97F4A7C15
    found = [mix_int((i * golden) & (2**64 - 1)) for i in (1, 2, 3)]
    assert found == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@given(values=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
def test_mixing_many_is_mixing_one(values: list[int]) -> None:
    assert mix(np.array(values, np.uint64)).tolist() == [mix_int(v) for v in values]


@given(
    seed=seeds,
    purpose=purposes,
    scalars=st.lists(parts, max_size=3),
    rows=st.lists(st.tuples(parts, parts), min_size=1),
)
def test_a_vector_of_keys_is_each_key(
    seed: int, purpose: Purpose, scalars: list[int], rows: list[tuple[int, int]]
) -> None:
    left, right = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    found = keyed(seed, purpose, *scalars, left, right)
    assert found.dtype == np.uint64
    assert found.tolist() == [keyed_int(seed, purpose, *scalars, a, b) for a, b in rows]


@given(seed=seeds, purpose=purposes, part=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1))
def test_narrow_arrays_make_the_same_key(seed: int, purpose: Purpose, part: list[int]) -> None:
    wide = keyed(seed, purpose, np.array(part, np.int64))
    assert np.array_equal(wide, keyed(seed, purpose, np.array(part, np.int32)))


@given(seed=seeds, purpose=purposes, rows=st.permutations(range(12)))
def test_a_key_draws_the_same_in_any_company(seed: int, purpose: Purpose, rows: list[int]) -> None:
    alone = [int(keyed(seed, purpose, np.array([row]))[0]) for row in rows]
    assert keyed(seed, purpose, np.array(rows)).tolist() == alone


def test_seed_purpose_order_and_length_are_part_of_the_key() -> None:
    near = [
        keyed_int(seed, purpose, *key)
        for seed, purpose in product((0, 1, 2), (Purpose.DEMAND, Purpose.THEFT))
        for key in ((), (0,), (0, 0), (0, 1), (1, 0), (1,), (-1,))
    ]
    assert len(set(near)) == len(near)


def test_purposes_differ() -> None:
    assert len({int(p) for p in Purpose}) == len(Purpose)
    assert len({keyed_int(1, p, 5) for p in Purpose}) == len(Purpose)


def test_neighbouring_keys_draw_unrelated_bits(bits: npt.NDArray[np.uint64]) -> None:
    """Every bit is fair, and flips in half of all steps to the next key."""
    places = np.arange(64, dtype=np.uint64)
    spread = 6 * math.sqrt(0.25 / DRAWS)
    for place in places:
        bit = (bits >> place) & np.uint64(1)
        assert abs(bit.mean() - 0.5) < spread
        assert abs((bit[1:] != bit[:-1]).mean() - 0.5) < spread


def test_philox_is_one_stream_a_key() -> None:
    def first(seed: int, purpose: Purpose, *key: int) -> float:
        return float(philox(seed, purpose, *key).random())

    assert first(1, Purpose.DEMAND, 2, 3) == first(1, Purpose.DEMAND, 2, 3)
    others = {first(1, Purpose.DEMAND, 3, 2), first(1, Purpose.THEFT, 2, 3), first(2, Purpose.DEMAND, 2, 3)}
    assert len(others | {first(1, Purpose.DEMAND, 2, 3)}) == 4


# -- distributions ---------------------------------------------------------------------------------


def test_uniform_is_uniform_and_below_one(bits: npt.NDArray[np.uint64]) -> None:
    u = uniform(bits)
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    ends = np.array([0, 2**64 - 1], np.uint64)
    assert uniform(ends).tolist() == [0.0, 1 - 2.0**-53]
    assert u[:50].tolist() == [uniform_int(int(b)) for b in bits[:50]]


@given(share=st.floats(0, 1), draw=st.integers(0, 2**64 - 1))
def test_a_threshold_lets_the_share_below(share: float, draw: int) -> None:
    bound = threshold(share)
    assert bound.dtype == np.uint64
    assert abs(int(bound) / 2**64 - share) <= 2**-53
    assert (np.uint64(draw) < bound) == (draw < int(bound))


@pytest.mark.parametrize(("share", "bound"), [(0.0, 0), (-1.0, 0), (0.5, 2**63), (1.0, 2**64 - 1), (2.0, 2**64 - 1)])
def test_the_ends_of_a_threshold(share: float, bound: int) -> None:
    assert int(threshold(share)) == bound


@pytest.mark.parametrize("share", [0.001, 0.03, 0.4])
def test_a_share_of_draws_falls_below(bits: npt.NDArray[np.uint64], share: float) -> None:
    hits = int((bits < threshold(share)).sum())
    assert stats.binomtest(hits, DRAWS, share).pvalue > 1e-3


def test_normal_has_the_quantiles_of_the_normal(bits: npt.NDArray[np.uint64]) -> None:
    z = normal(bits)
    assert len(np.unique(z)) == 4_096
    for share in (0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999):
        expected = NormalDist().inv_cdf(share)
        # Three standard errors of a sample quantile, and a step of the table.
        error = 3 * math.sqrt(share * (1 - share) / DRAWS) / NormalDist().pdf(expected) + 0.08 * abs(expected) ** 2 / 9
        assert abs(np.quantile(z, share) - expected) < error + 1e-3
    every = normal(np.arange(4_096, dtype=np.uint64) << np.uint64(52))
    assert every.mean() == pytest.approx(0, abs=1e-12)
    assert every.std() == pytest.approx(1, abs=1e-3)
    assert (np.diff(every) > 0).all()


def test_lognormal_has_its_median_and_sigma(bits: npt.NDArray[np.uint64]) -> None:
    x = lognormal(bits, 30.0, 0.5)
    assert np.median(x) == pytest.approx(30.0, rel=0.01)
    assert np.log(x).std() == pytest.approx(0.5, rel=0.01)
    assert np.quantile(x, 0.841345) == pytest.approx(30.0 * math.exp(0.5), rel=0.01)
    assert x[:200] == pytest.approx([lognormal_int(int(b), 30.0, 0.5) for b in bits[:200]], rel=1e-14)
    assert (lognormal(bits[:9], 30.0, 0.0) == 30.0).all()


def shares(table: Alias, n: int) -> npt.NDArray[np.float64]:
    """The exact probabilities that an alias table stands for."""
    keep = table._cut / 2.0**32
    total = np.zeros(n)
    np.add.at(total, np.arange(n), keep)
    np.add.at(total, table._other, 1 - keep)
    return total / n


@settings(max_examples=200, deadline=None)
@given(weights=st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=60).filter(any))
def test_an_alias_table_stands_for_its_weights(weights: list[float]) -> None:
    expected = np.array(weights) / sum(weights)
    assert np.abs(shares(Alias(weights), len(weights)) - expected).max() < 1e-8
    assert (shares(Alias(weights), len(weights))[expected == 0] == 0).all()


@pytest.mark.parametrize(
    "weights",
    [[1.0], [3.0, 1.0], [1.0] * 7, [0.0, 5.0, 0.0, 1.0], [1 / (k + 1) for k in range(500)]],
    ids=["one", "two", "equal", "gaps", "zipf"],
)
def test_alias_draws_fit_their_weights(bits: npt.NDArray[np.uint64], weights: list[float]) -> None:
    picked = np.bincount(Alias(weights).pick(bits), minlength=len(weights))
    possible = np.array(weights) > 0
    assert not picked[~possible].any()
    expected = np.array(weights)[possible] / sum(weights) * DRAWS
    if len(expected) > 1:
        assert stats.chisquare(picked[possible], expected).pvalue > 1e-3


def test_alias_places_at_the_ends() -> None:
    ends = np.array([0, 2**32 - 1, 2**64 - 1, 2**64 - 2**32], np.uint64)
    assert set(Alias([1.0] * 505_000).pick(ends).tolist()) == {0, 504_999}


# -- ids -------------------------------------------------------------------------------------------


def unscramble(ids: Ids, name: int) -> int:
    """The packed key of an id: that it exists for every id proves the bijection."""
    mask = (1 << 51) - 1
    x = name ^ (name >> 25) ^ (name >> 50)
    x = (x * pow(ids._odd_b, -1, 1 << 51)) & mask
    x ^= x >> 26
    x = (x * pow(ids._odd_a, -1, 1 << 51)) & mask
    return (x - ids._add) & mask


@given(seed=seeds, key=st.integers(0, 2**51 - 1))
def test_scrambling_is_a_bijection_of_51_bits(seed: int, key: int) -> None:
    ids = Ids(seed, 0)
    name = ids.scramble_int(key)
    assert 0 <= name < WORLD_IDS
    assert unscramble(ids, name) == key
    assert ids.scramble_int(unscramble(ids, key)) == key


@given(seed=seeds, keys=st.lists(st.integers(0, 2**51 - 1), min_size=1, max_size=20))
def test_scrambling_many_is_scrambling_one(seed: int, keys: list[int]) -> None:
    ids = Ids(seed, 3)
    assert ids.scramble(np.array(keys, np.int64)).tolist() == [ids.scramble_int(k) for k in keys]


@given(seed=seeds, region=regions, kind=st.sampled_from(Kind), step=steps, body=bodies)
def test_a_key_unpacks_to_what_was_packed(seed: int, region: int, kind: Kind, step: int, body: int) -> None:
    """So no two of (step, kind, region, body) share an id."""
    ids = Ids(seed, region)
    name = ids.one(kind, body, step)
    assert ids.of(kind, np.array([body], np.int64), step).tolist() == [name]
    packed = unscramble(ids, name)
    unpacked = []
    for width in (BODY_BITS, REGION_BITS, 4, STEP_BITS):
        unpacked.append(packed & ((1 << width) - 1))
        packed >>= width
    assert unpacked == [body, region, int(kind), step]
    assert packed == 0


def test_no_two_ids_of_a_chain_are_equal() -> None:
    ends = np.array([0, 1, 2, 2**20, 2**37, 2**BODY_BITS - 2, 2**BODY_BITS - 1], np.int64)
    found = [
        Ids(11, region).of(kind, ends, step)
        for region, kind, step in product((0, 1, 2, 30, 31), Kind, range(2**STEP_BITS))
    ]
    every = np.concatenate(found)
    assert len(np.unique(every)) == len(every)
    assert every.min() >= 0
    assert every.max() < WORLD_IDS


def test_kinds_fit_their_bits() -> None:
    assert max(Kind) < 2**4
    assert len(set(Kind)) == len({int(k) for k in Kind})
    assert STEP_BITS + 4 + REGION_BITS + BODY_BITS == 51
    assert WORLD_IDS == 2**51


@pytest.mark.parametrize("body", [-1, 2**BODY_BITS])
def test_a_key_that_does_not_fit_is_refused(body: int) -> None:
    with pytest.raises(OverflowError, match="does not fit"):
        Ids(1, 0).one(Kind.SALE, body)


def test_ids_are_opaque() -> None:
    """Neighbouring keys are far apart and in no order, and another seed names them otherwise."""
    body = np.arange(2_000, dtype=np.int64)
    first, second = (Ids(seed, 0).of(Kind.SALE, body) for seed in (1, 2))
    assert not np.isin(first, second).any()
    assert abs(stats.spearmanr(body, first).statistic) < 0.1
    assert abs((np.diff(first) > 0).mean() - 0.5) < 0.1
    assert stats.kstest(first / WORLD_IDS, "uniform").pvalue > 1e-3
