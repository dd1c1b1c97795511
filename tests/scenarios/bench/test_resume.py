"""What a call may go on with: refused calls change nothing, what changed is done again, nobody pays for us."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from scenarios.bench.campaign import carry_out, kept
from scenarios.bench.plan import lay_out, program_digest
from scenarios.bench.request import read
from scenarios.bench.resume import check, forget_lost, put_aside_changed
from scenarios.bench.store import opened
from scenarios.bench.suite import TrialLimits
from scenarios.bench.work import Order, work
from scenarios.child import LOST
from scenarios.errors import UserError
from scenarios.measures.trials import read_trials
from tests.scenarios.trials import trial

TINY = {
    "mode": "shadow", "common": ["world.stores=2", "world.items=20", "world.suppliers=4"],
    "scenarios": {"base": ["world.days=2"]},
    "entrants": {"never": ["detector=never"], "book": ["detector=book"]},
    "seeds": {"dev": [9], "test": [1, 2]},
}  # fmt: skip


def request_of(out: Path, *words: str, **changes: object):
    """The command on a small suite."""
    file = out.parent / "tiny.yaml"
    file.write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False))
    return read([f"suite={file}", f"out={out}", "workers=1", *words])


def finish(out: Path, request, splits=("dev", "test")) -> None:
    """A folder as a finished benchmark leaves it, with made-up trials."""
    groups = lay_out(request.suite)
    with opened(out, overwrite=False) as store:
        store.write("suite.json", kept(request.suite, groups))
        store.write("seeds.json", {"test_sha256": "committed"})
        for task in (task for group in groups if group.split in splits for task in group.tasks):
            one = trial(task.entrant, task.seed, 0.5, task.scenario, task.split)
            store.put("trials", task.key, one.to_json(), seconds=1.0, status="ok")


def content(out: Path) -> dict[str, bytes]:
    """Every file of a folder but its lock."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*")
            if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize(("words", "named"), [
    (["seeds.test=[1,2,3]"], "seeds.test: .* 4 trials on the test seeds that were committed to"),
    (["seeds.test=[1]"], "seeds.test: "),
    (["seeds.test=[2,1]"], "seeds.test: "),
    (["seeds.salt=later"], "seeds.test: "),
    (["world.items=21"], "6 trials of other words for every trial"),
    (["limits.seconds=7"], "6 trials of other limits"),
    (["scenarios.base=[world.days=3]"], "6 trials of another scenario base"),
    (["entrants={never: [detector=never]}"], "3 trials of an entrant, scenario or seed that is not asked for"),
    (["scenarios.calm=[scenario=calm,world.days=2]"], "scenarios: .* 4 trials on the test seeds"),
    (["budget=0.1"], "budget: "),
    (["seeds.dev=[9,10]"], "seeds.dev: "),
    (["seeds.dev=[]"], "2 trials of an entrant, scenario or seed that is not asked for"),
])  # fmt: skip
def test_a_refused_call_says_why_in_one_line_and_changes_nothing(tmp_path, words, named):
    out = tmp_path / "out"
    finish(out, request_of(out))
    before = content(out)
    with pytest.raises(UserError, match=named) as told:
        carry_out(request_of(out, *words))
    assert "\n" not in str(told.value)
    assert "overwrite=true" in str(told.value)
    assert content(out) == before


def test_another_program_and_a_folder_that_says_nothing_of_its_suite_are_refused(tmp_path):
    out = tmp_path / "out"
    finish(out, request_of(out))
    asked = (out / "suite.json").read_text()
    (out / "suite.json").write_text(asked.replace(program_digest(), "0" * 64))
    with pytest.raises(UserError, match="6 trials of another version of the program; overwrite=true"):
        carry_out(request_of(out))
    (out / "suite.json").unlink()
    with pytest.raises(UserError, match="overwrite=true"):
        carry_out(request_of(out))


