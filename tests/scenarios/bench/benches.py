"""What the tests of the benchmark share: a tiny suite, the command on it, and what a folder holds."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from scenarios.measures.trials import read_trials

ROOT = Path(__file__).parents[3]
SUITE = """\
mode: shadow
common: [world.stores=2, world.items=30, world.days=7, world.suppliers=5]
scenarios:
  wild: [faults.scale=4]
  calm: [scenario=calm, world.days=3]
entrants:
  standard: [detector=standard]
  silence: [detector=silence]
  never: [detector=never]
scored: [silence]
budget: 0.3
seeds: {dev: [11], test: [21]}
limits: {seconds: 120, gib: 6}
"""


def start(out, *words, suite=SUITE, mark="", python=sys.executable):
    """The command in a process of its own."""
    file = out.parent / f"{out.name}.yaml"
    file.write_text(suite)
    here = str(Path(__file__).parent)
    # The mark is a folder that is not there: of the environment, a detector's own process keeps the path alone.
    paths = [os.environ.get("PATH", os.defpath), *([f"/{mark}"] if mark else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, str(ROOT)]), "PATH": os.pathsep.join(paths)}
    return subprocess.Popen(
        [python, "-m", "scenarios.cli", "bench", f"suite={file}", f"out={out}", *words],
        cwd=out.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(out, *words, **how):
    """The command to its end; returns what it printed."""
    process = start(out, *words, **how)
    told, _ = process.communicate(timeout=900)
    assert process.returncode == 0, told
    return told


def table(out):
    """The bytes of the leaderboard."""
    return (out / "leaderboard.csv").read_bytes()


def results(out):
    """What is finished: (folder, name) -> when its file was written, which never happens twice."""
    return {(folder, path.name): path.stat().st_mtime_ns for folder in ("trials", "curves")
            for path in (out / folder).glob("*.json") if not path.name.startswith(".")}


def times_done(out):
    """How often each trial and curve was finished."""
    lines = (out / "timings.jsonl").read_text().splitlines() if (out / "timings.jsonl").exists() else []
    rows = [json.loads(line) for line in lines]
    return Counter((row["what"], f"{row['key']}.json") for row in rows if row["what"] in {"trials", "curves"})


def hashes(out):
    """The event hashes of each scenario and seed, over all entrants."""
    found = {}
    for trial in read_trials(out):
        found.setdefault((trial.scenario, trial.seed), set()).add(trial.event_hash)
    return found


def marked(mark):
    """Processes that carry a mark in their environment."""
    alive = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f":/{mark}\0".encode() in (folder / "environ").read_bytes():
                alive.append(int(folder.name))
        except OSError:
            continue
    return alive
