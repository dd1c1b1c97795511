"""What a detector of somebody else's may open: its own code and the machine's, and never a folder of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detection import reach, sandbox
from detection.reach import DEVICES, Reach

pytestmark = pytest.mark.skipif(not sandbox.version(), reason="this kernel has no Landlock")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's project on the search path, with runs in it, one of them inside a folder of code."""
    for name in ("mine.py", "data/weights.txt", "pack/__init__.py", "pack/part.py", "pack/runs/late/note.txt",
                 "outputs/a/truth/exceptions.parquet", "pack/runs/b/truth/faults.parquet", "outputs/readme.txt",
                 ".c.staging/events.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(code: str, tmp: Path, hidden: tuple[str, ...] = ()) -> str:
    """What a piece of Python prints in the place of a detector."""
    work, links = tmp / "work", tmp / "links"
    for folder in (work, links):
        folder.mkdir(parents=True)
    read, path = Reach(hidden).of_class("mine:Detector", links)
    command = sandbox.wrapped([sys.executable, "-c", code], read, [str(work)], DEVICES)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


_TRY = """
import json
told = {{}}
for name in {names!r}:
    try:
        open(name).close()
        told[name] = "open"
    except PermissionError:
        told[name] = "closed"
print(json.dumps(told))
"""


def opened(names: list[str], project: Path, tmp: Path, hidden: tuple[str, ...] = ()) -> dict[str, str]:
    paths = [f"{project}/{name}" for name in names]
    told = json.loads(held(_TRY.format(names=paths), tmp, hidden))
    return {name: told[path] for name, path in zip(names, paths, strict=True)}


def test_a_project_is_open_but_for_the_runs_in_it(project: Path, tmp_path_factory: pytest.TempPathFactory):
    names = ["mine.py", "data/weights.txt", "pack/part.py", "pack/runs/late/note.txt", "outputs/readme.txt"]
    runs = ["outputs/a/truth/exceptions.parquet", "pack/runs/b/truth/faults.parquet", ".c.staging/events.parquet"]
    told = opened([*names, *runs], project, tmp_path_factory.mktemp("held"))
    assert told == dict.fromkeys(names, "open") | dict.fromkeys(runs, "closed")


def test_what_is_hidden_by_name_is_closed_and_the_detector_in_it_is_not(project: Path, tmp_path_factory):
    told = opened(["mine.py", "data/weights.txt"], project, tmp_path_factory.mktemp("a"), (str(project / "data"),))
    assert told == {"mine.py": "open", "data/weights.txt": "closed"}
    told = opened(["mine.py", "data/weights.txt"], project, tmp_path_factory.mktemp("b"), (str(project),))
    assert told == {"mine.py": "open", "data/weights.txt": "closed"}


def test_what_is_made_later_beside_the_code_is_closed(project: Path, tmp_path_factory: pytest.TempPathFactory):
    tmp = tmp_path_factory.mktemp("held")
    (tmp / "work").mkdir()
    (tmp / "links").mkdir()
    read, _ = Reach().of_class("mine:Detector", tmp / "links")
    (project / "later").write_text("", encoding="utf-8")
    command = sandbox.wrapped(["cat", str(project / "later")], read, [], DEVICES)
    assert b"Permission denied" in subprocess.run(command, capture_output=True, check=False).stderr


@pytest.mark.usefixtures("project")
def test_code_beside_a_run_is_imported_as_ever(tmp_path_factory: pytest.TempPathFactory):
    code = "import mine, pack.part, numpy, sqlite3, ssl; print(pack.part.__name__, numpy.ones(2).sum())"
    assert held(code, tmp_path_factory.mktemp("held")) == "pack.part 2.0"


def test_it_writes_to_its_own_folder_alone(project: Path, tmp_path_factory: pytest.TempPathFactory):
    code = f"""
import os, tempfile
open("mine", "w").write("x"); os.rename("mine", "other"); os.truncate("other", 0); os.mkdir("in")
open("/dev/null", "w").write("x")
for act in (lambda: open({str(project)!r} + "/new", "w"), lambda: open({str(project / "mine.py")!r}, "a"),
            lambda: os.unlink({str(project / "mine.py")!r}), lambda: os.truncate({str(project / "mine.py")!r}, 0),
            lambda: os.mknod("disk", 0o060600, 1)):
    try:
        act()
    except PermissionError:
        continue
    raise SystemExit("it may")
print(sorted(os.listdir()))
"""
    assert held(code, tmp_path_factory.mktemp("held")) == "['in', 'other']"


@pytest.mark.usefixtures("project")
def test_it_can_neither_see_into_another_process_nor_end_it(tmp_path_factory: pytest.TempPathFactory):
    if sandbox.version() < 6:
        pytest.skip("signals are held from the sixth version on")
    code = f"""
import os
for act in (lambda: os.kill({os.getpid()}, 0), lambda: open("/proc/{os.getpid()}/mem", "rb"),
            lambda: os.readlink("/proc/{os.getpid()}/cwd"), lambda: os.readlink("/proc/{os.getpid()}/fd/0"),
            lambda: open("/proc/{os.getpid()}/environ").read()):
    try:
        act()
    except PermissionError:
        continue
    raise SystemExit("it may")
print(len(open("/proc/self/maps").read()) > 0)
"""
    assert held(code, tmp_path_factory.mktemp("held")) == "True"


def test_a_command_has_its_project_and_no_run_in_it(project: Path):
    (project / "bin").mkdir()
    (project / "package.json").write_text("{}", encoding="utf-8")
    (project / "bin" / "mine.sh").write_text("cat data/weights.txt", encoding="utf-8")
    read = Reach().of_command(["sh", str(project / "bin" / "mine.sh")])
    tables = [str(path) for path in project.rglob("*.parquet")]
    assert len(tables) == 3
    for name in ("data/weights.txt", "bin/mine.sh", "package.json"):
        assert any(f"{project / name}".startswith(one) for one in read), name
    assert not [(one, table) for one in read for table in tables if table.startswith(one)]


def test_a_command_below_a_folder_with_a_blank_in_its_name_runs(tmp_path: Path):
    script = tmp_path / "my project, v=2" / "say.sh"
    script.parent.mkdir()
    script.write_text("echo said", encoding="utf-8")
    words = ["sh", str(script)]
    command = sandbox.wrapped(words, Reach().of_command(words), [], DEVICES)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "said\n", done.stderr


def test_what_is_too_much_to_look_through_stays_closed(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reach, "FOLDERS_MAX", 1)
    read = Reach().of_command(["sh", str(project / "mine.py")])
    assert str(project / "mine.py") in read
    assert not [one for one in read if one.startswith(str(project / "pack"))]
