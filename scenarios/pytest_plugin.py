"""The pytest plug-in: a user's own tests assert on the scorecard of a run.

    def test_recall(stocktwin_scorecard):
        assert stocktwin_scorecard["detection.recall"] > 0.8

The run is a folder (``--stocktwin-run RUN``, or ``stocktwin_run`` in pytest's configuration), or is made once for
the session from ``stocktwin_overrides`` (``KEY=VALUE`` words of ``stocktwin run``). A measure without a value fails
the test with its reason: a comparison with nothing must not pass. pytest imports this module in every session of an
environment that has stocktwin, so it imports nothing of ours before the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

_RUN, _OVERRIDES = "stocktwin_run", "stocktwin_overrides"


class NotApplicableError(AssertionError):
    """A measure that has no value in this run; the message tells why."""


class UnknownMeasureError(LookupError):
    """A name that is no measure of the scorecard; the message tells the nearest."""


class ScorecardValues(Mapping[str, float]):
    """Values of a scorecard by the names of its measures.

    Args:
        measures: what stands under ``measures`` in ``scorecard.json``.
        source: the run folder, for messages.
    """

    def __init__(self, measures: Mapping[str, Mapping[str, Any]], source: Path) -> None:
        self._measures = measures
        self.source = source

    def __getitem__(self, name: str) -> float:
        """The value of a measure.

        Raises:
            NotApplicableError: if it has none; a failed assertion to pytest.
            UnknownMeasureError: if there is no such measure.
        """
        value = self.measure(name).get("value")
        if value is None:
            raise NotApplicableError(f"{name} has no value in {self.source}: {self.measure(name).get('reason')}")
        return float(value)

    def measure(self, name: str) -> Mapping[str, Any]:
        """Value, unit, low, high, n and reason of a measure."""
        if name not in self._measures:
            from scenarios.errors import choices

            raise UnknownMeasureError(f"{name}: no such measure in {self.source}; {choices(self._measures, name)}")
        return self._measures[name]

    def __contains__(self, name: object) -> bool:
        return name in self._measures

    def __iter__(self) -> Iterator[str]:
        return iter(self._measures)

    def __len__(self) -> int:
        return len(self._measures)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the run is, or how to make one."""
    group = parser.getgroup("stocktwin")
    group.addoption(
        "--stocktwin-run", metavar="RUN", default=None, help="run folder behind the fixture stocktwin_scorecard"
    )
    parser.addini(_RUN, "run folder behind the fixture stocktwin_scorecard (--stocktwin-run wins)", default="")
    parser.addini(_OVERRIDES, "KEY=VALUE words of the run that is made for the session", type="args", default=[])


@pytest.fixture(scope="session")
def stocktwin_scorecard(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> ScorecardValues:
    """The scorecard of the session's run, by the names of ``stocktwin list measures``."""
    from scenarios.errors import UserError

    try:
        return _read(_folder(pytestconfig, tmp_path_factory))
    except UserError as error:
        raise pytest.UsageError(f"stocktwin: {error}") from error


def _folder(config: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder that was named, or one that is made now."""
    from scenarios.errors import UserError

    word = config.getoption("--stocktwin-run")
    if word:
        return Path(config.invocation_params.dir, word)
    written = str(config.getini(_RUN))
    if written:
        return config.rootpath / written
    overrides = [str(override) for override in config.getini(_OVERRIDES)]
    if not overrides:
        raise UserError(f"stocktwin_scorecard: no run; set --stocktwin-run, or the ini key {_RUN} or {_OVERRIDES}")
    from scenarios.arms import run_experiment
    from scenarios.compose import compose

    return run_experiment(compose(overrides), tmp_path_factory.mktemp("stocktwin") / "run")


def _read(folder: Path) -> ScorecardValues:
    from scenarios.errors import UserError
    from scenarios.reader import RunReader

    scorecard = RunReader(folder).scorecard
    if scorecard is None:
        raise UserError(f"{folder}: has no scorecard.json")
    return ScorecardValues(scorecard["measures"], folder)
