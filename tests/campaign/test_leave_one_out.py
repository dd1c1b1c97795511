"""The labels are right: 200 twins, each without one fault."""

from __future__ import annotations

from itertools import groupby

import pytest
from joblib import Parallel, delayed

from tests.determinism.leave_one_out import TIMED, Choice, choices, spread, two_regions, violations

FAULTS = 200
_SEEDS = range(100, 110)


@pytest.mark.campaign
def test_two_hundred_faults():
    config = two_regions()
    # Evenly over types and seeds, so that the frequent types do not crowd out the rare ones.
    found: list[Choice] = []
    for seed in _SEEDS:
        found += spread(choices(config, seed), each=1 + FAULTS // len(_SEEDS) // len(TIMED))
    chosen = found[:FAULTS]
    assert len(chosen) == FAULTS
    assert {choice.type for choice in chosen} == set(TIMED)
    parts = [list(part) for _, part in groupby(chosen, key=lambda choice: choice.seed)]
    wrong = [reason for reasons in Parallel(n_jobs=2)(delayed(violations)(config, part) for part in parts)
             for reason in reasons]
    print(f"\n{len(chosen)} faults, {len(wrong)} violations")  # noqa: T201 - a campaign reports
    assert wrong == []
