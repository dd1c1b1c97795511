"""Suites: what the words and files mean, and what is refused before anything is done."""

import hashlib

import pytest
import yaml

from scenarios.assumptions import assumptions
from scenarios.bench.plan import lay_out
from scenarios.bench.request import read
from scenarios.bench.suite import Seeds, commitment, crossed
from scenarios.errors import UserError
from scenarios.groups import content, options
from scenarios.measures.ranking import BASELINES
from sim.config import Config

TINY = {
    "mode": "shadow", "scenarios": {"base": ["world.stores=2", "world.items=20", "world.days=3"]},
    "entrants": {"never": ["detector=never"]}, "seeds": {"test": [1, 2]},
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    def write(**changes):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False))
        return f"suite={path}"

    return write


def test_axes_are_crossed_with_what_is_named():
    made = crossed({"a": ["x=1"], "b": []}, {"policy": ["manual", "predictive"], "people.dc": [1, 2]})
    crosses = [f"policy={p} people.dc={s}" for p in ("manual", "predictive") for s in (1, 2)]
    assert list(made) == [f"{name} {cross}" for name in "ab" for cross in crosses]
    assert made["a policy=manual people.dc=2"] == ["x=1", "policy=manual", "people.dc=2"]
    assert crossed({}, {"oracle": [True, None]}) == {"oracle=true": ["oracle=true"], "oracle=null": ["oracle=null"]}


def test_a_suite_of_policies_needs_no_code(file):
    suite = read([file(mode="loop", entrants={}, axes={"policy": ["manual", "visibility"], "people.dc": [1, 2]})]).suite
    groups = lay_out(suite)
    assert [task.entrant for task in groups[0].tasks] == [
        f"policy={p} people.dc={s}" for p in ("manual", "visibility") for s in (1, 2)
    ]
    assert [task.experiment.policy.name for task in groups[0].tasks] == ["manual", "manual", "visibility", "visibility"]
    assert {len(group.tasks) for group in groups} == {4}


def test_an_assumption_is_moved_to_its_low_and_its_high_one_at_a_time(file):
    key = "finance.payment_days"
    declared = {one.key: one for one in assumptions()}[key]
    suite = read([file(moved=[key])]).suite
    assert suite.origin == {f"base {key}={value}": "base" for value in (declared.low, declared.high)}
    groups = lay_out(suite)
    assert [group.scenario for group in groups if group.seed == 1] == ["base", *suite.origin]
    days = [group.experiment.finance.payment_days for group in groups if group.seed == 1]
    assert days == [Config().finance.payment_days, declared.low, declared.high]
    # What is said for all trials stays as it was said, and a value that a scenario has anyway is not tried again.
    assert not read([file(moved=[key]), f"{key}=40"]).suite.origin
    at_low = read([file(moved=[key], scenarios={"low": [f"{key}={declared.low}"]})]).suite
    assert list(at_low.origin) == [f"low {key}={declared.high}"]


def test_words_of_the_command_win_over_the_file_and_reach_every_trial(file):
    request = read([file(), "seeds.test=[7]", "limits.seconds=5", "entrants.also=[detector=always]", "world.items=30",
                    "workers=3", "out=there"])
    assert (request.suite.seeds.test, request.suite.limits.seconds, request.workers) == ([7], 5.0, 3)
    assert str(request.out) == "there"
    (group,) = lay_out(request.suite)
    assert [task.entrant for task in group.tasks] == ["never", "also"]
    assert all(task.experiment.world.items == 30 for task in group.tasks)


def test_what_is_composed_once_is_what_would_be_composed_each_time(file):
    scenarios = {"a": ["world.stores=2", "world.days=3"], "b": ["scenario=calm", "world.stores=3", "world.days=4"]}
    entrants = {"x": ["detector=silence", "detector.loss_floor=5"], "y": ["detector=never", "policy=visibility"]}
    from scenarios.compose import compose

    for group in lay_out(read([file(scenarios=scenarios, entrants=entrants)]).suite):
        for task in group.tasks:
            alone = compose([*scenarios[group.scenario], f"seed={group.seed}", "oracle=false", "record=full",
                             *entrants[task.entrant]])
            assert task.experiment.detector == alone.detector
            assert task.experiment.policy == alone.policy
            assert task.experiment.world == alone.world


def test_a_key_changes_with_all_that_changes_a_result_and_with_nothing_else(file):
    def keys(*words):
        return [task.key for group in lay_out(read([file(), *words]).suite) for task in group.tasks]

    base = keys()
    assert len(set(base)) == len(base)
    assert keys("workers=7", "out=elsewhere", "engine=loky", "overwrite=true") == base
    for word in ("world.items=21", "limits.seconds=9", "detector.grace_minutes=16", "faults.scale=2"):
        assert not set(keys(word)) & set(base)
    # One more seed or entrant is no reason to do the others again.
    assert set(base) < set(keys("seeds.test=[1,2,3]", "entrants.also=[detector=always]"))


def test_a_key_changes_with_the_files_that_a_command_names(file, tmp_path):
    script = tmp_path / "my detector.sh"
    script.write_text("cat\n")
    suite = file(entrants={"mine": [f"detector.command=\"sh '{script}'\""], "never": ["detector=never"]})

    def keys():
        return {task.entrant: task.key for task in lay_out(read([suite, "seeds.test=[1]"]).suite)[0].tasks}

    before = keys()
    script.write_text("cat -\n")
    after = keys()
    assert before["mine"] != after["mine"]
    assert before["never"] == after["never"]