def test_what_entrants_are_judged_by_may_be_chosen_until_a_test_seed_was_tried_and_entrants_join_at_any_time(tmp_path):
    out = tmp_path / "out"
    finish(out, request_of(out), splits=("dev",))
    for words in (["seeds.test=[3,4,5]"], ["entrants.also=[detector=always]"], ["seeds.dev=[9,10]"],
                  ["scenarios.calm=[scenario=calm,world.days=2]"], ["budget=0.1"]):
        request = request_of(out, *words)
        with opened(out, overwrite=False) as store:
            groups = lay_out(request.suite)
            check(store, kept(request.suite, groups), groups)
    finish(out, request_of(out))
    request = request_of(out, "entrants.also=[detector=always]")
    with opened(out, overwrite=False) as store:
        groups = lay_out(request.suite)
        check(store, kept(request.suite, groups), groups)


def test_an_entrant_whose_file_was_edited_is_done_again_and_no_other(tmp_path):
    out, script = tmp_path / "out", tmp_path / "mine.sh"
    script.write_text("cat\n")
    entrants = {**TINY["entrants"], "mine": [f"detector.command=sh {script}"]}
    finish(out, request_of(out, entrants=entrants))
    script.write_text("cat -\n")
    request = request_of(out, "entrants.book=[detector=silence]", entrants=entrants)
    groups = lay_out(request.suite)
    with opened(out, overwrite=False) as store:
        check(store, kept(request.suite, groups), groups)
        put_aside_changed(store, groups)
        wanted = {task.key: task.entrant for group in groups for task in group.tasks}
        left = [entrant for key, entrant in wanted.items() if not store.has("trials", key)]
    assert sorted(left) == ["book"] * 3 + ["mine"] * 3
    assert {one.entrant for one in read_trials(out)} == {"never"}
    # What was reached before is put aside and not away.
    assert len(list((out / "superseded").glob("trials-*.json"))) == 6


def test_what_broke_off_with_its_watcher_is_tried_again_and_other_failures_stay(tmp_path):
    out = tmp_path / "out"
    with opened(out, overwrite=False) as store:
        for key, status, message in (
            ("a", "killed", LOST), ("b", "killed", f"the recording: {LOST}"), ("c", "killed", "killed by signal 9"),
            ("d", "ok", ""),
        ):
            one = trial("never", 1, 0.0, status=status, message=message)
            store.put("trials", key, one.to_json(), seconds=1.0, status=status)
        store.put("recordings", "r", f'{{"status":"killed","message":"{LOST}"}}', seconds=1.0, status="killed")
        store.put("curves", "k", f'{{"status":"killed","message":"{LOST}"}}', seconds=1.0, status="killed")
        forget_lost(store)
        assert store.keys("trials") == {"c", "d"}
        assert not store.keys("recordings") | store.keys("curves")

def _nurseries() -> list[int]:
    """Processes below this one that start and watch the children of trials."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"scenarios.nursery" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def test_a_trial_whose_watcher_is_killed_is_done_by_another_and_nobody_is_charged(tmp_path):
    out, killed, over = tmp_path / "out", [], threading.Event()
    request = request_of(out, seeds={"test": [1]}, entrants={"never": ["detector=never"]})

    def strike() -> None:
        while not over.wait(0.02) and not killed:
            if list((out / "logs").glob("*.job")):
                for nursery in _nurseries():
                    os.kill(nursery, signal.SIGKILL)
                    killed.append(nursery)

    thread = threading.Thread(target=strike, daemon=True)
    (group,) = lay_out(request.suite)
    with opened(out, overwrite=False) as store:
        thread.start()
        until = time.monotonic() + 240
        done = work(Order(group, store, TrialLimits(seconds=120)))
        over.set()
        thread.join(max(0.0, until - time.monotonic()))
    assert killed
    assert done == 1
    (one,) = read_trials(out)
    assert (one.status, one.message) == ("ok", "")
