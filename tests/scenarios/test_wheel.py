"""The built wheel works from another directory: nothing leans on the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy (so that no ``build`` folder is left) and installed beside nothing else of ours."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    shutil.copytree(root, source, ignore=shutil.ignore_patterns(".*", "outputs", "__pycache__", "*.egg-info"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(source)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = place.glob("*.whl")
    target = place / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(pip, check=True)
    return target


def _python(site: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_every_package_comes_from_the_wheel(site: Path, tmp_path: Path) -> None:
    names = ("conf", "detection", "reports", "scenarios", "sim")
    program = f"import {', '.join(names)}; print(*(module.__file__ for module in ({', '.join(names)})))"
    done = _python(site, tmp_path, "-c", program)
    assert all(path.startswith(str(site)) for path in done.stdout.split()), done.stdout + done.stderr


def test_a_run_works_anywhere(site: Path, tmp_path: Path) -> None:
    words = ("world.stores=3", "world.items=40", "world.days=4", "out=run")
    done = _python(site, tmp_path, "-m", "scenarios.cli", "run", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(Path("run/report.html"))
    assert (tmp_path / "run" / "report.html").stat().st_size > 0
    assert _python(site, tmp_path, "-m", "scenarios.cli", "verify", "run").returncode == 0
