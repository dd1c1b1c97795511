"""The leaderboard's page: whole, offline, escaped, the same for the same table."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from reports import leaderboard as page
from scenarios.measures.leaderboard import leaderboard
from scenarios.measures.trials import Trial
from tests.scenarios.trials import failed, measure, several, trial


def _written(out: Path, trials: list, mode: str = "shadow") -> str:
    out.mkdir(exist_ok=True)
    leaderboard(trials, SimpleNamespace(mode=mode, budget=0.5)).to_csv(out / page.TABLE_NAME, index=False)
    return page.write(out).read_text(encoding="utf-8")


@pytest.fixture
def text(tmp_path: Path) -> str:
    skills = {"standard": [0.8, 0.82], "mine": [0.6, 0.7], "oracle": [0.97, 0.98], "never": [0.0, 0.0]}
    trials = several(skills) + several(skills, "storm") + several(skills, split="dev") + [failed("mine", 7)]
    return _written(tmp_path / "small", trials)


def test_it_loads_nothing(text: str):
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"|url\((?!#)|@import', text)
    assert "<script" in text


def test_it_says_who_leads_and_on_what(text: str):
    assert "<h1>standard leads: 81% of the way from chance to certainty</h1>" in text
    assert "suite small" in text
    assert "too few seeds for a claim" in text


def test_what_knows_nothing_stands_apart(text: str):
    first = text[text.index('<table class="board">') : text.index("</table>")]
    bodies = re.findall(r"<tbody.*?</tbody>", first, re.DOTALL)
    assert [re.findall(r'class="who">(\w+)<', body) for body in bodies] == [["oracle"], ["standard", "mine"], ["never"]]


def test_failures_are_told(text: str):
    assert "1 of 5 failed: timeout 1" in text
    assert "mine (1)" in text


def test_the_other_splits_are_apart(text: str):
    assert "The split “dev”" in text[text.index('id="splits"') :]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path, text: str):
    assert page.write(tmp_path / "small").read_text(encoding="utf-8") == text


def test_names_are_escaped(tmp_path: Path):
    text = _written(tmp_path, several({"<script>alert(1)</script>": [0.5, 0.6]}))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_without_test_seeds_nothing_is_ranked(tmp_path: Path):
    text = _written(tmp_path, several({"standard": [0.5, 0.6]}, split="dev"))
    assert "Nothing is ranked" in text


def test_a_table_comes_back_as_it_was_written(tmp_path: Path):
    table = leaderboard(several({"standard": [0.1 + 0.2, 1 / 3]}), SimpleNamespace(mode="shadow", budget=0.5))
    table.to_csv(tmp_path / page.TABLE_NAME, index=False)
    again = page.read(tmp_path / page.TABLE_NAME)
    pd.testing.assert_series_equal(again["skill"], table["skill"])
    assert again["verdict"].to_list() == table["verdict"].to_list()


def test_policies_have_a_page_too(tmp_path: Path):
    text = _written(tmp_path, several({"deterministic": [0.5, 0.6]}), mode="loop")
    assert "Of reachable" in text


def test_range_measures_are_in_an_appendix_with_the_random_row_first(tmp_path: Path):
    def measured(entrant: str, seed: int, value: float) -> Trial:
        return trial(entrant, seed, 0.5, measures={
            "detection.skill": measure(0.5), "detection.vus_pr": measure(value),
            "detection.range_recall": measure(0.25),
        })  # fmt: skip

    trials = [measured(name, seed, value + seed / 8) for name, value in (("mine", 0.5), ("random", 0.125))
              for seed in range(2)]  # fmt: skip
    table = leaderboard(trials, SimpleNamespace(mode="shadow", budget=0.5)).set_index("entrant")
    assert table.loc["mine", "vus_pr"].tolist()[0] == pytest.approx(0.5625)
    text = _written(tmp_path / "ranges", trials)
    told = text[text.index('<h2 id="appendix">') : text.index('<h2 id="reading">')]
    assert re.findall(r'<tr><th scope="row">(\w+)', told) == ["random", "mine"]
    assert "aeon 1.6" in told
    assert "VUS-PR" not in text[: text.index('<h2 id="appendix">')]


def test_without_range_measures_there_is_no_appendix(text: str):
    assert 'id="appendix"' not in text
