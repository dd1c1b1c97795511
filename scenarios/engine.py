"""What carries out many calls at once: processes of this machine (loky), Dask or Ray, through joblib.

What is computed does not depend on it. Dask and Ray are optional (extras ``dask`` and ``ray``); with an
address they are a cluster of the user's own, whose machines must see the same files, else a small one
is started here and ended again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from scenarios.errors import UserError
from scenarios.schema import Engine

#: What each engine needs to be installed.
_NEEDS = {"dask": "distributed", "ray": "ray"}
#: How long a cluster may take to answer, seconds.
_PATIENCE = "10s"
#: What Dask and Ray raise of an address where nobody answers, or which is none.
_NO_ANSWER = (OSError, ValueError, RuntimeError, ImportError)
#: How often a process looks whether the one that started it is still there, seconds.
_LOOK = 0.5


def check_engine(engine: Engine) -> None:
    """Refuse an engine that is not there.

    Raises:
        UserError: naming the key.
    """
    needed = _NEEDS.get(engine.name)
    if needed is not None and find_spec(needed) is None:
        raise UserError(f"engine={engine.name}: is not installed; pip install 'stocktwin[{engine.name}]'")
    if needed is None and engine.address is not None:
        raise UserError(f"engine.address={engine.address}: engine={engine.name} has none; valid for: dask, ray")


def check_reachable(engine: Engine) -> None:
    """Refuse a cluster of the user's own that does not answer; whoever writes something asks first.

    Raises:
        UserError: naming the key.
    """
    if engine.address is not None:
        with _ready(engine, 1):
            pass


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(
    engine: Engine, workers: int, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]
) -> Iterator[Any]:
    """``function(*call)`` for each call, over workers; results in the order of the calls.

    Args:
        engine: what carries them out.
        workers: at once; 1 stays in this process where the engine is this machine's.
        function: of a module that the workers can import.
        calls: arguments that can be pickled.
    """
    from joblib import Parallel, delayed, parallel_config

    check_engine(engine)
    at_once = min(workers, max(1, len(calls)))
    own = {"initializer": _end_with, "initargs": (os.getpid(),)} if engine.name == "loky" and at_once > 1 else {}
    with _ready(engine, workers), parallel_config(backend=engine.name, n_jobs=at_once, **own):
        # Dask and Ray hand over when all is done; only loky does so call by call.
        how = "generator" if engine.name == "loky" else "list"
        parallel = Parallel(return_as=how, batch_size=1, pre_dispatch="all")
        yield from parallel(delayed(function)(*call) for call in calls)


def _end_with(parent: int) -> None:
    """In a process of loky's: end when the one that started it is gone, however that ended."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _unreachable(engine: Engine, error: Exception) -> UserError:
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return UserError(f"engine.address={engine.address}: no {engine.name} cluster answers there ({said}); valid: the "
                     f"address of one that runs, or none for one of this machine's own")


@contextmanager
def _ready(engine: Engine, workers: int) -> Iterator[None]:
    """The cluster of the engine, connected or started; one that was started is ended."""
    if engine.name == "dask":
        from distributed import Client, LocalCluster

        if engine.address is not None:
            try:
                client = Client(engine.address, timeout=_PATIENCE)
            except _NO_ANSWER as error:
                raise _unreachable(engine, error) from error
            with client:
                yield
            return
        # One thread a worker: the work is Python's. No port is opened to the outside for a page.
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
            yield
    elif engine.name == "ray":
        import ray
        from ray.util.joblib import register_ray

        register_ray()
        if engine.address is not None:
            try:
                ray.init(address=engine.address, log_to_driver=False)
            except _NO_ANSWER as error:
                ray.shutdown()
                raise _unreachable(engine, error) from error
        else:
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
        try:
            yield
        finally:
            ray.shutdown()
    else:
        yield
