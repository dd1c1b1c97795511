"""The labels are right: 1,000 twins, each without one fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import groupby

import pytest
from joblib import Parallel, delayed

from scenarios.audit.leave_one_out import TIMED, Choice, choices, spread, violations
from sim.config import Config
from tests.determinism.leave_one_out import many_items, two_regions

FAULTS = 1_000
#: What needs more items or days than the small world has.
_RARE = ("duplicate_item", "rtv_gap")
_SEEDS = {two_regions: range(100, 122), many_items: range(100, 112)}


def _found(world: Callable[[], Config], seed: int) -> list[Choice]:
    """Faults of one seed, evenly over the types, so that the frequent do not crowd out the rare."""
    rare = world is many_items
    wanted = [choice for choice in choices(world(), seed) if (choice.type in _RARE) is rare]
    return spread(wanted, each=4)


@pytest.mark.campaign
def test_a_thousand_faults():
    tasks = [(world, seed) for world, seeds in _SEEDS.items() for seed in seeds]
    with Parallel(n_jobs=2) as parallel:
        parts = parallel(delayed(_found)(world, seed) for world, seed in tasks)
        pairs = [(world, choice) for (world, _), part in zip(tasks, parts, strict=True) for choice in part]
        # The rare ones first: they are all wanted.
        pairs.sort(key=lambda pair: pair[0] is two_regions)
        chosen = pairs[:FAULTS]
        assert len(chosen) == FAULTS
        types = Counter(choice.type for _, choice in chosen)
        assert set(types) == set(TIMED)
        batches = [(world, [choice for _, choice in batch])
                   for (world, _), batch in groupby(chosen, key=lambda pair: (pair[0], pair[1].seed))]
        wrong = [reason for reasons in parallel(delayed(violations)(world(), batch) for world, batch in batches)
                 for reason in reasons]
    print(f"\n{len(chosen)} faults, {len(wrong)} violations; {dict(types.most_common())}")  # noqa: T201 - a campaign reports
    print("\n".join(wrong))  # noqa: T201 - a campaign reports
    assert wrong == []
