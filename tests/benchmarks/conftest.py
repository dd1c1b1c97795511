"""Ratios are collected over the session, so that a miss neither hides the others nor keeps them from the file."""

from __future__ import annotations

import pytest

from tests.benchmarks.results import RESULTS, Results, table, write


@pytest.fixture(scope="session")
def results(pytestconfig: pytest.Config) -> Results:
    """Where a ratio is put before it is judged."""
    return pytestconfig.stash.setdefault(RESULTS, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table and write the file, if ratios were asked for."""
    results = config.stash.get(RESULTS, None)
    if results is None:
        return
    path = config.rootpath / "outputs" / "bench.json"
    write(results, path)
    terminalreporter.section("ratios of speed")
    for line in table(results):
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"written to {path.relative_to(config.rootpath)}")
