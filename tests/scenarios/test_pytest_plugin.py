"""The fixture as a user's own tests meet it, in a pytest session of its own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, root: Path) -> pytest.Pytester:
    """A place for a user's tests, with the plug-in and nothing else that is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(root))
    return pytester


def _run(session: pytest.Pytester, *words: str) -> pytest.RunResult:
    return session.runpytest_subprocess("-p", "scenarios.pytest_plugin", *words)


def test_a_users_own_threshold_passes_and_fails(session: pytest.Pytester, small_run: Path) -> None:
    session.makepyfile(
        """
        def test_holds(stocktwin_scorecard):
            assert stocktwin_scorecard["detection.recall"] > 0.01

        def test_does_not(stocktwin_scorecard):
            assert stocktwin_scorecard["detection.recall"] > 1.01

        def test_knows_more(stocktwin_scorecard):
            assert "detection.recall" in stocktwin_scorecard
            assert "detection.recal" not in stocktwin_scorecard
            assert stocktwin_scorecard.measure("detection.recall")["unit"] == "share"
            assert len(list(stocktwin_scorecard)) == len(stocktwin_scorecard)
        """
    )
    done = _run(session, f"--stocktwin-run={small_run}")
    done.assert_outcomes(passed=2, failed=1)


def test_a_measure_without_a_value_fails_with_its_reason(session: pytest.Pytester, small_run: Path) -> None:
    session.makepyfile(
        """
        def test_na(stocktwin_scorecard):
            assert stocktwin_scorecard["detection.auc_pr"] < 2

        def test_misspelled(stocktwin_scorecard):
            assert stocktwin_scorecard["detection.recal"] < 2
        """
    )
    done = _run(session, f"--stocktwin-run={small_run}")
    done.assert_outcomes(failed=2)
    told = done.stdout.str()
    assert "detection.auc_pr has no value in" in told
    assert "the detectors give no scores on the grid" in told
    assert "did you mean 'detection.recall'?" in told


def test_the_run_may_stand_in_the_configuration(session: pytest.Pytester, small_run: Path) -> None:
    session.makeini(f"[pytest]\nstocktwin_run = {small_run}\n")
    session.makepyfile("def test_it(stocktwin_scorecard):\n    assert stocktwin_scorecard['detection.recall'] > 0.01\n")
    _run(session).assert_outcomes(passed=1)


def test_a_run_is_made_from_overrides_once(session: pytest.Pytester) -> None:
    session.makeini("[pytest]\nstocktwin_overrides = world.stores=2 world.items=20 world.days=1 oracle=false\n")
    session.makepyfile(
        """
        def test_one(stocktwin_scorecard):
            assert stocktwin_scorecard["business.clean.loss_value"] >= 0
            assert (stocktwin_scorecard.source / "manifest.json").is_file()

        def test_other(stocktwin_scorecard, tmp_path_factory):
            assert len(list(tmp_path_factory.getbasetemp().glob("stocktwin[0-9]*"))) == 1
        """
    )
    _run(session).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("words", "told"),
    [((), "no run; set --stocktwin-run"), (("--stocktwin-run=nowhere",), "nowhere is no run folder")],
)
def test_without_a_run_it_says_what_to_set(session: pytest.Pytester, words: tuple[str, ...], told: str) -> None:
    session.makepyfile("def test_it(stocktwin_scorecard):\n    assert stocktwin_scorecard\n")
    done = _run(session, *words)
    done.assert_outcomes(errors=1)
    assert told in done.stdout.str()


def test_pytest_finds_it_by_its_entry_point_and_imports_little(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module = project["entry-points"]["pytest11"]["stocktwin"]
    assert callable(import_module(module).stocktwin_scorecard)
    listed = "import sys, pytest; before = set(sys.modules); import " + module
    listed += "; print('\\n'.join(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", listed], cwd=root, capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if name.startswith("scenarios")} == {"scenarios", module}
