"""Kills trials, agents, nodes and drivers of one small sweep on a Ray cluster, and compares its end with a quiet one.

    python benchmarks/cluster_kills.py [--kills 20] [--trials 60] [--sampler grid|tpe] [--pruner asha] [--seed 0]

The quiet sweep runs with `executor=processes`, the other one with `executor=ray` on simulated nodes: Ray's test
cluster, of which every node has processes and a temporary folder of its own. Every few seconds one of these is ended
by SIGKILL, until each kind has had its number:

    trial    a process that trains
    agent    the actor of a node, with its forkserver and trials
    node     one of Ray's nodes (not the head); a new one joins
    driver   the sweep's command; the same line is typed again

10 seconds after a driver was killed nothing of it runs; finished trials keep their measured seconds to the end (so
none was lost or trained twice). At the end: the same leaderboard except for times and run ids, one live MLflow run per
trial, none of them running, each epoch recorded once, and no process on a node. Exit status 1 if one of these fails.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import kills
from ray_nodes import SimulatedNodes, simulated_nodes

KINDS = ("trial", "agent", "node", "driver")
_ALIVE_S = 10.0  # seconds after which nothing of a killed driver may run


def line(options: argparse.Namespace) -> list[str]:
    """The sweep: small networks, and where no sampler chooses them, as many seeds of the same four as are needed."""
    words = kills.line(options)
    if options.sampler == "grid":
        return ["arch.depth=1,2", f"seed=range(0,{options.trials // 4})", *words[1:]]
    return words


def processes_on(nodes: SimulatedNodes) -> dict[int, tuple[str, int]]:
    """Agents, forkservers and trials of all nodes: of each process what it is, and its parent."""
    marks = [f"TMPDIR={folder}\0".encode() for folder in nodes.folders]
    found: dict[int, tuple[str, int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            environment = (process / "environ").read_bytes() + b"\0"
            command = (process / "cmdline").read_bytes()
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
            what = "agent" if b"ray::Agent" in command else "forked" if b"forkserver" in command else ""
            if what and state != "Z" and any(mark in environment for mark in marks):
                found[int(process.name)] = (what, int(parent))
    return found


def killed(kind: str, nodes: SimulatedNodes, driver: subprocess.Popen[str], chance: random.Random) -> bool:
    """Ends one of that kind; returns whether there was any."""
    if kind == "driver":
        driver.kill()
        return True
    if kind == "node":
        others = sorted(nodes.cluster.worker_nodes, key=lambda node: str(node.unique_id))
        nodes.cluster.remove_node(chance.choice(others), allow_graceful=False)
        nodes.add()
        return True
    found = processes_on(nodes)
    if kind == "agent":
        chosen = [pid for pid, (what, _) in found.items() if what == "agent"]
    else:  # a trial's parent is a forkserver
        chosen = [pid for pid, (what, parent) in found.items() if what == "forked" and parent in found]
        chosen = [pid for pid in chosen if found[found[pid][1]][0] == "forked"]
    if not chosen:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(chance.choice(sorted(chosen)), signal.SIGKILL)
    return True


def left_of(driver: int, nodes: SimulatedNodes) -> list[int]:
    """Processes of a driver that has ended, and on the nodes, that are alive `_ALIVE_S` later."""
    deadline = time.monotonic() + _ALIVE_S
    while left := [*kills.living(driver), *processes_on(nodes)]:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.2)
    return []


def said(driver: subprocess.Popen[str], longest_s: float | None) -> str | None:
    """What a driver has printed, if it ends within so many seconds."""
    try:
        return driver.communicate(timeout=longest_s)[0]
    except subprocess.TimeoutExpired:
        return None


def disturb(folder: Path, words: list[str], nodes: SimulatedNodes, options: argparse.Namespace) -> list[str]:
    """Kills until each kind has had its number or the sweep is done, then lets it end. Returns what went wrong."""
    chance = random.Random(options.seed)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    known: dict[int, float] = {}
    driver = kills.start(folder, words)
    while True:
        left = [kind for kind in KINDS if counts[kind] < options.kills]
        output = said(driver, chance.uniform(options.shortest, options.longest) if left else None)
        if output is not None and driver.returncode == 0:
            break
        if output is not None:
            print(f"the driver gave up, and the line is typed again:\n{output[-1500:]}", flush=True)
            counts["gave up"] += 1
            if not left:
                faults.append(f"the last start ended with {driver.returncode}")
                break
            driver = kills.start(folder, words)
            continue
        kind = chance.choice(left)
        counts[kind] += killed(kind, nodes, driver, chance)
        print(f"{dict(counts)}: {len(known)} trials were finished at the last look", flush=True)
        if kind == "driver":
            driver.communicate()
            if alive := left_of(driver.pid, nodes):
                faults.append(f"driver {counts[kind]}: processes {alive} are alive {_ALIVE_S:g} s later")
            faults += compared(folder, known)
            driver = kills.start(folder, words)
    faults += compared(folder, known)
    if alive := left_of(driver.pid, nodes):
        faults.append(f"at the end processes {alive} are alive")
    numbers = ", ".join(f"{counts[kind]} {kind}s" for kind in KINDS)
    print(f"killed: {numbers}; {len(known)} trials finished; the driver gave up {counts['gave up']} times")
    return faults


def compared(folder: Path, known: dict[int, float]) -> list[str]:
    """Trials that were finished before and are not as they were; `known` then has those that are finished now."""
    now = kills.finished(folder)
    faults = [f"trial {trial} was lost or run again" for trial, seconds in known.items() if now.get(trial) != seconds]
    known.update(now)
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--sampler", choices=("grid", "tpe"), default="grid")
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shortest", type=float, default=2.0, help="seconds between two kills, at least")
    parser.add_argument("--longest", type=float, default=8.0, help="and at most")
    parser.add_argument("--folder", help="keep the disturbed sweep there")
    options = parser.parse_args()
    options.checkpoint = options.kill_trials = True
    words = line(options)
    with contextlib.ExitStack() as stack:
        undisturbed = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        disturbed = Path(options.folder or stack.enter_context(tempfile.TemporaryDirectory()))
        disturbed.mkdir(exist_ok=True)
        quiet = kills.start(undisturbed, words)
        output, _ = quiet.communicate()
        if quiet.returncode != 0:
            sys.exit(output)
        nodes = stack.enter_context(simulated_nodes(3))
        on_ray = [*words, "executor=ray", f"executor.address={nodes.address}", "executor.lost_after_s=5"]
        faults = disturb(disturbed, on_ray, nodes, options)
        faults += kills.epochs_recorded_wrongly(disturbed, options.epochs)
        faults += kills.differences(undisturbed, disturbed)
    print("\n".join(faults) or "nothing lost, nothing trained twice, the same leaderboard, no process left")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
