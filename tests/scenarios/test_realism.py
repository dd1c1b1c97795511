"""The realism card: figures as published, measured from gauges whose answer is known, and a verdict for each."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from scenarios.measures import realism
from scenarios.measures.gauged import MEASURING, variance_between
from scenarios.measures.published import figures, figures_of
from scenarios.measures.realism import Line, card
from scenarios.realism_view import NO_WORLD, show_realism
from scenarios.record import RunReader, RunWriter
from scenarios.schema import CHOICES

WORLDS = ("retail", "fashion_peak", "grocery_fulfilment", "omnichannel_returns")


def _gauge(name: str, keys: Any, n: Any, total: Any = None, squares: Any = 0.0, region: str = "R1") -> pd.DataFrame:
    rows = {"arm": "unmanaged", "region": region, "gauge": name, "key": np.atleast_1d(keys), "n": n}
    return pd.DataFrame({**rows, "total": n if total is None else total, "squares": squares}).astype(
        {"key": "int64", "n": "float64", "total": "float64", "squares": "float64"})


def _run(folder: Path, world: str | None, *gauges: pd.DataFrame, days: int = 14, **config: Any) -> RunReader:
    """A run folder that holds nothing but gauges and a calendar; the first day is a Monday."""
    with RunWriter(folder) as writer:
        writer.write_config({"calibrated_to": world, "world": {"start": "2026-03-02", "days": days}, **config})
        if gauges:
            writer.write("truth/gauges", pd.concat(gauges))
        measures = {"manual.mttd_hours": {"value": 20.0, "n": 50}, "manual.mttr_hours": {"value": 30.0, "n": 40}}
        writer.write_scorecard({"schema": 1, "measures": measures})
        writer.identify(version="0", seed=1, config_hash="c", arms={"unmanaged": "u"})
    return RunReader(folder)


def _lines(reader: RunReader) -> dict[str, Line]:
    return {line.figure.name: line for line in card(reader)}


def test_every_figure_has_a_band_a_source_and_a_way_to_measure_it() -> None:
    assert {figure.row for figure in figures()} == set(range(1, 27))
    assert [figure.name for figure in figures()] == list(MEASURING)
    for figure in figures():
        assert figure.low < figure.high, figure.name
        assert all((figure.quantity, figure.published, figure.source)), figure.name
        assert figure.unit in {"share", "units", "events", "minutes", "ratio", "lines"}
        assert figure.basis in {"published", "computed", "recalled", "secondhand"}
        assert figure.kind in {"input", "emergent"}
        assert figure.counted
        assert figure.world in WORLDS


def test_every_world_that_a_scenario_may_claim_has_figures() -> None:
    assert set(CHOICES["calibrated_to"]) == {None, *WORLDS}
    assert all(figures_of(world) for world in WORLDS)
    assert figures_of("") == ()


def test_a_gauge_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    line = _lines(_run(tmp_path / "run", "retail"))["realism.1"]
    assert (line.verdict, line.measure.value, line.measure.reason) == ("NA", None, "not measured in this run")


def test_ratios_are_summed_over_regions_and_judged_by_their_band(tmp_path: Path) -> None:
    reader = _run(tmp_path / "run", "retail", _gauge("inaccurate_at_count", 0, 100, 50),
                  _gauge("inaccurate_at_count", 0, 300, 210, region="R2"), _gauge("shrink", 0, 1000.0, 40.0),
                  _gauge("po_price_changes", 0, 200, 10))
    lines = _lines(reader)
    assert lines["realism.1"].measure.value == pytest.approx(0.65)
    assert lines["realism.1"].measure.n == 400
    assert [lines[f"realism.{name}"].verdict for name in ("1", "6", "14.price")] == ["inside", "outside", "inside"]
    assert lines["realism.14.price"].measure.value == pytest.approx(5.0)


def test_other_arms_are_not_measured(tmp_path: Path) -> None:
    managed = _gauge("shrink", 0, 1000.0, 15.0).assign(arm="managed")
    assert _lines(_run(tmp_path / "run", "retail", managed))["realism.6"].verdict == "NA"


def test_enough_is_never_less_than_what_chance_asks_for() -> None:
    for figure in figures():
        middle, half = (figure.low + figure.high) / 2, (figure.high - figure.low) / 2
        if figure.counted in {"categories", "stores"}:
            # The relative standard error of a variance between k classes is the root of 2 / (k - 1).
            assert figure.enough >= 1 + 2 * (1.96 * middle / half) ** 2, figure.name
        elif figure.unit == "share" and figure.counted != "currency of sales":
            assert figure.enough >= (1.96 / half) ** 2 * middle * (1 - middle), figure.name
        assert figure.enough >= 10, figure.name


def test_a_parameter_that_is_read_back_is_no_evidence() -> None:
    inputs = {figure.row for figure in figures() if figure.kind == "input"}
    # What a key of the configuration, the split of shrink, the share of mispicks (11) or the lognormal that lead times
    # are drawn from (19) says in so many words; how many orders have an error (10) follows from their lines too.
    assert inputs == {7, 9, 11, 14, 15, 17, 18, 19, 21, 22, 24}


@pytest.mark.parametrize(("counts", "is_on_few"), [(199, True), (200, False)])
def test_a_value_on_few_is_marked(tmp_path: Path, counts: int, is_on_few: bool) -> None:
    reader = _run(tmp_path / "run", "retail", _gauge("inaccurate_at_count", 0, counts, 0.6 * counts))
    line = _lines(reader)["realism.1"]
    assert (line.verdict, line.measure.n, line.counted, line.is_on_few) == ("inside", counts, "counts", is_on_few)
    assert not _lines(reader)["realism.2"].is_on_few, "what was not measured is neither much nor little"


def test_the_variance_between_classes_is_that_of_the_model() -> None:
    draw = np.random.default_rng(5)
    sizes = draw.integers(40, 160, 400)
    effect = draw.normal(0.0, 0.6, 400)
    values = [5.0 + a + draw.normal(0.0, 1.0, n) for a, n in zip(effect, sizes, strict=True)]
    sums = [np.array([float(f(v)) for v in values]) for f in (len, np.sum, lambda v: np.sum(v**2))]
    assert variance_between(*sums) == pytest.approx(0.36 / 1.36, abs=0.03)
    # Without an effect nothing lies between the classes.
    alike = [draw.normal(5.0, 1.0, n) for n in sizes]
    sums = [np.array([float(f(v)) for v in alike]) for f in (len, np.sum, lambda v: np.sum(v**2))]
    assert variance_between(*sums) == pytest.approx(0.0, abs=0.01)
    assert variance_between(*(column[:1] for column in sums)) is None


def test_stores_of_two_regions_are_not_one_store(tmp_path: Path) -> None:
    # In each region both stores are alike; across regions store 1 is not store 1.
    calm = _gauge("error_by_store", [1, 2], [10, 10], [10, 10], [20, 20])
    wild = _gauge("error_by_store", [1, 2], [10, 10], [50, 50], [260, 260], region="R2")
    measure = _lines(_run(tmp_path / "run", "retail", calm, wild))["realism.4.store"].measure
    # means 1, 1, 5, 5, within 20 - 10 and 260 - 250 a store: 40 / 36
    within, size = 40 / 36, 10
    spread = 10 * 4 * 2.0**2 / 3
    assert measure.n == 4
    assert measure.value == pytest.approx(((spread - within) / size) / ((spread - within) / size + within))


def test_causes_of_shrink_are_shares_of_the_value(tmp_path: Path) -> None:
    lines = _lines(_run(tmp_path / "run", "retail", _gauge("shrink_by_cause", [0, 1, 2, 3], 1, [36, 29, 27, 8])))
    values = [lines[f"realism.7.{name}"].measure.value for name in ("external", "internal", "process", "other")]
    assert values == pytest.approx([0.36, 0.29, 0.27, 0.08])
    assert {lines[f"realism.7.{name}"].verdict for name in ("external", "internal", "process", "other")} == {"inside"}


def test_lognormal_delays_imply_their_own_mean_and_others_do_not(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    made = {"lognormal": np.exp(draw.normal(4.6, 0.5, 20_000)), "two kinds": np.r_[np.full(900, 10), np.full(100, 999)]}
    found = {}
    for shape, hours in made.items():
        keys, n = np.unique(hours.astype(int), return_counts=True)
        found[shape] = _lines(_run(tmp_path / shape, "retail", _gauge("receipt_delay_hours", keys, n)))["realism.19"]
    assert found["lognormal"].measure.value == pytest.approx(1.0, abs=0.03)
    assert [line.verdict for line in found.values()] == ["inside", "outside"]


def test_baskets_weekdays_and_items_of_a_grocery(tmp_path: Path) -> None:
    keys = np.arange(1, 41)
    n = np.where(keys <= 5, 10, np.where(keys <= 24, 2, 1))
    week = np.array([98, 93, 93, 93, 95, 112, 116])
    items = np.r_[np.full(20, 43), np.full(80, 1.75)]
    reader = _run(tmp_path / "run", "grocery_fulfilment", _gauge("basket_lines", keys, n),
                  _gauge("lines_of_weekday", np.arange(7), week * 3),
                  _gauge("lines_of_item", np.arange(100), items), days=21)
    lines = _lines(reader)
    sample = np.repeat(keys, n)
    assert lines["realism.21.mean"].measure.value == pytest.approx(sample.mean())
    assert lines["realism.21.median"].measure.value == np.quantile(sample, 0.5, method="inverted_cdf")
    assert lines["realism.21.p90"].measure.value == np.quantile(sample, 0.9, method="inverted_cdf")
    assert [round(lines[f"realism.22.{day}"].measure.value or 0, 2) for day in ("sunday", "saturday", "midweek")] == [
        1.16, 1.12, 0.93]
    assert lines["realism.23"].measure.value == pytest.approx(0.86)


def test_a_run_of_eight_days_has_two_mondays(tmp_path: Path) -> None:
    line = _lines(_run(tmp_path / "run", "grocery_fulfilment",
                       _gauge("lines_of_weekday", np.arange(7), [200, *[100] * 6]), days=8))["realism.22.sunday"]
    assert line.measure.value == pytest.approx(1.0)


def test_the_online_peak_is_held_against_the_usual_day(tmp_path: Path) -> None:
    lines = np.r_[np.full(10, 100), 210, 240, 200, np.full(7, 110)]
    reader = _run(tmp_path / "run", "fashion_peak", _gauge("online_lines_by_day", np.arange(20), 48, lines),
                  demand={"peak_from_day": 10, "peak_days": 3}, days=20)
    assert _lines(reader)["realism.24"].measure.value == pytest.approx(240 / 100)


def test_the_manual_process_is_read_from_the_scorecard(tmp_path: Path) -> None:
    line = _lines(_run(tmp_path / "run", "retail"))["realism.26"]
    assert (line.measure.value, line.verdict, line.measure.n) == (2.0, "inside", 40)


def test_over_seeds_a_figure_has_an_interval_and_a_seed_without_it_does_not_count(tmp_path: Path) -> None:
    cards = [card(_run(tmp_path / str(seed), "retail", *gauges)) for seed, gauges in enumerate(
        ([_gauge("wrong_price", 0, 100, 2)], [_gauge("wrong_price", 0, 100, 4)], []))]
    lines = {line.figure.name: line for line in realism.combine(cards)}
    measure = lines["realism.20"].measure
    assert measure.value == pytest.approx(0.03)
    assert measure.n == 2
    assert measure.low is not None
    assert measure.low < 0.03 < (measure.high or 0)
    wild = realism.combine([card(_run(tmp_path / f"wild{n}", "retail", _gauge("wrong_price", 0, 100, hits)))
                            for n, hits in enumerate((0, 90))])
    (bounds,) = [(line.measure.low, line.measure.high) for line in wild if line.figure.row == 20]
    assert bounds == (0.0, 1.0)
    # Two seeds far apart say little, however many tills each has; two that agree say enough.
    assert next(line for line in wild if line.figure.row == 20).is_on_few
    alike = realism.combine([card(_run(tmp_path / f"alike{n}", "retail", _gauge("wrong_price", 0, 1000, 30 + n)))
                             for n in (0, 1)])
    told = next(line for line in alike if line.figure.row == 20)
    assert (told.is_on_few, told.counted, told.measure.n) == (False, "seeds", 2)
    assert lines["realism.1"].measure.reason == "on every seed: not measured in this run"


def test_a_scenario_off_the_usual_rates_claims_no_world(tmp_path: Path) -> None:
    reader = _run(tmp_path / "run", None, _gauge("shrink", 0, 1000.0, 15.0))
    assert card(reader) == ()
    text = io.StringIO()
    show_realism(reader.folder, Console(file=text, width=140))
    assert text.getvalue().strip() == NO_WORLD


def test_the_card_in_the_terminal_names_quantity_band_source_and_verdict(tmp_path: Path) -> None:
    reader = _run(tmp_path / "run", "retail", _gauge("pick_lines_dc", 0, 10_000, 9_996))
    text = io.StringIO()
    show_realism(reader.folder, Console(file=text, width=140))
    shown = text.getvalue()
    assert max(len(line) for line in shown.splitlines()) <= 140
    row = next(line for line in shown.splitlines() if "DC pick accuracy" in line)
    assert all(word in row for word in ("99.96 %", "99 to 99.95", "outside", "input", "10,000"))
    assert "few" not in row
    assert "WERC 2020" in shown
    assert "not measured in this run: rows 1, 2, 3" in shown


def test_the_card_is_kept_as_a_breakdown(tmp_path: Path) -> None:
    reader = _run(tmp_path / "run", "retail", _gauge("wrong_price", 0, 100, 3))
    rows = realism.table(card(reader)).to_pandas().set_index("measure")
    assert rows.loc["realism.20", "value"] == pytest.approx(0.03)
    assert np.isnan(rows.loc["realism.1", "value"])
    assert set(rows["by"]) == {"realism"}
    assert rows.loc["realism.20", ["kind", "n", "counted", "verdict", "is_on_few"]].tolist() == [
        "emergent", 100, "till lines", "inside", True]
    assert (rows.loc["realism.14.price", "kind"], rows.loc["realism.1", "verdict"]) == ("input", "NA")
