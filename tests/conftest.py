"""What tests share: the command as a user calls it, small runs, and Hypothesis without a stopwatch."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# The same examples on every machine; the campaign looks for new ones.
settings.register_profile("stocktwin", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("stocktwin")

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def command() -> Command:
    """``stocktwin`` in a process of its own: ``command("run", "seed=7", cwd=tmp_path)``."""

    def call(*words: str, cwd: Path, timeout: float = 600.0, **variables: str) -> subprocess.CompletedProcess[str]:
        paths = [variables.pop("PYTHONPATH", ""), str(ROOT)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), **variables}
        return subprocess.run(
            [sys.executable, "-m", "scenarios.cli", *words],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return call


#: A world that runs in a few seconds and still has every kind of event.
SMALL = ("world.stores=4", "world.items=60", "world.days=8")


@pytest.fixture(scope="session")
def small_run(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of one small run with the default operator; tests must not change it."""
    folder = tmp_path_factory.mktemp("small")
    done = command("run", *SMALL, "out=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"
