"""The schema: what each key accepts, that each key is read, and that the files under `conf/` keep to it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.config import schema as config
from sweeper.config.groups import Attempts, Extent, Limits, Rules
from sweeper.config.schema import Config, check_output_dir
from sweeper.config.sweep import ObjectiveConfig, PrunerConfig, SamplerConfig, SweepConfig, TrackingConfig
from sweeper.config.training import EarlyStoppingConfig, TrainingConfig
from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, ObjectiveError
from sweeper.core.objectives import METRIC_DIRECTIONS, Objective
from sweeper.models import networks

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"

WRONG = [
    (
        DataConfig,
        "name",
        "imagenet",
        r"^data\.name=imagenet .* one of digits, mnist, fashion_mnist, cifar10, .*, folder\.  Try: data\.name=digits$",
    ),
    (
        DataConfig,
        "validation",
        0.0,
        r"data\.validation=0\.0 is not accepted: a fraction between 0 and 1, .*Try: .*=0\.2",
    ),
    (DataConfig, "validation", 1.0, r"data\.validation=1\.0 is not"),
    (DataConfig, "validation", -0.5, r"data\.validation=-0\.5 is not"),
    (DataConfig, "validation", math.nan, r"data\.validation=nan is not"),
    (DataConfig, "validation", 1, r"data\.validation=1 is not accepted: .* a number of images from 2"),
    (DataConfig, "validation", True, r"data\.validation=true is not"),
    (DataConfig, "validation", "train", r"data\.validation=train is not"),
    (DataConfig, "validation", None, r"data\.validation=null is not"),
    (DataConfig, "split_seed", -1, r"data\.split_seed=-1 is not accepted: 0 to 2\*\*32 - 1\."),
    (DataConfig, "split_seed", 2**32, r"data\.split_seed=4294967296 is not"),
    (DataConfig, "max_samples", 1, r"data\.max_samples=1 is not accepted: a number of images from 2\."),
    (
        EarlyStoppingConfig,
        "patience",
        0,
        r"training\.early_stopping\.patience=0 .* from 1, or null\.  Try: .*patience=3$",
    ),
    (EarlyStoppingConfig, "min_delta", -0.1, r"training\.early_stopping\.min_delta=-0\.1 is not accepted: 0 or more"),
    (EarlyStoppingConfig, "min_delta", math.nan, r"min_delta=nan is not"),
    (EarlyStoppingConfig, "min_delta", math.inf, r"min_delta=inf is not"),
    (
        TrainingConfig,
        "epochs",
        0,
        r"^training\.epochs=0 is not accepted: a whole number from 1 to 1000000\.  Try: training\.epochs=10$",
    ),
    (TrainingConfig, "epochs", 1_000_001, r"training\.epochs=1000001 is not"),
    (TrainingConfig, "batch_size", 1_000_001, r"training\.batch_size=1000001 is not"),
    (TrainingConfig, "batch_size", 0, r"training\.batch_size=0 .*Try: training\.batch_size=128"),
    (TrainingConfig, "threads", 0, r"training\.threads=0 .* from 1 to 256"),
    (TrainingConfig, "threads", 257, r"training\.threads=257 is not"),
    (
        TrainingConfig,
        "precision",
        "mixed_float61",
        r"precision=mixed_float61 is not known\..*Did you mean 'mixed_float16'",
    ),
    (
        ObjectiveConfig,
        "metric",
        "val_acuracy",
        r"is not logged by a trial\. Logged: val_accuracy, .*mean 'val_accuracy'",
    ),
    (
        ObjectiveConfig,
        "metric",
        "test_accuracy",
        r"metric=test_accuracy would select on the test set, .*=val_accuracy$",
    ),
    (ObjectiveConfig, "metric", None, r"objective\.metric=null is not logged by a trial\."),
    (ObjectiveConfig, "metric", [], r"objective\.metric=\[\] is not logged by a trial\."),
    (ObjectiveConfig, "metric", ["val_loss", "flosp"], r"metric=flosp is not logged by a trial\. .*mean 'flops'"),
    (ObjectiveConfig, "metric", ["flops", "flops"], r"metric=\[flops,flops\] names a metric twice\. .*Try: "),
    (
        ObjectiveConfig,
        "direction",
        ["maximize", "minimize"],
        r"objective\.direction 2, objective\.metric 1\. .*direction=\[maximize\]$",
    ),
    (ObjectiveConfig, "direction", "up", r"direction=up is not a direction\. .*Try: objective\.direction=maximize$"),
    (SweepConfig, "name", "", r"sweep\.name='' is not accepted: up to 100 letters, .*Try: sweep\.name=first-sweep"),
    (SweepConfig, "name", "../escape", r"sweep\.name='\.\./escape' is not"),
    (SweepConfig, "name", ".hidden", r"sweep\.name='\.hidden' is not"),
    (SweepConfig, "name", "two words", r"sweep\.name='two words' is not"),
    (SweepConfig, "name", "line\n", r"sweep\.name='line\\n' is not"),
    (SweepConfig, "name", "a" * 101, r"sweep\.name='a{101}' is not"),
    (SweepConfig, "workers", 0, r"sweep\.workers=0 is not accepted: 'auto' or a whole number from 1 to 1024\."),
    (SweepConfig, "workers", 1025, r"sweep\.workers=1025 is not"),
    (SweepConfig, "workers", 1.5, r"sweep\.workers=1\.5 is not"),
    (SweepConfig, "workers", True, r"sweep\.workers=true is not"),
    (SweepConfig, "workers", "many", r"sweep\.workers=many is not"),
    (
        SweepConfig,
        "trials",
        0,
        r"sweep\.trials=0 is not accepted: a whole number from 1, or null\.  Try: sweep\.trials=20",
    ),
    (SweepConfig, "max_epochs", 0, r"sweep\.max_epochs=0 is not accepted: .*Try: sweep\.max_epochs=200"),
    (SweepConfig, "max_failures", 0, r"sweep\.max_failures=0 is not accepted: .*Try: sweep\.max_failures=3"),
    (SweepConfig, "timeout_s", 0.0, r"sweep\.timeout_s=0\.0 is not accepted: a number of seconds above 0, or null"),
    (SweepConfig, "timeout_s", math.nan, r"sweep\.timeout_s=nan is not"),
    (
        SweepConfig,
        "target",
        math.nan,
        r"sweep\.target=nan is not accepted: a number, or null\.  Try: sweep\.target=0\.99",
    ),
    (
        SweepConfig,
        "seeds",
        0,
        r"sweep\.seeds=0 is not accepted: a whole number from 1 to 1000, or auto\.  Try: sweep\.seeds=3",
    ),
    (SweepConfig, "seeds", 1001, r"sweep\.seeds=1001 is not"),
    (SweepConfig, "retries", -1, r"sweep\.retries=-1 is not accepted: a whole number from 0 to 100"),
    (SamplerConfig, "seed", -1, r"sampler\.seed=-1 is not accepted: a whole number from 0 to 2\*\*32 - 1"),
    (PrunerConfig, "metric", "val_acc", r"metric=val_acc is not known after an epoch\. .*Did you mean 'val_accuracy'"),
    (PrunerConfig, "metric", "num_params", r"pruner\.metric=num_params is not known after an epoch"),
    (SweepConfig, "trial_timeout_s", 0.0, r"sweep\.trial_timeout_s=0\.0 is not accepted: .* above 0, or null"),
    (SweepConfig, "trial_timeout_s", math.inf, r"trial_timeout_s=inf is not"),
    (SweepConfig, "trial_timeout_s", math.nan, r"trial_timeout_s=nan is not"),
    *(
        (TrackingConfig, "uri", uri, r"tracking\.uri=.* is not accepted: http://HOST:PORT, https://HOST, or null")
        for uri in ("ftp://host", "localhost:5000", "http://", "http://host:port", "sqlite:///mlflow.db", "")
    ),
    (TrackingConfig, "experiment", "  ", r"tracking\.experiment='  ' is not accepted: a name\."),
]


@pytest.mark.parametrize(
    ("kind", "key", "value", "message"),
    [pytest.param(*row, id=f"{row[1]}={str(row[2])[:20]!r}") for row in WRONG],
)
def test_a_value_that_a_key_does_not_take_is_refused(kind: type, key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked(kind, key, value)


def checked(kind: type, key: str, value: object) -> Any:
    """A node with one key set, checked as a command checks it."""
    made: Any = kind(**{key: value})
    if isinstance(made, ObjectiveConfig):
        made.resolve()
    if isinstance(made, PrunerConfig):
        made.check_metric()
    return made


RIGHT = [
    *(
        (DataConfig, "name", name)
        for name in ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "npz", "folder")
    ),
    *((DataConfig, "validation", value) for value in (0.001, 0.999, 2, 10_000, "test")),
    *((DataConfig, "split_seed", value) for value in (0, 2**32 - 1)),
    *((DataConfig, "max_samples", value) for value in (None, 2)),
    *((EarlyStoppingConfig, "patience", value) for value in (None, 1)),
    *((EarlyStoppingConfig, "min_delta", value) for value in (0, 0.0, 0.5)),
    *((TrainingConfig, "epochs", value) for value in (1, 10_000)),
    *((TrainingConfig, "batch_size", value) for value in (1, 60_000)),
    *((TrainingConfig, "threads", value) for value in (1, 256)),
    *((TrainingConfig, "precision", value) for value in ("float32", "mixed_bfloat16", "mixed_float16")),
    *((ObjectiveConfig, "metric", metric) for metric in METRIC_DIRECTIONS),
    *((ObjectiveConfig, "direction", value) for value in (None, "maximize", "minimize")),
    *((SweepConfig, "name", value) for value in (None, "a", "0", "2024-01-31_23.59-B", "a" * 100)),
    *((SweepConfig, "workers", value) for value in ("auto", 1, 1024)),
    *((SweepConfig, "seeds", value) for value in (1, 1000)),
    *((SweepConfig, "target", value) for value in (None, -1.5)),
    *((SamplerConfig, "seed", value) for value in (None, 0, 2**32 - 1)),
    *((PrunerConfig, "metric", value) for value in (None, "loss", "accuracy", "val_loss", "val_accuracy")),
    *((SweepConfig, "trial_timeout_s", value) for value in (None, 0.1, 86_400.0)),
    *((TrackingConfig, "uri", value) for value in (None, "http://127.0.0.1:5000", "https://mlflow.example.org/path")),
    *((TrackingConfig, "experiment", value) for value in ("sweeper", "two words")),
]


@pytest.mark.parametrize(
    ("kind", "key", "value"), [pytest.param(*row, id=f"{row[1]}={str(row[2])[:20]!r}") for row in RIGHT]
)
def test_a_value_that_a_key_takes_is_kept(kind: type, key: str, value: object) -> None:
    assert getattr(checked(kind, key, value), key) == value


@pytest.mark.parametrize(("metric", "direction"), list(METRIC_DIRECTIONS.items()))
def test_a_metric_without_a_direction_has_its_own(metric: str, direction: str) -> None:
    assert ObjectiveConfig(metric).resolve() == (Objective(metric, direction),)  # type: ignore[arg-type]


def test_a_direction_that_is_given_wins() -> None:
    assert ObjectiveConfig("val_loss", "maximize").resolve() == (Objective("val_loss", "maximize"),)
    with pytest.raises(ObjectiveError, match=r"Try: objective\.direction=minimize$"):
        ObjectiveConfig("val_loss", "down").resolve()


def test_several_metrics_have_a_direction_each() -> None:
    metrics = ["val_accuracy", "num_params"]
    expected = (Objective("val_accuracy", "maximize"), Objective("num_params", "minimize"))

    assert ObjectiveConfig(metrics).resolve() == expected
    assert ObjectiveConfig(metrics, ["maximize", "minimize"]).resolve() == expected
    assert ObjectiveConfig(metrics, ["maximize", None]).resolve() == expected
    with pytest.raises(ObjectiveError, match=r"objective\.direction 1, objective\.metric 2.*\[maximize,minimize\]$"):
        ObjectiveConfig(metrics, ["maximize"]).resolve()


def test_an_output_folder_needs_a_name() -> None:
    assert check_output_dir("mlruns") == "mlruns"
    with pytest.raises(ConfigError, match=r"output_dir=' ' is not accepted: a folder's path\.  Try: output_dir=mlruns"):
        check_output_dir(" ")


def schema(node: type, name: str = "") -> Iterator[tuple[str, str, type]]:
    """Yields each leaf as (the node's name, the key, the node's class)."""
    for field in dataclasses.fields(node):
        if isinstance(field.default_factory, type) and dataclasses.is_dataclass(field.default_factory):
            yield from schema(field.default_factory, field.name)
        else:
            yield name, field.name, node


LEAVES = list(schema(Config))

#: The groups of the keys of `sweep`, by the name of the property that gives them.
GROUPS = {"extent": Extent, "limits": Limits, "attempts": Attempts, "rules": Rules}


def owners(node: str, key: str, kind: type) -> set[tuple[str, str]]:
    """The ways in which a key is read: of its node, of an object of its class, of its group."""
    names = {node, kind.__name__}
    for name, group in GROUPS.items() if kind is SweepConfig else ():
        if key in {field.name for field in dataclasses.fields(group)}:
            names |= {name, f"_{name}", group.__name__}  # the second: a private field that keeps the group
    return {(name, key) for name in names}


def reads(source: str) -> set[tuple[str, str]]:
    """What a module reads, as (owner, key).

    The owner is the last word before the key: `sweep` of `settings.sweep.workers` and of `config["sweep"]["workers"]`;
    and where that word is a variable or a field with an annotation, the annotation too.
    """
    found: set[tuple[str, str]] = set()
    tree = ast.parse(source)
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    kinds: dict[int, dict[str, str]] = {}
    for scope in scopes:
        for inner in ast.walk(scope):
            kinds.setdefault(id(inner), {}).update(_annotations(scope))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load):
            owner, key = _last_word(node.value), _last_word(node)
            found |= {(owner, key), (kinds.get(id(node), {}).get(owner, owner), key)}
    return found


def _annotations(scope: ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    if isinstance(scope, ast.ClassDef):
        fields = [node for node in scope.body if isinstance(node, ast.AnnAssign)]
        return {ast.unparse(field.target): ast.unparse(field.annotation) for field in fields}
    arguments = [*scope.args.args, *scope.args.kwonlyargs]
    return {one.arg: ast.unparse(one.annotation) for one in arguments if one.annotation is not None}


def _last_word(node: ast.expr) -> str:
    match node:
        case ast.Attribute():
            return node.attr
        case ast.Name():
            return node.id
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
    return ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("x = settings.sweep.workers", True, id="an attribute"),
        pytest.param("x = config['sweep']['workers']", True, id="a subscript"),
        pytest.param("def f(given: SweepConfig): return given.workers", True, id="of an argument of that class"),
        pytest.param("def f(given: Machine): return given.workers", False, id="of an argument of another class"),
        pytest.param(
            "class A:\n    given: SweepConfig\n    def f(self): return self.given.workers",
            True,
            id="of a field of that class",
        ),
        pytest.param("x = machine.workers", False, id="of something else"),
        pytest.param("sweep.workers = 3", False, id="set, and not read"),
        pytest.param("x = SweepConfig(workers=3)", False, id="given, and not read"),
        pytest.param("raise Error('Try: sweep.workers=1')  # sweep.workers", False, id="spoken of, and not read"),
    ],
)
def test_a_key_counts_as_read_where_code_reads_it_of_its_node(source: str, expected: bool) -> None:
    assert bool({("sweep", "workers"), ("SweepConfig", "workers")} & reads(source)) is expected


@pytest.fixture(scope="module")
def read_somewhere() -> set[tuple[str, str]]:
    """What all sources but the schema's own read."""
    sources = [*ROOT.glob("sweeper/**/*.py"), *ROOT.glob("models/*.py")]
    texts = [path.read_text(encoding="utf-8") for path in sources if path != Path(config.__file__)]
    return set().union(*map(reads, texts))


