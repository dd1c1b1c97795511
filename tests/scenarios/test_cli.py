"""The command as a user meets it: quick help, lists, one line for a mistake, nothing left behind."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.cli import main
from scenarios.groups import content
from sim.faults.types import TYPES

Command = Callable[..., subprocess.CompletedProcess[str]]
HEAVY = ("hydra", "omegaconf", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "pyod", "simpy", "rich", "matplotlib")

#: Words after the program's name, what the line names, what it offers.
MISTAKES: dict[str, tuple[list[str], str, str]] = {
    "unknown scenario": (["run", "scenario=quickstrat"], "scenario=quickstrat", "did you mean 'quickstart'?"),
    "unknown detector": (["run", "detector=nevr"], "detector=nevr", "did you mean 'never'?"),
    "unknown policy": (
        ["run", "policy=brave"],
        "policy=brave",
        "valid: deterministic, manual, predictive, unrestricted, visibility",
    ),
    "unknown demand": (["run", "demand=none"], "demand=none", "valid: complete_journey, synthetic"),
    "unknown engine": (["run", "engine=cloud"], "engine=cloud", "valid: dask, loky, ray"),
    "unknown name by key": (["run", "policy.name=brave"], "policy=brave", "valid: deterministic"),
    "unknown record": (["run", "record=everything"], "record=everything", "valid: full, summary"),
    "misspelled key": (["run", "sed=7"], "sed", "did you mean 'seed'?"),
    "misspelled nested key": (["run", "world.store=7"], "world.store", "did you mean 'stores'?"),
    "misspelled fault": (["run", "faults.shrinc.rate=0"], "faults.shrinc.rate", "did you mean 'shrink'?"),
    "misspelled fault key": (["run", "faults.shrink.rat=0"], "faults.shrink.rat", "did you mean 'rate'?"),
    "a type without a rate": (["run", "faults.negative_inventory.rate=1"], "faults.negative_inventory.rate",
                              "no rate of its own, it comes of other faults; set faults.posting_lag"),
    "a day after the run": (["run", "middleware.canonical_from_day=28"], "middleware.canonical_from_day=28", "0 to 27"),
    "key of a value": (["run", "seed.x=1"], "seed.x", "no such key"),
    "a whole node": (["run", "world=3"], "world", "world.stores"),
    "misspelled command": (["runn"], "runn", "did you mean 'run'?"),
    "unknown option": (["run", "--seed", "7"], "--seed", "KEY=VALUE"),
    "no value": (["run", "seed"], "seed", "KEY=VALUE"),
    "a sweep": (["run", "seed=1,2"], "seed=1,2", "not a sweep"),
    "an addition": (["run", "+colour=red"], "+colour=red", "KEY=VALUE"),
    "a deletion": (["run", "~faults"], "~faults", "KEY=VALUE"),
    "negative size": (["run", "world.stores=-3"], "world.stores=-3", "at least 1"),
    "zero size": (["run", "world.items=0"], "world.items=0", "at least 1"),
    "zero days": (["run", "world.days=0"], "world.days=0", "at least 1"),
    "zero workers": (["run", "workers=0"], "workers=0", "at least 1"),
    "zero replications": (["run", "replications=0"], "replications=0", "at least 1"),
    "too many days": (["run", "world.days=1000000"], "world.days=1000000", "680"),
    "wrong type": (["run", "world.days=many"], "world.days=many", "a whole number"),
    "half a day": (["run", "world.days=1.5"], "world.days=1.5", "a whole number"),
    "no number": (["run", "world.daily_units=nan"], "world.daily_units=nan", "finite"),
    "infinite": (["run", "faults.scale=inf"], "faults.scale=inf", "finite"),
    "wrong truth value": (["run", "oracle=perhaps"], "oracle=perhaps", "true or false"),
    "too large": (["run", "world.items=1000000000"], "world.items=1000000000", "GiB"),
    "rate below 0": (["run", "faults.shrink.rate=-0.1"], "faults.shrink.rate=-0.1", "below 0"),
    "share above 1": (["run", "faults.late_asn.rate=1.5"], "faults.late_asn.rate=1.5", "from 0 to 1"),
    "scale below 0": (["run", "faults.scale=-1"], "faults.scale=-1", "below 0"),
    "ends before it begins": (["run", "world.end=2026-01-01"], "world.end=2026-01-01", "world.start=2026-03-02"),
    "no date": (["run", "world.start=tomorrow"], "world.start=tomorrow", "YYYY-MM-DD"),
    "closes before it opens": (["run", "world.closes=8"], "world.closes=8", "world.opens=9"),
    "unknown pilot type": (["run", "pilot.types=[phantom]"], "pilot.types=phantom", "did you mean 'phantom_stock'?"),
    "unknown pilot store": (["run", "pilot.locations=[S0021]"], "pilot.locations=S0021", "S0001"),
    "no folder to write": (["run", "out=file/run"], "out=file/run", "cannot be written"),
    "a file in the way": (["run", "out=file"], "out: file", "is a file"),
    "a folder of others": (["run", "out=full"], "out: full", "no run folder"),
    "a folder of others, overwrite": (["run", "out=full", "overwrite=true"], "out: full", "no run folder"),
    "a complete run": (["run", "out=done"], "out: done", "overwrite=true"),
    "no run folder to verify": (["verify", "full"], "full", "no run folder"),
    "nothing to verify": (["verify", "nowhere"], "nowhere", "no run folder"),
    "no run folder to report": (["report", "file"], "file", "no run folder"),
    "two run folders": (["report", "a", "b"], "report", "one run folder"),
    "nothing to list": (["run", "demand.weekday=3"], "demand.weekday=3", "a list of numbers"),
    "unknown topic": (["list", "fautls"], "fautls", "did you mean 'faults'?"),
    "two topics": (["list", "faults", "policies"], "list", "one topic"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a file, a folder of somebody else's, and something like a complete run."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "manifest.json").write_text("{}")
    return tmp_path


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_names_the_key(
    place: Path, mistake: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words, named, offered = MISTAKES[mistake]
    before = _files(place)
    monkeypatch.chdir(place)

    code = main(words)

    told, said = capfd.readouterr()
    assert (code, told) == (2, "")
    assert said.startswith("stocktwin: ")
    assert said.count("\n") == 1
    assert named in said
    assert offered in said
    assert _files(place) == before


def test_a_mistake_ends_the_process_with_code_2(command: Command, place: Path) -> None:
    done = command("run", "world.items=1000000000", cwd=place)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(command: Command, place: Path) -> None:
    (place / "full").chmod(0o555)
    done = command("run", "out=full/run", cwd=place)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot be written: permission denied" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["verify", "-h"], ["report", "--help"], []])
def test_help_answers_at_once(command: Command, tmp_path: Path, words: list[str]) -> None:
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        done = command(*words, cwd=tmp_path)
        seconds.append(time.perf_counter() - begun)
        assert done.returncode == 0
        assert "stocktwin" in done.stdout
    assert min(seconds) < 0.3


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["list", "--json"]])
def test_help_and_lists_import_nothing_heavy(root: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "scenarios.cli", *words],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {match.split(".")[0] for match in re.findall(r"\|\s+([\w.]+)$", done.stderr, flags=re.MULTILINE)}
    assert "scenarios" in imported
    assert imported.isdisjoint(HEAVY)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in ("run", "verify", "report", "list"))


def test_every_topic_lists_names(capsys: pytest.CaptureFixture[str]) -> None:
    for topic in ("scenarios", "faults", "detectors", "policies", "measures"):
        assert main(["list", topic, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert rows
        assert all(isinstance(row["name"], str) for row in rows)
        assert len({row["name"] for row in rows}) == len(rows)
        assert main(["list", topic]) == 0
        text = capsys.readouterr().out
        assert all(row["name"] in text for row in rows)


def test_the_list_of_faults_tells_rate_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "faults", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {entry.name for entry in TYPES}
    assert rows["shrink"]["rate"] == content("faults", "standard")["shrink"]["rate"]
    assert rows["phantom_stock"]["rate"] is None
    told = ("kind", "plane", "cause", "remedy", "approvers")
    assert all(row[field] for row in rows.values() for field in told)


def test_all_lists_together_say_their_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    topics = {row["topic"] for row in json.loads(capsys.readouterr().out)}
    assert topics == {"scenarios", "faults", "detectors", "policies", "suites", "measures"}


def test_an_installed_detector_is_a_choice(command: Command, tmp_path: Path) -> None:
    package = tmp_path / "theirs-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[stocktwin.detectors]\ntheirs = theirs.found:Detector\n")

    listed = command("list", "detectors", "--json", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    refused = command("run", "detector=theirs", "world.days=0", cwd=tmp_path, PYTHONPATH=str(tmp_path))

    assert {"name": "theirs", "summary": "plug-in theirs.found:Detector"} in json.loads(listed.stdout)
    # The detector is known: what is refused is the other key.
    assert refused.stderr.startswith("stocktwin: world.days=0")


def test_a_reader_that_goes_away_is_no_error(root: Path) -> None:
    piped = f"{sys.executable} -m scenarios.cli list | head -1"
    shown = subprocess.run(piped, shell=True, cwd=root, capture_output=True, text=True, check=True)
    assert (shown.stdout, shown.stderr) == ("scenarios\n", "")


def test_a_run_says_what_it_does_not_reach(command: Command, tmp_path: Path) -> None:
    words = ("scenario=erp_cutover", "world.days=3", "world.stores=2", "world.items=20", "oracle=false",
             "middleware.legacy_share=0", "faults.exclude=[17,5]")
    done = command("run", *words, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "does not reach" in line]
    assert len(told) == 1
    assert told[0].startswith("stocktwin: a run of 3 days does not reach ")
    assert "middleware.canonical_from_day=18" in told[0]
    rest = [line for line in done.stderr.splitlines() if line.startswith("stocktwin:") and line not in told]
    assert rest == [
        "stocktwin: faults that can strike nothing in this world: batch_failure (middleware.legacy_share=0)",
        "stocktwin: faults.exclude: struck nowhere in this run: 5, 17",
    ]


def test_a_run_prints_its_scorecard_and_the_page(command: Command, tmp_path: Path) -> None:
    words = ("world.stores=3", "world.items=40", "world.days=5", "seed=3")
    done = command("run", *words, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    page = Path(done.stdout.splitlines()[-1])
    assert page.name == "report.html"
    assert (tmp_path / page).is_file()
    assert page.parts[:2] == ("outputs", "quickstart")
    assert "recovery of reachable" in done.stdout
    checked = command("verify", str(page.parent), cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    again = command("run", *words, cwd=tmp_path)
    assert again.returncode == 2
    assert "overwrite=true" in again.stderr
    written = command("report", str(page.parent), cwd=tmp_path)
    assert (written.returncode, written.stdout.splitlines()[-1]) == (0, str(page))
    assert "Realism: " in written.stdout
    assert command("verify", str(page.parent), cwd=tmp_path).returncode == 0
