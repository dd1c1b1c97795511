"""Detectors that the user brings: whether they are there and sound, before a long run finds that they are not.

A class is looked for in another process: what it does when it is imported, it must not do in this one. A
file is read whole, since only here the names of all regions are known.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from detection.classifiers import model
from detection.detectors.files import KINDS, FileError, Names, read
from detection.detectors.piped import environment_in
from detection.reach import DEVICES, Reach
from detection.registry import PARAMETERS, is_built_in
from detection.sandbox import wrapped
from scenarios.errors import UserError, choices
from scenarios.operator_spec import detector_of
from scenarios.schema import Classifier, Detector, Experiment
from scenarios.windows import locations
from sim.clock import DAY, parse_date

#: Names of detectors that stand for one of the user's own.
OF_USERS = frozenset({"command", "supplied"})
#: What importing a class may take, seconds.
_PATIENCE = 120.0
_LOOK = """
import importlib, sys
module, _, name = sys.argv[1].partition(":")
getattr(importlib.import_module(module), name)
"""


def check_outside(experiment: Experiment, days: int) -> None:
    """Refuse a detector, or a file of the classifier, of the user's own that cannot be used.

    Args:
        experiment: sound in every single number.
        days: length of the run.

    Raises:
        UserError: naming the key, or the file with its row and column.
    """
    _check_classifier(experiment.classifier)
    detector = experiment.detector
    if detector.command is not None:
        _check_command(detector.command)
    if detector.plugin is not None and detector.command is not None:
        raise UserError(f"detector.command={detector.command}: detector.plugin is set too; choose one of them")
    for name in detector.name.split("+"):
        if name in KINDS and detector.file is None and detector_of(experiment) == detector.name:
            raise UserError(f"detector={name}: needs a file: set detector.file to a path ending in .csv or .parquet")
    if detector.name == "command" and detector.command is None and detector.plugin is None:
        raise UserError('detector=command: needs a command: set detector.command, like detector.command="node my.mjs"')
    if detector.file is not None:
        _check_file(experiment, days)
    _check_model(detector, detector_of(experiment).split("+"))
    _check_parameters(detector, detector_of(experiment).split("+"))
    if detector.threshold is not None and detector_of(experiment) != "scores":
        raise UserError(f"detector.threshold={detector.threshold:g}: only detector=scores has a threshold")


def _check_parameters(detector: Detector, names: Sequence[str]) -> None:
    """Refuse a number that none of our detectors reads; what those of the user's own read, nobody knows.

    Raises:
        UserError: naming it, with the nearest.
    """
    if not all(is_built_in("detector", name) and name not in OF_USERS for name in names):
        return
    for name in detector.parameters:
        if name not in PARAMETERS:
            raise UserError(f"detector.parameters.{name}: no detector of ours reads it; {choices(PARAMETERS, name)}")


def _check_classifier(classifier: Classifier) -> None:
    """Refuse a file of the classifier that cannot be used.

    Raises:
        UserError: naming the key and what is wrong with the file.
    """
    if classifier.file is None:
        return
    if classifier.name != "fitted":
        raise UserError(f"classifier.file={classifier.file}: only classifier=fitted reads a file")
    try:
        model.read(classifier.file)
    except model.ModelFileError as error:
        raise UserError(f"classifier.file={classifier.file}: {error}") from error


def check_class(key: str, plugin: str) -> None:
    """Refuse a class that is not there.

    Raises:
        UserError: naming ``key``.
    """
    module, _, name = plugin.partition(":")
    if not (module and name and _can_import(plugin)):
        raise UserError(f"{key}={plugin}: no such class; valid: package.module:Class of an installed package")


@cache
def _can_import(plugin: str) -> bool:
    """Whether another process can import a class; only what it says by its exit code is believed.

    What runs when it is imported is the detector's code already, so it is held as the detector is: it could read the
    truth of earlier runs here, and note it down for later.
    """
    with tempfile.TemporaryDirectory(prefix="detector-", ignore_cleanup_errors=True) as folder:
        work, links = Path(os.path.realpath(folder)) / "work", Path(os.path.realpath(folder)) / "path"
        work.mkdir()
        links.mkdir()
        read, path = Reach().of_class(plugin, links)
        command = wrapped([sys.executable, "-c", _LOOK, plugin], read, [str(work)], DEVICES)
        environment = {**environment_in(work), "PYTHONPATH": os.pathsep.join(path)}
        try:
            done = subprocess.run(
                command, env=environment, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=_PATIENCE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def _check_command(command: str) -> None:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UserError(f"detector.command={command}: {error}") from error
    if not words or shutil.which(words[0]) is None:
        raise UserError(f"detector.command={command}: no such program; valid: words of a command, its program first")


def _check_file(experiment: Experiment, days: int) -> None:
    """The whole file, against the names of the whole chain."""
    world, path = experiment.world, Path(str(experiment.detector.file))
    kind = detector_of(experiment)
    if kind == "boosted":
        _check_table(path)
        return
    if kind not in KINDS:
        raise UserError(f"detector.file={path}: only detector={', '.join(KINDS)} and boosted read a file")
    begins = parse_date(world.start)
    names = Names(
        locations(experiment), {f"I{number:05d}" for number in range(1, world.items + 1)},
        tuple(f"R{number}" for number in range(1, min(world.regions, world.stores) + 1)),
        begins, begins + days * DAY,
    )  # fmt: skip
    try:
        read(path, kind, names)
    except FileError as error:
        raise UserError(f"detector.file: {error}") from error


def _check_table(path: Path) -> None:
    """The cells that ``boosted`` learns from."""
    from detection.detectors.boosted import TableError, read_table

    try:
        read_table(str(path))
    except TableError as error:
        raise UserError(f"detector.file: {error}; valid: a file that stocktwin fit model=boosted wrote") from error


def _check_model(detector: Detector, names: list[str]) -> None:
    """A model of a library: made and fitted once for trial, since it alone knows what it takes."""
    from detection.detectors.libraries import ModelError, half_space_trees, pyod_model, scikit_learn_model, try_out

    makers = {"pyod": pyod_model, "sklearn": scikit_learn_model, "half_space": half_space_trees}
    made_here = [name for name in names if name in makers]
    if detector.model is not None and not {"pyod", "sklearn"} & set(made_here):
        raise UserError(f"detector.model={detector.model}: only detector=pyod and sklearn take one")
    if detector.options and not made_here:
        raise UserError(f"detector.options={detector.options}: only detector=pyod, sklearn and half_space take any")
    if "half_space" in names and find_spec("river") is None:
        raise UserError("detector=half_space: River is not installed: pip install stocktwin[stream]")
    for name in made_here:
        try:
            try_out(makers[name](detector.model or "", detector.options, 0), detector.model or name)
        except ModelError as error:
            raise UserError(f"detector.{error.key}={error}") from error
