"""The images: what is known of them before they are read, their splits, and the arrays that trials train on.

`describe` answers before anything is loaded; `prepare` reads, checks, splits and writes the arrays, once per sweep;
`check` does the same without writing. `open_training_arrays` and `as_float` are for the trials, which do not see the
test set (`open_arrays` does). What does not live here: batching, augmentation, and anything of Keras.
"""

from sweeper.data.arrays import AnyImages, as_float
from sweeper.data.prepare import check, describe, prepare
from sweeper.data.written import (
    Arrays,
    TrainingArrays,
    file_names,
    files_of,
    group_names,
    open_arrays,
    open_training_arrays,
)

__all__ = [
    "AnyImages",
    "Arrays",
    "TrainingArrays",
    "as_float",
    "check",
    "describe",
    "file_names",
    "files_of",
    "group_names",
    "open_arrays",
    "open_training_arrays",
    "prepare",
]
