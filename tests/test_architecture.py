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

from sweeper.config import keys, schema
from sweeper.space.composer import canonical

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*ROOT.glob("sweeper/**/*.py"), *ROOT.glob("models/*.py"), *ROOT.glob("hydra_plugins/*.py")])

#: Libraries with one home each: the modules that may import them.
HOMES = {
    "optuna": {
        "sweeper/storage/study.py",
        "sweeper/search/sampler.py",
        "sweeper/search/pruner.py",
        "sweeper/report/plots/search.py",
    },
    "mlflow": {
        "sweeper/tracking/tracker.py",
        "sweeper/artifacts/model.py",
        "sweeper/tracking/reader.py",
        "sweeper/tracking/registry.py",
    },
    "keras": {
        "sweeper/trial/train.py",
        "sweeper/trial/batches.py",
        "sweeper/artifacts/model.py",
        "models/cnn.py",
        "models/builder.py",
    },
    "tensorflow": {"sweeper/trial/train.py", "sweeper/artifacts/model.py"},
    "sklearn": {"sweeper/data/digits.py"},
    "vl_convert": {"sweeper/report/page/vega_bundle.py"},
    "jinja2": {"sweeper/report/page/__init__.py"},
    "matplotlib": {"sweeper/artifacts/figures.py", "sweeper/report/plots/search.py"},
}

#: The layers, lowest first; a module imports from its own layer or below.
LAYERS = (
    {"errors", "records", "findings", "paths", "quiet", "tags", "mlflow_settings", "interrupts", "patience"},
    {"lock", "machine", "server", "config", "keys", "space", "statistics", "provenance", "evidence"}
    | {"mlflow_format", "model_files", "relocate", "checkpoint", "inputs", "comparison", "verdict", "targets"},
    {"data", "models", "compose", "leaderboard"},
    {"preflight", "optimizers", "identity", "figures", "study", "tracker", "tables", "ui", "display"}
    | {"search", "pruning", "recorded", "registry", "batches"},
    {"trial", "estimate", "report", "plan_table", "explain", "line", "jobs", "insight"}
    | {"wording", "judgement", "loading", "exhibits", "rows"},
    {"page"},
    {"preload", "executors"},
    {"driver", "rerun"},
    {"lockbox", "closing"},
    {"lifecycle", "verify", "promote"},
    {"app", "commands", "__main__", "hydra_plugins"},
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}


def _imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "sweeper":
                yield from (f"sweeper.{alias.name}" for alias in node.names)


def _place(path: Path) -> str:
    """The name of a file's place in LAYERS: its module, or its package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "sweeper" else parts[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downwards_and_each_library_has_one_home(path: Path) -> None:
    if path == ROOT / "sweeper/__init__.py":
        return
    for name in _imports(path):
        top, *below = name.split(".")
        if top in HOMES:
            assert str(path.relative_to(ROOT)) in HOMES[top], f"{path} imports {top}"
        if (top == "sweeper" and below) or top == "models":
            imported = below[0] if top == "sweeper" else "models"
            # models reads the error tree of the layer below and is itself imported from above
            assert LEVELS[imported] <= LEVELS[_place(path)], f"{path} imports {name} from a layer above"


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
        if path.name != "config.py"
        and (f".{name}" in path.read_text(encoding="utf-8") or f'"{name}"' in path.read_text(encoding="utf-8"))
    ]
    assert readers, f"nothing reads {key}"


def test_the_yaml_files_say_the_schemas_own_defaults() -> None:
    defaults = {
        "training/default.yaml": dataclasses.asdict(schema.TrainingConfig()),
        "tracking/local.yaml": dataclasses.asdict(schema.TrackingConfig()),
        "objective/val_accuracy.yaml": dataclasses.asdict(schema.ObjectiveConfig()),
        "sampler/auto.yaml": dataclasses.asdict(schema.SamplerConfig()),
        "pruner/none.yaml": dataclasses.asdict(schema.PrunerConfig()),
        "executor/processes.yaml": dataclasses.asdict(schema.ExecutorConfig()),
    }
    for name, expected in defaults.items():
        assert canonical(yaml.safe_load((ROOT / "conf" / name).read_text())) == canonical(expected), name
    written = yaml.safe_load((ROOT / "conf/config.yaml").read_text())
    assert written["sweep"] == dataclasses.asdict(schema.SweepConfig())
    assert written["seed"] == schema.Config().seed
    assert written["output_dir"] == schema.Config().output_dir


def test_known_keys_name_the_options_that_set_them() -> None:
    assert keys.known()["optimizer.momentum"].options == ("rmsprop", "sgd")
    assert "arch.depth" in keys.known()
