"""Poor integration discipline: envelopes that get lost, telemetry that nobody writes, and nothing else."""

from __future__ import annotations

import pandas as pd

from sim.config import Config
from sim.events import NULL
from tests.sim.small_world import Played, play, small_config


def _config(correlation: float = 0.0, telemetry: float = 0.0, **rates: float) -> Config:
    config = small_config(stores=3, items=30, days=5, **rates)
    config.middleware.correlation_loss, config.middleware.telemetry_loss = correlation, telemetry
    return config


#: What the middleware says of itself.
MONITORING = ["telemetry", "sequence_gap", "retrying", "recovered"]
#: What a posting has from the envelope of its message.
ENVELOPE = ["correlation_id", "sequence", "latency_ms"]


def _without(played: Played) -> pd.DataFrame:
    """What discipline has no say in: business rows, without what an envelope tells."""
    rows = played.rows
    rows = rows[~rows.event_type.isin(MONITORING)].reset_index(drop=True)
    rows.loc[rows.event_type == "posting", ENVELOPE] = NULL
    return rows.drop(columns="correlation_id")


def test_correlation_ids_are_lost_by_share_and_nothing_else():
    whole, lossy = play(_config()), play(_config(correlation=0.4))
    assert _without(whole).equals(_without(lossy))
    before, after = whole.rows.correlation_id, lossy.rows.correlation_id
    had = before != NULL
    assert (after[~had] == NULL).all()
    assert (after[had & (after != NULL)] == before[had & (after != NULL)]).all()
    assert abs((after[had] == NULL).mean() - 0.4) < 0.03
    assert whole.rows[whole.rows.event_type.isin(MONITORING)].equals(lossy.rows[lossy.rows.event_type.isin(MONITORING)])


def test_a_posting_without_its_envelope_says_only_what_erp_knows_itself():
    """It has no number of the source's, no document of the source's, and no time from which to reckon them."""
    whole, lossy = play(_config()).of("posting"), play(_config(correlation=0.4)).of("posting")
    sent = whole.sequence != NULL
    assert (whole.document_id == NULL).all()
    assert (whole.correlation_id[sent] != NULL).all()
    bare = (lossy.correlation_id == NULL).to_numpy()
    assert 0.3 < bare.mean() < 0.5
    assert (lossy.loc[bare, ENVELOPE] == NULL).all(axis=None)
    own = whole.columns.difference([*ENVELOPE, "event_id"])
    assert (whole.loc[bare, own].notna() == lossy.loc[bare, own].notna()).all(axis=None)
    # A row of another system keeps its own number and time, whatever becomes of its correlation id.
    for name in ("receiving", "shipping", "retail_selling"):
        rows = play(_config(correlation=1.0)).of(name)
        assert (rows.correlation_id == NULL).all()
        assert (rows.sequence != NULL).any()


def test_telemetry_is_lost_by_share_and_nothing_else():
    whole, lossy = (play(_config(telemetry=share, api_outage=60.0, dropped_message=0.05)) for share in (0.0, 0.5))
    assert _without(whole).equals(_without(lossy))
    for name, off in (("telemetry", 0.08), ("sequence_gap", 0.2), ("retrying", 0.2)):
        rows, kept = whole.of(name), lossy.of(name)
        assert set(kept.event_id) < set(rows.event_id)
        assert abs(len(kept) / len(rows) - 0.5) < off
    # A dead letter is a message that waits, not a report of one.
    assert len(whole.of("dead_letter")) == len(lossy.of("dead_letter"))


def test_all_of_it_can_be_lost():
    dark = play(_config(1.0, 1.0))
    assert not set(MONITORING) & set(dark.rows.event_type)
    assert (dark.rows.correlation_id == NULL).all()


def test_what_is_lost_grows_with_the_share():
    """A row that is lost at a fifth is lost at a half too, so that a sweep compares like with like."""
    lost = []
    for share in (0.2, 0.5):
        rows = play(_config(correlation=share)).rows
        lost.append(set(rows.event_id[rows.correlation_id == NULL]))
    assert lost[0] < lost[1]
