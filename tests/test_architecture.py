"""The rules of the sources themselves: who may import whom, and every key of the schema is read by something."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sweeper.config import augment, keys, schema, simulate, sweep, training
from sweeper.config.identity import canonical

ROOT = Path(__file__).resolve().parent.parent
#: The link `sweeper/models` is not followed: those files are listed once, under their place at the top.
SOURCES = sorted([*ROOT.glob("sweeper/**/*.py"), *ROOT.glob("models/*.py")])

#: The packages of `sweeper`, top to bottom: a package imports only from the lines below its own.
FLOORS = """
    api
    __main__
    cli
    replay
    sweep verify
    report executors search
    trial storage preflight
    data space ranking tracking
    artifacts config
    inference host
    metrics
    core
"""
#: `models` stands beside `config`: it builds networks and takes nothing of `sweeper` but errors and imports by name.
MODELS_FLOOR = "config"
MODELS_MAY_IMPORT = {"sweeper.core.errors", "sweeper.core.targets"}

#: Doors: the modules of a package that others may import, beside what its `__init__` names. The rest is private to it.
DOORS = {
    "api": "run sweep",
    "artifacts": "answers damage figures model predictions result versions",
    "cli": "arguments commands errors hydra_sweeper promote",
    "config": "augment groups identity keras_optimizers keras_sources keys keys.folders metrics schema "
    "simulate sweep training trial",
    "core": "datasets errors events looks objectives paths retry secrets sweeps targets test_set text trials",
    "data": "prepare",
    "executors": "",
    "host": "import_path machine process streams",
    "inference": "",
    "metrics": "",
    "preflight": "check count estimate",
    "replay": "draws run settings table",
    "ranking": "case columns configurations epochs findings judge kept leaderboard refit sentences",
    "report": "command_lines event_lines examples export page plots.curves plots.regret plots.search progress "
    "sweep_report tables terminal",
    "search": "grid pruner sampled sampler scheduler staged",
    "space": "composer dimensions intervals kinds nodes parser rules",
    "storage": "catalogue distributions earlier lease locks places server stored_sweep study test_openings",
    "sweep": "driver finish interruption plan reuse.forecast run",
    "tracking": "client credentials logged_model provenance reader recording.queue recording.remote recording.start "
    "registry store tags tracker ui",
    "trial": "run",
    "verify": "run",
}

#: Libraries with one home each: the modules and packages that may import them.
HOMES = {
    "ray": ("sweeper/executors/cluster/",),
    "psycopg": ("sweeper/storage/server.py",),
    "optuna": ("sweeper/storage/", "sweeper/search/", "sweeper/report/plots/"),
    "mlflow": ("sweeper/tracking/", "sweeper/artifacts/model.py"),
    "keras": ("sweeper/trial/", "sweeper/artifacts/model.py", "models/"),
    "tensorflow": ("sweeper/trial/", "sweeper/artifacts/model.py", "models/counting.py"),
    "sklearn": ("sweeper/data/digits.py",),
    "vl_convert": ("sweeper/report/page/vega_bundle.py",),
    "jinja2": ("sweeper/report/page/__init__.py",),
    "PIL": ("sweeper/report/page/mistakes.py", "sweeper/data/folder/pictures.py"),
    "matplotlib": ("sweeper/artifacts/figures.py", "sweeper/report/plots/"),
}


def _imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "sweeper":
                yield from (f"sweeper.{alias.name}" for alias in node.names)


def _floors() -> dict[str, int]:
    """The floor of each package, 0 at the top."""
    floors = {name: floor for floor, line in enumerate(FLOORS.strip().splitlines()) for name in line.split()}
    return floors | {"models": floors[MODELS_FLOOR]}


def _package(module: str) -> str | None:
    """`cli` of `sweeper.cli.sweep`; None of what is not ours."""
    top, *below = module.split(".")
    return below[0] if top == "sweeper" and below else None


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return f"sweeper.{name}" if path.is_relative_to(ROOT / "models") else name


def test_every_package_has_its_floor() -> None:
    found = {path.parent.name for path in ROOT.glob("sweeper/*/__init__.py")}
    assert found <= set(_floors()), f"{sorted(found - set(_floors()))} stand on no floor of FLOORS"


def test_imports_run_downwards() -> None:
    floors, upwards = _floors(), []
    for path in SOURCES:
        own = _package(_module(path))
        for name in _imports(path):
            other = _package(name)
            if own is None or other is None or other == own or (own == "models" and name in MODELS_MAY_IMPORT):
                continue
            if own == "models" or floors[other] <= floors[own]:
                upwards.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not upwards, f"{len(upwards)} imports do not run downwards, the first: {upwards[0]}"


def test_no_import_of_ours_reaches_a_name_that_a_users_folder_may_have() -> None:
    ours = {path.stem for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".py"} - {"sweeper"}
    assert {"models", "conf"} <= ours
    for path in SOURCES:
        taken = {name for name in _imports(path) if name.split(".")[0] in ours}
        assert not taken, f"{path.relative_to(ROOT)} imports {taken}"


def _modules() -> set[str]:
    return {_module(path) for path in SOURCES}


def test_a_package_is_entered_by_its_doors() -> None:
    modules, behind = _modules(), []
    for path in SOURCES:
        own = _package(_module(path))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("sweeper."):
                continue
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                _, package, *inner = (whole if whole in modules else str(node.module)).split(".")
                if package in DOORS and package != own and inner and ".".join(inner) not in DOORS[package].split():
                    behind.append(f"{path.relative_to(ROOT)} imports sweeper.{package}.{'.'.join(inner)}")
    assert not behind, f"{len(behind)} imports pass by the doors of DOORS, the first: {behind[0]}"


def test_every_door_leads_somewhere() -> None:
    modules = _modules()
    doors = [f"sweeper.{package}.{name}" for package, names in DOORS.items() for name in names.split()]
    assert [door for door in doors if door not in modules] == []


def test_each_library_has_one_home() -> None:
    for path in SOURCES:
        for name in _imports(path):
            homes = HOMES.get(name.split(".")[0])
            where = str(path.relative_to(ROOT))
            assert homes is None or where.startswith(homes), f"{where} imports {name}"


def test_no_private_name_crosses_a_module() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sweeper":
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                assert not private, f"{path.relative_to(ROOT)} imports {private} of {node.module}"


def test_a_folder_is_taken_in_at_one_look() -> None:
    for folder in {path.parent for path in SOURCES}:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= 12, f"{folder.relative_to(ROOT)} lists {len(modules)} modules"
    for path in SOURCES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 350, f"{path.relative_to(ROOT)} has {lines} lines"


def test_a_refusal_loads_no_heavy_library() -> None:
    code = (
        "import sys; sys.argv = ['sweeper', '-m', 'arch.depth=0']\n"
        "from sweeper.__main__ import main\n"
        "assert main() == 2\n"
        "heavy = {'tensorflow', 'keras', 'mlflow', 'optuna', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("ArchitectureValueError: arch.depth=0 is not accepted")


def _schema_keys(node: type, above: str = "") -> Iterator[str]:
    for field in dataclasses.fields(node):
        kind = field.default_factory if field.default_factory is not dataclasses.MISSING else None
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield from _schema_keys(kind, f"{above}{field.name}.")
        else:
            yield f"{above}{field.name}"


@pytest.mark.parametrize("key", list(_schema_keys(schema.Config)))
def test_every_key_of_the_schema_is_read_by_something(key: str) -> None:
    name = key.rsplit(".", 1)[-1]
    readers = [
        path
        for path in SOURCES
        if "sweeper/config/" not in str(path)
        and (f".{name}" in path.read_text(encoding="utf-8") or f'"{name}"' in path.read_text(encoding="utf-8"))
    ]
    assert readers, f"nothing reads {key}"


EVERY_EXECUTOR = ("ray", "processes", "simulate")


def _read_by(config: sweep.ExecutorConfig) -> dict[str, object]:
    """The keys that an executor reads."""
    shared = {"name": EVERY_EXECUTOR, "trials_per_gpu": ("processes",), "gpu_memory_gb": ("ray", "processes")}
    shared |= dict.fromkeys(("address", "cpus", "lost_after_s"), ("ray", "simulate"))
    known = {key: value for key, value in vars(config).items() if key != "simulate"}
    return {key: value for key, value in known.items() if config.name in shared.get(key, ("ray",))}


def test_the_yaml_files_say_the_schemas_own_defaults() -> None:
    defaults = {
        "augment/none.yaml": dataclasses.asdict(augment.AugmentConfig()),
        "training/default.yaml": dataclasses.asdict(training.TrainingConfig()),
        "tracking/local.yaml": dataclasses.asdict(sweep.TrackingConfig()),
        "objective/val_accuracy.yaml": dataclasses.asdict(sweep.ObjectiveConfig()),
        "sampler/auto.yaml": dataclasses.asdict(sweep.SamplerConfig()),
        "pruner/none.yaml": dataclasses.asdict(sweep.PrunerConfig()),
        "executor/ray.yaml": _read_by(sweep.ExecutorConfig("ray")),
        "executor/processes.yaml": _read_by(sweep.ExecutorConfig()),
        "executor/simulate.yaml": {
            **_read_by(sweep.ExecutorConfig("simulate")),
            "simulate": dataclasses.asdict(simulate.SimulateConfig()),
        },
    }
    for name, expected in defaults.items():
        assert canonical(yaml.safe_load((ROOT / "conf" / name).read_text())) == canonical(expected), name
    written = yaml.safe_load((ROOT / "conf/config.yaml").read_text())
    assert written["sweep"] == dataclasses.asdict(sweep.SweepConfig())
    assert written["seed"] == schema.Config().seed
    assert written["metrics"] == schema.Config().metrics
    assert written["output_dir"] == schema.Config().output_dir


def test_known_keys_name_the_options_that_set_them() -> None:
    assert keys.known()["optimizer.momentum"].options == ("rmsprop", "sgd")
    assert "arch.depth" in keys.known()
