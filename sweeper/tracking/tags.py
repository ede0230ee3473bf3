"""Every tag that this project sets in MLflow, in one place.

What does not live here: the values, which the tracker and the driver choose.
"""

from __future__ import annotations

#: On an experiment: the output folder that its addresses point into; `relocate` reads and rewrites it.
OUTPUT_DIR = "sweeper.output_dir"

#: On every run: the sweep's name.
SWEEP = "sweeper.sweep"

#: On every run: `KIND_SWEEP` for the parent, `KIND_TRIAL` for a child.
KIND = "sweeper.kind"
KIND_SWEEP = "sweep"
KIND_TRIAL = "trial"

#: On a trial's run and on its model: the trial's number in its sweep, from 0.
TRIAL = "sweeper.trial"

#: On a trial's run: complete, pruned, failed, or running (while it does).
STATE = "sweeper.state"

#: On a trial's run: what distinguishes it as typed, its identity's hash, its seed, why it failed.
OVERRIDES = "sweeper.overrides"
HASH = "sweeper.hash"
SEED = "sweeper.seed"
ERROR = "sweeper.error"

#: On a trial's run: the sweep, trial and run that it was taken over from, where it was trained there.
TAKEN_FROM = "sweeper.taken_from"
TAKEN_FROM_RUN = "sweeper.taken_from_run"

#: On the run of a refit: the trials of its configuration, by their number. Its own number is below 0.
REFIT = "sweeper.refit"

#: On a trial's run: when its model was deleted to free disk space (ISO 8601, UTC).
MODEL_DELETED = "sweeper.model_deleted"

#: On a version of a registered model: its trial's rank, what it was ranked by, and what its figures are not.
RANK = "sweeper.rank"
OBJECTIVE = "sweeper.objective"
LABEL = "sweeper.label"

#: Which images a run saw: the data set's name, where it came from, the digests of arrays and split.
DATA = "sweeper.data"
DATA_SOURCE = "sweeper.data_source"
DATA_DIGEST = "sweeper.data_digest"
SPLIT_DIGEST = "sweeper.split_digest"
CONVERSIONS = "sweeper.data_conversions"  # what was done to the arrays, a sentence a line; of those that it was done to
CLASS_NAMES = "sweeper.class_names"  # JSON, in the order of the outputs; of data whose classes have names

#: On a sweep's run: how often its test set was opened, and when (ISO 8601, one per line).
TEST_OPENINGS = "sweeper.test_openings"
TEST_OPENED = "sweeper.test_opened"

#: MLflow's own, which its UI reads.
MLFLOW_MODEL_VERSIONS = "mlflow.modelVersions"  # on a logged model: the registered versions made of it
MLFLOW_PARENT = "mlflow.parentRunId"
MLFLOW_USER = "mlflow.user"
MLFLOW_EXPERIMENT_KIND = "mlflow.experimentKind"
MODEL_TRAINING = "custom_model_development"  # opens the UI on the runs instead of on traces
MLFLOW_SOURCE_NAME = "mlflow.source.name"
MLFLOW_SOURCE_TYPE = "mlflow.source.type"

#: On every run: the code it came from (MLflow's own name for the commit, which its UI shows).
GIT_COMMIT = "mlflow.source.git.commit"
GIT_CHANGED = "sweeper.git_changed"
