"""The images: what is known of them beforehand, their splits, and the arrays that trials train on.

`describe` answers before anything is loaded, `prepare` reads, checks, splits and lays the arrays down
once a sweep, `open_arrays` and `as_float` are for the trials. What does not live here: batching,
augmentation, and anything of Keras.
"""

from sweeper.data.arrays import Arrays, as_float, open_arrays
from sweeper.data.preparation import describe, prepare

__all__ = ["Arrays", "as_float", "describe", "open_arrays", "prepare"]
