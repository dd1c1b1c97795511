"""The README's recipe, followed to the letter: a detector in a package of its own is a choice like any other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recipe's package is installed, beside the environment's own packages."""
    source, target = tmp_path_factory.mktemp("ten-lines"), tmp_path_factory.mktemp("site")
    recipe = (root / "README.md").read_text(encoding="utf-8").partition("## Bring your own detector")[2]
    for language, name in (("python", "ten_lines.py"), ("toml", "pyproject.toml")):
        block = re.search(rf"```{language}\n(.*?)```", recipe, re.DOTALL)
        assert block is not None
        (source / name).write_text(block[1], encoding="utf-8")
    assert len((source / "ten_lines.py").read_text(encoding="utf-8").splitlines()) <= 20
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target",
                    str(target), str(source)], check=True)
    return target


def stocktwin(site: Path, root: Path, cwd: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{root}"}
    done = subprocess.run([sys.executable, "-m", "scenarios.cli", *words], cwd=cwd, env=environment,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_listed(site: Path, root: Path, tmp_path: Path) -> None:
    listed = json.loads(stocktwin(site, root, tmp_path, "list", "detectors", "--json"))
    assert "ten_lines:TenLines" in str(next(one for one in listed if one["name"] == "ten_lines"))


def test_it_runs_and_its_alerts_are_those_of_the_rule(site: Path, root: Path, tmp_path: Path) -> None:
    words = ("world.stores=3", "world.items=30", "world.days=6", "detector.parameters.lines=2", "oracle=false")
    stocktwin(site, root, tmp_path, "run", "detector=ten_lines", "out=run", *words)
    alerts = pd.concat(pd.read_parquet(path) for path in (tmp_path / "run").rglob("alerts*.parquet"))
    alerts = alerts[alerts["detector"] == "ten_lines:TenLines"]  # beside what people found by hand
    assert set(alerts["type"]) == {"phantom_stock"}
    assert not alerts.duplicated(["arm", "location", "item"]).any()
