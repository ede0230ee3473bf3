"""A trained network as an MLflow model folder: written in the trial's process, which holds TensorFlow.

Its weights are read back without TensorFlow. What does not live here: recording the folder with MLflow, which the
driver does (`sweeper.tracking.tracker`).
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from sweeper.artifacts.damage import check_archive, reading
from sweeper.host import process


def warm_up() -> None:
    """Lets MLflow look once which package has which module: 0.2 s that each saved model would take otherwise."""
    process.prepare_mlflow()
    from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

    warn_dependency_requirement_mismatches([f"numpy=={metadata.version('numpy')}"])


def save_model(
    model: Any, folder: Path, input_shape: tuple[int, int, int], num_classes: int, class_names: Sequence[str] = ()
) -> None:
    """Saves a Keras model to `folder`, which must not exist or be empty.

    The names of its classes, in the order of its outputs, are in the metadata of MLflow's model, as `class_names`.

    The signature follows from the shapes, and the requirements are named: inferring the one runs the network,
    inferring the others starts another Python for 6 s. Precision, layer names and weights stay exact.

    Input shape: (batch, height, width, channels), float32 in [0, 1].
    Output shape: (batch, num_classes), float32.
    """
    process.prepare_mlflow()
    import keras
    import mlflow.tensorflow
    import numpy as np
    import tensorflow as tf
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    float32 = np.dtype(np.float32)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(float32, (-1, *input_shape))]),
        outputs=Schema([TensorSpec(float32, (-1, num_classes))]),
    )
    with _without_optimizer(model):
        mlflow.tensorflow.save_model(
            model,
            path=str(folder),
            signature=signature,
            metadata={"class_names": list(class_names)} if class_names else None,
            pip_requirements=[
                f"tensorflow=={tf.__version__}",
                f"keras=={keras.__version__}",
                f"numpy=={np.__version__}",
            ],
        )


@contextlib.contextmanager
def _without_optimizer(model: Any) -> Iterator[None]:
    """Saves no optimizer within this block: its slots would be twice as large as the weights, and nobody reads them.

    What a trial needs to resume is its checkpoint (`sweeper.trial.checkpoint`).
    """
    former = {name: getattr(model, name) for name in ("compiled", "optimizer") if hasattr(model, name)}
    for name in former:
        setattr(model, name, False if name == "compiled" else None)
    try:
        yield
    finally:
        for name, value in former.items():
            setattr(model, name, value)


def load_model(folder: Path) -> Any:
    """Loads the network of a folder that `save_model` wrote, not compiled.

    Its weights and precision are those that were saved. Layers of a user's own are found where their module is
    imported first, or registered (`keras.saving.register_keras_serializable`). Keras's safe mode is on: a file with
    Python code in it is refused, since an output folder may come from somebody else.

    Raises:
        DamagedFileError: there is no such file, or it is not whole.
        ValueError, TypeError: a layer that cannot be made.
    """
    import keras

    check_archive(model_file(folder))
    return keras.saving.load_model(model_file(folder), compile=False)


def model_file(folder: Path) -> Path:
    """The Keras file of a model's folder."""
    return folder / "data" / "model.keras"


def read_weights(folder: Path) -> dict[str, Any]:
    """The weights of a model that `save_model` wrote, NumPy arrays by their place, without those of the optimizer.

    Keras's file is an archive with the weights in HDF5; no code in it is executed, and TensorFlow is not loaded.

    Raises:
        DamagedFileError: there is no such model, or it is not whole.
    """
    import h5py
    import numpy as np

    found: dict[str, Any] = {}

    def keep(place: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and not place.startswith("optimizer/"):
            found[place] = np.asarray(node)

    path = model_file(folder)
    check_archive(path)
    with reading(path):
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content, "r") as file:
            file.visititems(keep)
    return found
