"""Wrong lines as a user types them: each ends at once in one paragraph that says what to type instead."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

#: Lines that are refused, by what is wrong with them; and pieces of what is said.
LINES: dict[str, tuple[str, tuple[str, ...]]] = {
    # keys
    "a misspelt key": ("-m arch.dpeth=3,5", ("arch.dpeth is not a key", "kernel_size", "Try: arch.depth=3,5")),
    "a misspelt node": ("trainning.epochs=1", ("trainning", "Did you mean 'training", "Try: training")),
    "a misspelt key beside one that varies": ("arch.depth=3,5 arch.dpeth=3", ("arch.dpeth is not a key",)),
    "a misspelt node that varies": ("-m trainng.epochs=1,2", ("Try: training.epochs=1,2",)),
    "a key without its node": ("-m depth=3,5", ("depth is not a key", "Try: arch.depth=3,5")),
    "initials": ("lr=0.1", ("Did you mean 'optimizer.learning_rate'", "Try: optimizer.learning_rate=0.1")),
    "a key of another option": (
        "optimizer.momentum=0.9",
        ("not a key of the chosen optimizer", "optimizer=sgd", "Try: optimizer=rmsprop optimizer.momentum=0.9"),
    ),
    "an added key that nothing reads": ("+sweep.foo=1", ("Nothing reads sweep.foo", "workers")),
    "an added key at the top": ("++foo.bar=1", ("Nothing reads foo", "arch, data, training")),
    "an added key of a schema that varies": ("-m +training.foo=1,2", ("Nothing reads training.foo",)),
    "an added key of the network": ("+arch.widht=1", ("arch.widht is not a key of arch=cnn",)),
    "an added key that is there": ("+arch.depth=3", ("adds a key that exists already", "Try: arch.depth=3")),
    "a deleted key that is needed": ("~training.epochs", ("deletes a key that is required", "Try: training.epochs=10")),
    "a deleted node": ("~sweep", ("sweep is deleted, but required",)),
    "a deleted key that is not there": ("~arch.dpeth", ("~arch.dpeth deletes a key that is not set", "'arch.depth'")),
    # groups
    "a misspelt group": ("-m archh=cnn", ("archh is not a key", "Try: arch=cnn")),
    "a misspelt option": ("optimizer=adm", ("optimizer=adm does not exist", "rmsprop", "Try: optimizer=adam")),
    "a misspelt option that varies": ("-m arch=cnn,cnnn", ("arch=cnnn does not exist", "Try: arch=cnn")),
    "another option of a group": ("+optimizer=adam", ("adds an option to optimizer", "Try: optimizer=adam")),
    "a misspelt experiment": ("experiment=notbook", ("experiment=notbook does not exist", "Try: experiment=notebook")),
    "an executor that is not there": ("executor=rya", ("executor=rya does not exist", "processes", "serial")),
    "null for a group": ("optimizer=null", ("optimizer is a group", "adadelta", "Try: optimizer=")),
    "a number for a group": ("-m arch=1,2", ("arch is a group", "cnn", "Try: arch=cnn")),
    "no builder named": ("arch=custom", ("arch._target_ has no value", "Try: arch=custom arch._target_=")),
    # types and ranges
    "text for a number": ("training.epochs=three", ("a whole number", "Try: training.epochs=10")),
    "half an epoch": ("-m training.epochs=4,1.5", ("training.epochs=1.5 is not accepted: a whole number",)),
    "a list for a number": ("'training.epochs=[1,2]'", ("training.epochs=[1,2] is not accepted",)),
    "null for a number": ("seed=null", ("seed=null is not accepted", "Try: seed=0")),
    "nothing for a number": ("arch.depth=", ("arch.depth= is not accepted", "Try: arch.depth=3")),
    "a number for a node": ("sweep=3", ("sweep=3 is not accepted: keys under it (sweep.name",)),
    "neither true nor false": ("sweep.dry_run=maybe", ("true or false", "Try: sweep.dry_run=false")),
    "no epochs": ("training.epochs=0", ("from 1", "Try: training.epochs=10")),
    "epochs without end": ("training.epochs=99999999999999999999", ("from 1 to 1000000",)),
    "a negative rate": ("optimizer.learning_rate=-1", ("a number above 0", "Try: optimizer.learning_rate=0.001")),
    "a rate that is no number": ("optimizer.learning_rate=nan", ("optimizer.learning_rate=nan is not accepted",)),
    "no workers": ("sweep.workers=0", ("'auto' or a whole number from 1",)),
    "no time": ("sweep.trial_timeout_s=0", ("a number of seconds above 0",)),
    "a value without a value": ("seed=???", ("seed has no value", "Try: seed=0")),
    "an interpolation to nowhere": ("'arch.depth=${nope}'", ("arch.depth cannot be resolved", "'nope' not found")),
    # grammar
    "no equals sign": ("-m arch.depth", ("it has no '='", "Try: arch.depth=3,5,7")),
    "no key": ("=3", ("no key", "Try: arch.depth=3")),
    "an open bracket": ("'arch.filters=[3,5'", ("a bracket is not closed",)),
    "an open quote": ('"arch.activation=\'relu"', ("a quote is not closed", "Try: arch.activation=relu")),
    "a comma too many": ("-m arch.depth=3,,5", ("a value is missing next to a comma",)),
    "an unknown function": ("-m 'arch.depth=rnage(3,8)'", ("no function rnage", "Try: 'arch.depth=range(3,8)'")),
    "a function without arguments": ("-m 'arch.depth=range()'", ("missing a required argument", "range(3,8,2)")),
    "several overrides in one word": ("'arch.depth=3 seed=1'", ("several overrides in one pair of quotes",)),
    "a letter beyond the grammar": (
        "tracking.experiment=été",
        ("needs quotes", "Try: \"tracking.experiment='été'\""),
    ),
    "a path with an equals sign": ("data.path=my/a=b.npz", ("needs quotes", "Try: \"data.path='my/a=b.npz'\"")),
    "a path with brackets": ("'output_dir=runs(1)'", ("Try: \"output_dir='runs(1)'\"",)),
    "a path with a quote": ('"data.path=it\'s.npz"', ("a quote is not closed", "Try: 'data.path='")),
    "a path with a comma": ("data=npz data.path=a,b.npz", ("read as several values", "Try: \"data.path='a,b.npz'\"")),
    "a name that quotes would not mend": ("sweep.name=été", ("needs quotes", "Try: sweep.name=first-sweep")),
    "an empty word": ("''", ("An empty word", "Try: arch.depth=3,5,7")),
    # what varies
    "an empty range": ("-m 'arch.depth=range(5,5)'", ("is empty", "excludes its stop", "Try: arch.depth=3,5,7")),
    "a step of 0": ("-m 'arch.depth=range(1,2,0)'", ("has a step of 0", "Try: arch.depth=range(3,8,2)")),
    "a range without end": ("-m 'arch.depth=range(1,100000000)'", ("99999999 values", "at most 100000")),
    "a glob without a match": (
        "-m 'arch=glob(x*)'",
        ("No option of that config group", "Try: arch=cnn,depth3_kernel3"),
    ),
    "an interval of a grid": (
        "-m sampler=grid 'optimizer.learning_rate=tag(log,interval(1,2))'",
        ("is an interval, and a grid needs single values", "Try: sampler=tpe"),
    ),
    "an interval turned round": ("-m 'arch.dropout=interval(1,0)'", ("is empty", "Try: 'arch.dropout=interval(0.1")),
    "a logarithm of nothing": ("-m 'arch.dropout=tag(log,interval(0,1))'", ("cannot be logarithmic",)),
    "an interval of a custom key": (
        "-m arch=custom arch._target_=nets.build '+arch.width=interval(4,8)'",
        ("may be of whole numbers or of fractions", "Try: '+arch.width=tag(int,interval(4,8))'"),
    ),
    "a misspelt tag": ("-m 'arch.dropout=tag(lgo,interval(0,1))'", ("has the tag lgo", "Accepted: log and int")),
    "an interval of the sweep": ("-m 'sweep.workers=interval(1,2)'", ("cannot vary",)),
    "pairs of unequal length": (
        "-m arch.depth=3,5,7 arch.kernel_size=3,5 'sweep.zip=[arch.depth,arch.kernel_size]'",
        ("unequal length: arch.depth has 3, arch.kernel_size has 2",),
    ),
    "a pair that does not vary": ("-m arch.depth=3,5 'sweep.zip=[arch.depth,arch.kernel_size]'", ("does not vary",)),
    "a pair that is no list": ("-m arch.depth=3,5 sweep.zip=arch.depth", ("sweep.zip=arch.depth is not accepted",)),
    "an exclusion of no choice": ("-m arch.depth=3,5 'sweep.exclude=[{arch.depth:4}]'", ("Accepted: 3,5",)),
    "an exclusion of everything": ("-m arch.depth=3 'sweep.exclude=[{arch.depth:3}]'", ("does not vary",)),
    "a first point of no choice": ("-m arch.depth=3,5 'sweep.enqueue=[{arch.depth:4}]'", ("Accepted: 3,5",)),
    "a first point outside the pairs": (
        "-m arch.depth=3,5 seed=0,1 'sweep.zip=[arch.depth,seed]' 'sweep.enqueue=[{arch.depth:3,seed:1}]'",
        ("which sweep.zip does not pair", "Try: 'sweep.enqueue=[{arch.depth:3,seed:0}]'"),
    ),
    # search
    "a sampler that is not there": ("-m sampler=tpee arch.depth=3,5", ("sampler=tpee does not exist", "tpe")),
    "a sampler without a class": ("-m sampler.name=foo arch.depth=3,5", ("sampler.name=foo has no class",)),
    "a sampler's class that is not there": (
        "-m sampler._target_=optuna.samplers.TPESample arch.depth=3,5",
        ("names nothing: optuna.samplers has no class TPESample", "Try: sampler=tpe"),
    ),
    "a sampler's option that is not there": (
        "-m sampler=tpe +sampler.options.n_startup=3 arch.depth=3,5",
        ("unexpected keyword argument 'n_startup'",),
    ),
    "a sampler with nothing to choose": ("-m sampler=tpe", ("no key varies", "Try: 'optimizer.learning_rate=")),
    "a seed of a sampler below 0": ("-m sampler=tpe sampler.seed=-1 arch.depth=3,5", ("sampler.seed=-1",)),
    "a pruner that is not there": ("-m pruner=ahsa arch.depth=3,5", ("pruner=ahsa does not exist", "asha")),
    "a pruner's class that is not there": (
        "-m pruner._target_=optuna.pruners.Medin arch.depth=3,5",
        ("names nothing: optuna.pruners has no class Medin", "Try: pruner=median"),
    ),
    "a pruner without a figure": (
        "-m pruner=asha objective.metric=num_params arch.depth=3,5",
        ("has nothing to compare", "Try: pruner.metric=val_accuracy"),
    ),
    "a pruner's metric that no epoch has": ("-m pruner=asha pruner.metric=flops arch.depth=3,5", ("after an epoch",)),
    "no points": ("-m sampler=tpe sweep.trials=0 arch.depth=3,5", ("sweep.trials=0", "Try: sweep.trials=20")),
    "no repeats": ("-m sweep.seeds=0 arch.depth=3,5", ("sweep.seeds=0", "Try: sweep.seeds=3")),
    "repeats beyond the last seed": (
        "seed=4294967294 sweep.seeds=3",
        ("ends at 4294967296. Accepted: seeds up to 4294967295", "Try: seed=4294967293"),
    ),
    "a key by its former name": (
        "tracking.patience_s=60",
        ("It is now called tracking.retry_timeout_s", "Try: tracking.retry_timeout_s=60"),
    ),
    "repeats and a swept seed": ("-m sweep.seeds=3 seed=0,1", ("do the same",)),
    "a start of a grid from another sweep": (
        "-m sweep.warm_start=x arch.depth=3,5",
        ("a grid trains every configuration",),
    ),
    "a sweep's key that varies": ("-m sweep.workers=1,2", ("cannot vary", "Try: sweep.workers=1")),
    "an experiment among others with a space of its own": (
        "-m experiment=notebook,null",
        ("cannot vary: one of them sets hydra.sweeper.params.arch", "Try: experiment=notebook"),
    ),
    "a key of none of the options that vary": (
        "-m optimizer=adam,adamw optimizer.momentum=0.9",
        ("not a key of the chosen optimizer", "Try: optimizer=adam,adamw,rmsprop optimizer.momentum=0.9"),
    ),
    "an executor that varies": ("-m executor=processes,serial", ("cannot vary", "Try: executor=processes")),
    "Hydra's own key that varies": ("-m hydra.verbose=true,false", ("cannot vary", "arch, data, training")),
    # objective
    "a misspelt metric": ("objective.metric=val_acc", ("val_loss", "Try: objective.metric=val_accuracy")),
    "a metric of the test set": ("objective.metric=test_accuracy", ("would select on the test set",)),
    "a metric twice": ("'objective.metric=[flops,flops]'", ("names a metric twice",)),
    "a direction too few": (
        "'objective.metric=[val_accuracy,flops]' 'objective.direction=[maximize]'",
        ("objective.direction 1, objective.metric 2", "Try: objective.direction=[maximize,minimize]"),
    ),
    "a target that is no number": ("sweep.target=nan", ("sweep.target=nan", "Try: sweep.target=0.99")),
    "a direction that is none": ("objective.direction=minimise", ("maximize", "Try: objective.direction=minimize")),
    # data
    "own arrays without a path": ("data=npz", ("data=npz needs data.path", "np.savez")),
    "a path to nothing": ("data=npz data.path=nowhere.npz", ("No such file", "Try: data=npz data.path=my.npz")),
    "a path to a folder": ("data=npz data.path=folder", ("lacks the IDX files of train-images",)),
    "a path to text": ("data=npz data.path=text.npz", ("it is not a zip archive",)),
    "half a file": ("data=npz data.path=half.npz", ("is truncated or corrupt",)),
    "pickled objects": ("data=npz data.path=pickle.npz", ("x_train holds Python objects",)),
    "pixels that a run would refuse, in a plan": (
        "data=npz data.path=bright.npz sweep.dry_run=true",
        ("x_train", "outside [0, 1]"),
    ),
    "channels in the middle": (
        "data=npz data.path=middle.npz",
        ("channels come in the middle", ".transpose(0, 1, 3, 2)", "python -c"),
    ),
    "labels that are names of files": (
        "data=npz data.path=names.npz",
        ("y_train has 20 different labels for 20 images", "no classes", "Try: data=npz"),
    ),
    "arrays under other names": (
        "data=npz data.path=odd.npz",
        ("it lacks x_train, y_train; it holds pictures, classes, x_test, y_test", "'data.keys={x_train:NAME,"),
    ),
    "keys of arrays that are not there": (
        "data=npz data.path=odd.npz data.keys={x_train:pictures,y_train:class,x_test:x_test,y_test:y_test}",
        ("class, named by data.keys, is not in it; it holds pictures, classes", "Try: data=npz data.path="),
    ),
    "keys that are no map": (
        "data=npz data.path=odd.npz data.keys=pictures",
        ("data.keys=pictures is not accepted: a map of x_train", "Try: data.keys="),
    ),
    "keys of arrays with other data": (
        "data.keys={x_train:a,y_train:b}",
        ("data.keys={x_train:a,y_train:b} would have no effect with data=digits", "Try: data=npz data.path=my.npz"),
    ),
    "too few images for the default": (
        "data=npz data.path=few.npz sweep.dry_run=true",
        ("4 training images keeps 1 for validation, where 2 are needed", "Try: data.validation=2"),
    ),
    "a validation beside the file's": (
        "data=npz data.path=val.npz data.validation=0.3",
        ("data.validation=0.3 would have no effect", "x_val and y_val", "Try: data=npz data.path=val.npz"),
    ),
    "other arrays than MNIST's": ("data=mnist data.path=good.npz", ("is not MNIST", "data=npz data.path=good.npz")),
    "a path that would be ignored": ("data.path=good.npz", ("would be ignored", "Try: data=npz data.path=good.npz")),
    "a validation of 1": ("data.validation=1", ("a fraction between 0 and 1", "Try: data.validation=0.2")),
    "a misspelt validation": ("data.validation=tset", ("'test'", "Try: data.validation=test")),
    "a cap below two a class": ("data.max_samples=15", ("not enough for 10 classes",)),
    # networks and optimizers
    "a network that shrinks to nothing": (
        "-m arch.depth=3,50 arch.padding=valid",
        ("arch.depth=50", "deepest legal depth", "sweep.skip_infeasible=true"),
    ),
    "an interval with an end that no network takes": (
        "-m 'arch.dropout=interval(0,2)'",
        ("arch.dropout=2.0 is not accepted: a rate from 0 to below 1", "Try: arch.dropout=0.25"),
    ),
    "a list of the wrong length": ("'arch.kernel_size=[3,3]'", ("2 entries", "Try: arch.kernel_size=[3,3,3]")),
    "a depth beyond all": ("arch.depth=1000000", ("a whole number from 1 to 1000",)),
    "a builder that is not there": ("arch=custom arch._target_=nope.build", ("No module named 'nope'",)),
    "a builder that exits": ("arch=custom arch._target_=exits.build", ("cannot be imported: SystemExit",)),
    "a key that the optimizer has not": ("+optimizer.foo=1", ("not a key of keras.optimizers.Adadelta", "rho")),
    "an optimizer that is not there": ("optimizer._target_=keras.optimizers.Adm", ("does not exist", "'Adam'")),
    # where
    "no address": ("tracking.uri=nonsense", ("http://HOST:PORT", "Try: tracking.uri=http://")),
    "nobody at the address": ("tracking.uri=http://127.0.0.1:9", ("does not answer", "Try: tracking.uri=null")),
    "a name with a slash": ("sweep.name=a/b", ("up to 100 letters", "Try: sweep.name=first-sweep")),
    "a name of two dots": ("sweep.name=..", ("beginning with a letter or digit",)),
    "an output folder that is a file": ("output_dir=text.npz", ("cannot be written", "Try: output_dir=")),
    "no output folder": ("output_dir=", ("a folder's path", "Try: output_dir=mlruns")),
    # options and commands
    "a misspelt command": ("reprot", ("neither a command nor an override", "Did you mean 'report'")),
    "an unknown option": ("--foo", ("--foo is not an option", "Try: python -m sweeper --help")),
    "a key with dashes": ("--arch.depth=3", ("a key has no dashes", "Try: arch.depth=3")),
    "an unknown configuration": ("--config-name nope", ("--config-name nope", "Accepted: config")),
    "a folder of configurations that is not there": ("--config-dir nowhere", ("nowhere is not a folder",)),
    "Hydra's other mode": ("hydra.mode=RUN", ("hydra.mode=RUN is refused", "output_dir")),
    "another sweeper": ("hydra/sweeper=optuna", ("hydra/sweeper=optuna is refused", "Try: sampler=tpe")),
    "another sweeper's sampler": ("hydra/sweeper/sampler=tpe", ("is refused", "Try: sampler=tpe")),
    "another sweeper's number of trials": ("-m hydra.sweeper.n_trials=50 arch.depth=3,5", ("Try: sweep.trials=50",)),
    "another sweeper's batches": ("-m hydra.sweeper.max_batch_size=2 arch.depth=3,5", ("Try: sweep.workers=2",)),
    "another sweeper's direction": ("+hydra.sweeper.direction=maximize", ("Try: objective.direction=maximize",)),
    "another launcher": ("-m hydra/launcher=joblib arch.depth=3,5", ("Try: sweep.workers=2",)),
    "a launcher's number of jobs": ("-m hydra.launcher.n_jobs=4 arch.depth=3,5", ("Try: sweep.workers=4",)),
    "Hydra's own folder": ("hydra.sweep.dir=x", ("Try: output_dir=another-folder",)),
    "two things to print": ("--cfg job --info all", ("--cfg and --info are both given",)),
    "a report of nothing": ("report", ("There is no sweep in", "Try: python -m sweeper -m arch.depth=3,5,7")),
    "no rows": ("report --top 0", ("'0' is not a whole number from 1", "Try: python -m sweeper report --help")),
    "an unknown option of the report": ("report --foo", ("report does not take --foo",)),
    "the report's folder by its key": ("report output_dir=x", ("Try: python -m sweeper report --output-dir x",)),
    "a port beyond all": ("ui --port 99999", ("a whole number from 1 to 65535",)),
    "a page of nothing": ("ui --output-dir folder", ("holds no mlflow.db",)),
}


_NETS = """
def build(input_shape, num_classes, width): ...
def annotated(input_shape, num_classes, width: int): ...
"""


def _wrong_files(folder: Path) -> None:
    (folder / "folder").mkdir()
    (folder / "text.npz").write_text("no arrays\n", encoding="utf-8")
    (folder / "exits.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    (folder / "nets.py").write_text(_NETS, encoding="utf-8")
    images, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    different = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    np.savez(folder / "good.npz", **{**arrays, "x_train": different, "x_test": 255 - different})
    np.savez(folder / "pickle.npz", **{**arrays, "x_train": np.array([{}], dtype=object)})
    np.savez(folder / "a,b.npz", **arrays)
    np.savez(folder / "bright.npz", **{**arrays, "x_train": images.astype(np.float32) + 3})
    middle = images[:, :, None]
    np.savez(folder / "middle.npz", **{**arrays, "x_train": middle, "x_test": middle})
    names = np.array([f"{number}.png" for number in range(20)])
    np.savez(folder / "names.npz", **{**arrays, "y_train": names, "y_test": names})
    np.savez(folder / "odd.npz", pictures=images, classes=labels, x_test=images, y_test=labels)
    np.savez(folder / "few.npz", **{**arrays, "x_train": images[:4], "y_train": labels[:4]})
    np.savez(folder / "val.npz", **arrays, x_val=images, y_val=labels)
    whole = (folder / "good.npz").read_bytes()
    (folder / "half.npz").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize("name", LINES)
def test_a_wrong_line_is_refused_in_one_paragraph(type_line: Run, tmp_path: Path, name: str) -> None:
    line, pieces = LINES[name]
    _wrong_files(tmp_path)
    before = set(tmp_path.iterdir())

    refused = type_line(tmp_path, *shlex.split(line))

    said = refused.stderr
    assert refused.returncode == 2, said
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    assert "Try: " in said
    for piece in pieces:
        assert piece in said
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["a misspelt key", "a misspelt command", "an interval of a grid"])
def test_a_process_of_its_own_says_the_same(run_sweeper: Run, type_line: Run, tmp_path: Path, name: str) -> None:
    words = shlex.split(LINES[name][0])
    fresh, forked = run_sweeper(tmp_path, *words), type_line(tmp_path, *words)

    assert (fresh.returncode, fresh.stdout, fresh.stderr) == (forked.returncode, forked.stdout, forked.stderr)


def test_what_is_suggested_for_a_misspelling_works(run_sweeper: Run, tmp_path: Path) -> None:
    done = run_sweeper(tmp_path, "-m", "arch.dpeth=3,5")
    [suggested] = done.stderr.partition("Try: ")[2].split()

    again = run_sweeper(tmp_path, "-m", suggested, "sweep.dry_run=true")

    assert again.returncode == 0, again.stderr
    assert "Trials: 2" in again.stdout
    assert list(tmp_path.iterdir()) == []


LEGAL = {
    "a dict that is merged": ("arch={depth:2}", "Trials: 1"),
    "a deletion": ("~optimizer.rho", "Trials: 1"),
    "a key that an interpolation reads": ("+my.width=8 'arch.filters=${my.width}'", "Trials: 1"),
    "an addition that Keras takes": ("-m +optimizer.clipnorm=1.0,2.0", "Trials: 2"),
    "the same word twice": ("arch.depth=3 arch.depth=3", "Trials: 1"),
    "the same choices twice": ("-m arch.depth=3,5 arch.depth=3,5", "Trials: 2"),
    "a word before -m": ("output_dir=x -m arch.depth=3,5", "Trials: 2"),
    "an added word before -m": ("+optimizer.clipnorm=1 -m arch.depth=3,5", "Trials: 2"),
    "a deletion before -m": ("'~optimizer.rho' -m arch.depth=3,5", "Trials: 2"),
    "words on three sides of options": ("seed=1 -m arch.depth=3,5 --config-name config training.epochs=1", "Trials: 2"),
    "no experiment": ("experiment=null", "Trials: 1"),
    "a key of one of the options that vary": ("-m optimizer=sgd,adam optimizer.momentum=0.9", "Trials: 2"),
    "a key of the default among other options": ("-m optimizer=adadelta,sgd optimizer.rho=0.9", "Trials: 2"),
    "a path in quotes": ("\"output_dir='a=b(1)'\"", "Trials: 1"),
    "equal numbers": ("-m arch.dropout=0,0.0", "1 configuration equals an earlier one and was dropped"),
    "whole numbers for an optimizer": ("-m optimizer=sgd optimizer.momentum=0,0.9 +optimizer.clipnorm=1", "Trials: 2"),
    "an interval of an annotated key": (
        "-m arch=custom arch._target_=nets.annotated '+arch.width=interval(4,8)'",
        "of arch.width=tag(int,interval(4,8))",
    ),
    "a glob": ("-m 'arch=glob(depth*)'", "Trials: 3"),
    "a glob of all networks that take 28x28 images": (
        "-m 'arch=glob(*)' sweep.skip_infeasible=true",
        "Trials: 5",
    ),
    "an experiment": ("-m experiment=notebook", "Trials: 3"),
    "an interval": (
        "-m 'optimizer.learning_rate=tag(log,interval(1e-4,1))'",
        "Sampler: tpe (chosen, since optimizer.learning_rate is an interval), 20 configurations in all",
    ),
    "an interval and a total": ("-m 'arch.dropout=interval(0,0.5)' sampler=random sweep.trials=7", "Trials: 7"),
    "an interval of a key of whole numbers": ("-m 'arch.depth=interval(3,8)'", "of arch.depth=tag(int,interval(3,8))"),
    "a grid that is cut short": ("-m arch.depth=3,5,7 sweep.trials=2", "Trials: 2"),
    "a key of one option": ("-m optimizer=adam,sgd optimizer.momentum=0.5,0.9", "1 configuration equals"),
    "pairs": ("-m arch.depth=3,5 arch.kernel_size=3,5 'sweep.zip=[arch.depth,arch.kernel_size]'", "Trials: 2"),
    "an exclusion": ("-m arch.depth=3,5 seed=0,1 'sweep.exclude=[{arch.depth:5,seed:1}]'", "Trials: 3"),
    "repeats": ("-m arch.depth=3,5 sweep.seeds=3", "Trials: 6"),
    "several objectives": ("-m 'objective.metric=[val_accuracy,num_params]' arch.depth=3,5", "Trials: 2"),
    "a pruner by its class": ("-m pruner._target_=optuna.pruners.MedianPruner arch.depth=3,5", "MedianPruner"),
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_stands_beside_it_is_accepted(type_line: Run, tmp_path: Path, name: str) -> None:
    line, said = LEGAL[name]
    (tmp_path / "nets.py").write_text(_NETS, encoding="utf-8")

    done = type_line(tmp_path, *shlex.split(line), "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "nets.py"]


@pytest.mark.parametrize(
    ("line", "used", "trials"),
    [
        pytest.param("arch.depth=3 arch.depth=5", "arch.depth=5 is used, not arch.depth=3", 1, id="two values"),
        pytest.param(
            "-m arch.depth=3,5 arch.depth=7", "arch.depth=7 is used, not arch.depth=3,5", 1, id="choices first"
        ),
        pytest.param(
            "-m arch.depth=7 arch.depth=3,5", "arch.depth=3,5 is used, not arch.depth=7", 2, id="choices last"
        ),
        pytest.param("arch=depth3_kernel3 arch=cnn", "arch=cnn is used, not arch=depth3_kernel3", 1, id="a group"),
        pytest.param(
            "+optimizer.clipnorm=1 optimizer.clipnorm=2",
            "+optimizer.clipnorm=2 is used, not +optimizer.clipnorm=1",
            1,
            id="an added key",
        ),
    ],
)
def test_of_a_key_given_twice_the_last_one_is_used_and_said(
    type_line: Run, tmp_path: Path, line: str, used: str, trials: int
) -> None:
    done = type_line(tmp_path, *shlex.split(line), "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert f"Trials: {trials}," in done.stdout
    assert f"is given twice: {used}." in done.stderr


def test_a_plan_cuts_no_value_where_it_is_narrow(run_sweeper: Run, tmp_path: Path) -> None:
    words = ["-m", "optimizer=sgd,adam", "optimizer.learning_rate=0.0125,0.5", "training.early_stopping.patience=3,4"]

    narrow = run_sweeper(tmp_path, *words, "sweep.dry_run=true", env={"COLUMNS": "80"})
    wide = run_sweeper(tmp_path, *words, "sweep.dry_run=true", env={"COLUMNS": "200"})

    values = "optimizer=sgd optimizer.learning_rate=0.0125 training.early_stopping.patience=3"
    assert f"trial 0: {values}: 823,050 parameters" in narrow.stdout
    assert "…" not in narrow.stdout + wide.stdout
    assert "learning_rate" in wide.stdout
    assert "0.0125" in wide.stdout


def test_a_plan_reads_the_data_and_writes_nothing(type_line: Run, tmp_path: Path) -> None:
    _wrong_files(tmp_path)
    before = set(tmp_path.iterdir())

    done = type_line(tmp_path, "data=npz", "data.path=good.npz", "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert "Data: npz, 16 training, 4 validation and 20 test images of 8x8x1, from custom arrays, " in done.stdout
    assert set(tmp_path.iterdir()) == before
