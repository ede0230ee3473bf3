"""What is wrong with a user's arrays, and the line of Python that repairs it.

What does not live here: finding the faults (`names`, `layout`, `scale`, `labels`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.core.errors import DataError
from sweeper.data.arrays import KEYS
from sweeper.data.download import path_word

#: What `data=npz` takes; ends each refusal, before what to type.
ACCEPTED = (
    "Accepted: a file as np.savez('my.npz', x_train=…, y_train=…, x_test=…, y_test=…) writes it, or a folder of the "
    "four IDX files; images (n, height, width) or (n, height, width, channels), uint8 from 0 to 255, floats in [0, 1] "
    "or bool; labels (n,), whole numbers, bool or text."
)
EXAMPLE = "Try: data=npz data.path=my.npz"


@dataclass(frozen=True)
class Fault:
    """Something wrong with an array.

    Attributes:
        text: what is wrong, the array's name first.
        fix: Python statements that change the arrays in the dict `a`, by their names, so that it no longer is; None
            where only the user can know what is meant.
    """

    text: str
    fix: tuple[str, ...] | None = None


def change(key: str, expression: str) -> str:
    """The statement that replaces an array; `{}` in `expression` is its name."""
    cell = f"a[{json.dumps(key, ensure_ascii=False)}]"
    return f"{cell} = {expression.format(cell)}"


def pickle_fault(key: str, advice: str) -> Fault:
    """The fault of an array of Python objects, which only unpickling could read."""
    return Fault(f"{key} holds Python objects (a pickle), which is never opened (save {advice})")


def keys_word(keys: Mapping[str, str] | None) -> str:
    """` data.keys=…` as it is typed into a shell, after a space; empty without any."""
    if keys is None:
        return ""
    pairs = ",".join(f"{role}:{_quoted(name)}" for role, name in keys.items())
    return f" {shlex.quote(f'data.keys={{{pairs}}}')}"


def _quoted(name: str) -> str:
    """A name within Hydra's grammar."""
    if name.isascii() and name.replace("_", "").isalnum() and not name.isnumeric():
        return name
    escaped = name.replace("'", r"\'")
    return f"'{escaped}'"


def refusal(
    place: Path, faults: Sequence[Fault], names: Sequence[str], keys: Mapping[str, str] | None = None
) -> DataError:
    """The error for arrays that cannot be used, all faults at once, with the line to type where every one has a fix.

    Args:
        place: the `.npz` file or the folder of IDX files.
        faults: at least one.
        names: of the arrays that are used, which a repaired file holds too.
        keys: `data.keys`, where it is given.
    """
    given = f"{place} cannot be used: {'; '.join(fault.text for fault in faults)}."
    if any(fault.fix is None for fault in faults):
        return DataError(f"{given} {ACCEPTED}  {EXAMPLE}")
    statements = list(dict.fromkeys(statement for fault in faults for statement in fault.fix or ()))
    target = place.with_name(f"{place.stem.removesuffix('-fixed')}-fixed.npz")
    code = "; ".join(
        [*_opening(place, names), *statements, f"np.savez({json.dumps(str(target), ensure_ascii=False)}, **a)"]
    )
    line = f"data=npz {path_word(target)}{keys_word(keys)}"
    return DataError(f"{given} {ACCEPTED}  Try: python -c {shlex.quote(code)}, then: {line}")


def unknown_names(place: Path, faults: Sequence[Fault], number: int) -> DataError:
    """The error for a file whose names do not say which of its arrays, so many, is which."""
    text = f"{place} cannot be used: {'; '.join(fault.text for fault in faults)}. {ACCEPTED}"
    if number < len(KEYS):
        return DataError(f"{text}  {EXAMPLE}")
    word = shlex.quote("data.keys={x_train:NAME,y_train:NAME,x_test:NAME,y_test:NAME}")
    return DataError(
        f"{text} Names as train_images and train_labels, or train_data and train_targets, are understood too, and "
        "data.keys names any others.  "
        f"Try: data=npz {path_word(place)} {word}"
    )


def _opening(place: Path, names: Sequence[str]) -> list[str]:
    """The statements that read the arrays into `a`."""
    name = json.dumps(str(place), ensure_ascii=False)
    if place.is_dir():
        return [
            "import numpy as np",
            "from pathlib import Path",
            "from sweeper.data.formats.idx import read_arrays",
            f"a = read_arrays(Path({name}))",
        ]
    arrays = f"{{k: z[k] for k in {json.dumps(list(names), ensure_ascii=False)}}}"
    return ["import numpy as np", f"z = np.load({name})", f"a = {arrays}"]