def test_a_role_goes_by_the_words_of_an_entrant(file):
    entrants = {"mine": ["oracle=true"], "random": ["detector=book"], "chance": ["detector=random"],
                "oracle": ["detector.plugin=tests.detection.hostile:Raises"],
                "plugged": ["detector=never", "detector.plugin=tests.detection.hostile:Raises"]}
    (group,) = lay_out(read([file(entrants=entrants, seeds={"test": [1]})]).suite)
    roles = {task.entrant: task.role for task in group.tasks}
    assert roles == {"mine": "oracle", "random": "entrant", "chance": "baseline", "oracle": "entrant",
                     "plugged": "entrant"}
    # In whole runs it is one more arm, beside which every entrant is told.
    policies = {"manual": ["policy=manual"], "oracle": ["policy=predictive"], "never": ["detector=never"]}
    request = read([file(mode="loop", common=["oracle=true"], entrants=policies, seeds={"test": [1]})])
    assert [task.role for task in lay_out(request.suite)[0].tasks] == ["entrant", "entrant", "baseline"]


def test_a_commitment_holds_whoever_publishes_to_the_seeds(file):
    digest = hashlib.sha256(b"[11,12]").hexdigest()
    assert commitment(Seeds(test=[11, 12])) == digest
    committed = file(seeds={"dev": [1], "test": [], "test_sha256": digest})
    assert read([committed, "seeds.test=[11,12]"]).suite.seeds.test == [11, 12]
    with pytest.raises(UserError, match=r"seeds\.test"):
        read([committed, "seeds.test=[11,13]"])
    # With a salt nobody finds the seeds by trying small numbers, and whoever has both can check them.
    salted = hashlib.sha256(b'["a long text",[11,12]]').hexdigest()
    committed = file(seeds={"dev": [1], "test": [], "test_sha256": salted, "salt": "a long text"})
    assert read([committed, "seeds.test=[11,12]"]).suite.seeds.salt == "a long text"
    with pytest.raises(UserError, match=r"seeds\.test: are not those committed to"):
        read([committed, "seeds.test=[11,12]", "seeds.salt=another"])


@pytest.mark.parametrize(("words", "named"), [
    (["suite=smok"], "did you mean 'smoke'"),
    (["suite=policies", "against=policy=manul"], "against=policy=manul"),
    (["suite=smoke", "against=never"], "mode=loop"),
    (["suite=sensitivity", "moved=[peple.*]"], "moved=peple.*"),
    (["suite=nowhere.yaml"], "nowhere.yaml"),
    (["engine=cloud"], "engine=cloud"),
    (["workers=0"], "workers=0"),
    (["workers=two"], "workers=two"),
    (["seeds.test=[-1]"], "seeds.test: -1: must be from 0 to"),
    (["seeds.test=[4503599627370496]"], "seeds.test: 4503599627370496"),
    (["seeds.dev=[a]"], "seeds.dev"),
    (["overwrite=yes"], "overwrite=yes"),
    (["mode=both"], "mode=both"),
    (["seeds.test=[101]"], "seeds: 101"),
    (["scored=[nobody]"], "scored=nobody"),
    (["seeds.dev=[]"], "seeds.dev"),
    (["measures=[speed]"], "measures=speed"),
    (["limits.seconds=-1"], "limits"),
    (["limits.seconds=soon"], "limits.seconds"),
    (["budget=many"], "budget"),
    (["--help-me"], "--help-me"),
    (["engine.address=tcp://x:1"], "engine.address"),
])  # fmt: skip
def test_a_mistake_names_its_key(words, named):
    with pytest.raises(UserError, match=named.replace("[", r"\[")):
        read(words)


@pytest.mark.parametrize(("words", "named"), [
    (["entrants.x=[detector=nevr]"], r"entrants\.x: detector=nevr"),
    (["entrants.x=[world.items=9]"], r"entrants\.x: sets world"),
    (["entrants.x=[seed=3]"], r"entrants\.x: seed"),
    (["scenarios.x=[record=summary]"], r"scenarios\.x: record"),
    (["replications=3"], r"common: replications"),
    (["world.itmes=9"], r"world\.itmes"),
])  # fmt: skip
def test_a_word_that_no_trial_can_be_made_of_names_its_place(words, named):
    with pytest.raises(UserError, match=named):
        lay_out(read(["suite=smoke", *words]).suite)


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.campaign) if name == "full" else name
    for name in options("suite") if content("suite", name).get("mode") != "audit"
])
def test_every_suite_says_something_of_itself_and_can_be_laid_out(name):
    few = ["moved=[finance.p*]"] if content("suite", name).get("moved") else []
    suite = read([f"suite={name}", "seeds.dev=[1]", "seeds.validation=[]", "seeds.test=[2]", *few]).suite
    groups = lay_out(suite)
    assert len(groups) == 2 * len(suite.scenarios)
    if suite.mode == "shadow":
        # No result stands without what knows nothing and what knows all.
        tasks = groups[0].tasks
        assert {task.experiment.detector.name for task in tasks if task.role == "baseline"} == set(BASELINES)
        assert [task.entrant for task in tasks if task.role == "oracle"] == ["oracle"]
    assert not set(read([f"suite={name}"]).suite.seeds.test) & set(read([f"suite={name}"]).suite.seeds.dev)
