"""How much memory a run needs, and how much there is.

A worker holds one region at a time, so the size of the largest region counts, not that of the
chain. The figure is a rule of thumb, meant to refuse a hopeless run before it begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from scenarios.schema import Experiment

#: Arrays of 4 bytes over all cells of a region that its world and its operator hold together.
ARRAYS_PER_CELL = 40
#: Interpreter, libraries and the buffers of the stream, of one worker.
BASE_BYTES = 300 * 2**20


def estimate_bytes(experiment: Experiment) -> int:
    """Bytes that ``experiment`` needs at its peak, over all workers."""
    world = experiment.world
    regions = min(world.regions, world.stores)
    stores = -(-world.stores // regions)
    # Each region has one distribution centre beside its stores.
    cells = (stores + 1) * world.items
    at_once = min(experiment.workers, regions * experiment.replications)
    return at_once * (cells * ARRAYS_PER_CELL * 4 + BASE_BYTES)


def available_bytes() -> int:
    """Bytes this process may still take: the least of the machine's and the control groups' limits."""
    return min([_machine_bytes(), *_group_bytes()])


def _machine_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 2**63


def _group_bytes() -> list[int]:
    """What is left under each limit of a control group (version 2, then 1) that holds this process."""
    left = []
    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue
        root = Path("/sys/fs/cgroup/memory" if controllers else "/sys/fs/cgroup")
        limit_name, used_name = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        )
        # Inside a container the path may be the host's; the limit then stands at the root. Parents limit too.
        folder = root / path.lstrip("/")
        for place in {root, folder, *[parent for parent in folder.parents if root in parent.parents]}:
            left.extend(_left(place, limit_name, used_name))
    return left


def _left(place: Path, limit_name: str, used_name: str) -> list[int]:
    """Limit less use, without the cached files that the kernel gives back when asked."""
    try:
        limit, used = (int((place / name).read_text(encoding="ascii")) for name in (limit_name, used_name))
        lines = (place / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []  # no such group here, or "max": no limit
    cached = [int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "total_inactive_file "))]
    return [max(0, limit - used + max(cached, default=0))]