@pytest.mark.parametrize(("node", "key", "kind"), LEAVES, ids=[f"{node}.{key}".lstrip(".") for node, key, _ in LEAVES])
def test_every_key_of_the_schema_is_read(read_somewhere: set[tuple[str, str]], node: str, key: str, kind: type) -> None:
    assert owners(node or "config", key, kind) & read_somewhere


def test_a_key_that_nothing_reads_would_be_found(read_somewhere: set[tuple[str, str]]) -> None:
    @dataclasses.dataclass
    class More(SweepConfig):
        colour: str = "red"
        duration_s: float = 0.0  # read of other things than a sweep

    unread = [key for _, key, _ in schema(More, "sweep") if not owners("sweep", key, SweepConfig) & read_somewhere]
    assert unread == ["colour", "duration_s"]


FILES = sorted(CONF.rglob("*.yaml"))


def load(path: Path) -> dict[str, Any]:
    written: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {key: value for key, value in written.items() if key not in ("defaults", "hydra")}


def strangers(node: dict[str, Any], kind: type, above: str = "") -> Iterator[str]:
    """Yields the keys of a node that its class does not have."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key, value in node.items():
        if key not in fields:
            yield f"{above}{key}"
        elif isinstance(value, dict) and fields[key].default_factory is not dict:  # which takes any key
            inner = fields[key].default_factory
            assert isinstance(inner, type), f"{above}{key} is no node"
            yield from strangers(value, inner, f"{above}{key}.")


def test_a_stranger_among_the_keys_would_be_found() -> None:
    node = {"epochs": 3, "epoch": 3, "early_stopping": {"patience": 1, "patient": 2}}

    assert list(strangers(node, TrainingConfig)) == ["epoch", "early_stopping.patient"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CONF).as_posix())
def test_every_file_has_keys_of_the_schema_alone(path: Path) -> None:
    group = path.parent.relative_to(CONF).as_posix()
    node = load(path)
    if group == "optimizer":
        module, _, name = node.pop("_target_").rpartition(".")
        accepted = inspect.signature(getattr(importlib.import_module(module), name)).parameters
        assert set(node) <= set(accepted)
    elif group == "arch":
        if path.stem == "custom":
            assert node == {"_target_": "???"}
            return
        accepted = networks.config_class(node)
        assert node.pop("_target_") == {"resnet": networks.RESNET, "application": networks.APPLICATION}.get(
            path.stem, networks.CNN
        )
        assert list(strangers(node, accepted)) == []
        assert accepted.from_mapping(node)
    else:
        whole = node if group in (".", "experiment") else {group: node}
        if group == "experiment":  # its own network's keys lie over those of arch=cnn
            assert list(strangers(whole.pop("arch", {}), networks.config_class({"_target_": networks.CNN}))) == []
            assert set(whole.pop("optimizer", {})) <= _arguments_of_its_optimizer(path)
        assert list(strangers(whole, Config)) == []


def _arguments_of_its_optimizer(path: Path) -> set[str]:
    defaults = yaml.safe_load(path.read_text(encoding="utf-8")).get("defaults", [])
    [option] = [entry["override /optimizer"] for entry in defaults if "override /optimizer" in entry]
    module, _, name = load(CONF / "optimizer" / f"{option}.yaml")["_target_"].rpartition(".")
    return set(inspect.signature(getattr(importlib.import_module(module), name)).parameters)


def test_every_group_of_the_schema_has_its_files() -> None:
    groups = {path.parent.relative_to(CONF).as_posix() for path in FILES}

    assert groups == {
        *(".", "arch", "data", "executor", "experiment", "objective", "optimizer", "pruner", "sampler", "tracking"),
        "augment",
        "training",
    }
