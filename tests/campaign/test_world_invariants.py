"""The books hold in a thousand worlds that no one has seen before."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.config import Config
from tests.sim.any_world import configs, run_and_check


@pytest.mark.campaign
@settings(max_examples=1000, derandomize=False, suppress_health_check=[HealthCheck.too_slow])
@given(config=configs(), seed=st.integers(0, 2**31), meddle=st.booleans())
def test_identity_and_conservation(config: Config, seed: int, meddle: bool):
    run_and_check(config, seed, meddle=meddle)
