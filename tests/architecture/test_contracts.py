"""Style, types and the doors between the rooms are tests like any other."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("sim", "detection", "scenarios", "reports", "conf")


def _tool(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).parent / words[0]
    return subprocess.run([executable, *words[1:]], cwd=cwd, capture_output=True, text=True, check=False)


def test_ruff_finds_nothing(root: Path) -> None:
    done = _tool("ruff", "check", "--no-cache", ".", cwd=root)
    assert done.returncode == 0, done.stdout


def test_mypy_strict_finds_nothing(root: Path) -> None:
    done = _tool("mypy", cwd=root)
    assert done.returncode == 0, done.stdout


def test_every_room_keeps_its_doors(root: Path) -> None:
    done = _tool("lint-imports", "--no-logo", "--no-cache", cwd=root)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    """The packages and their contracts in a place where a test may break them."""
    for package in PACKAGES:
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("contract", "path", "line"),
    [
        ("operator", "detection/leak.py", "import sim.truth"),
        ("operator", "detection/views/leak.py", "from sim import ledger"),
        ("operator", "detection/leak.py", "import scenarios.errors"),
        ("operator", "detection/leak.py", "import hydra"),
        ("rooms", "sim/events.py", "import sim.truth"),
        ("rooms", "sim/faults/leak.py", "import sim.middleware"),
        ("world", "sim/flows/leak.py", "import detection.registry"),
        ("world", "sim/truth.py", "import omegaconf"),
        ("files", "scenarios/measures/leak.py", "import sim.clock"),
        ("harness", "scenarios/leak.py", "import reports.page"),
        ("pages", "reports/leak.py", "import sim.clock"),
        ("pages", "reports/leak.py", "import scenarios.schema"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(copied: Path, contract: str, path: str, line: str) -> None:
    before = _tool("lint-imports", "--no-logo", "--no-cache", "--contract", contract, cwd=copied)
    assert before.returncode == 0, before.stdout
    with (copied / path).open("a") as file:
        file.write(f"\n{line}\n")

    after = _tool("lint-imports", "--no-logo", "--no-cache", "--contract", contract, cwd=copied)

    assert after.returncode == 1, after.stdout
    assert "BROKEN" in after.stdout
