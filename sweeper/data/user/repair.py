"""What is wrong with a user's arrays, and the line of Python that repairs it.

What does not live here: finding the faults (`images`, `labels`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.core.errors import DataError
from sweeper.data.download import path_word

#: What `data=npz` takes; ends each refusal, before what to type.
ACCEPTED = (
    "Accepted: a file as np.savez('my.npz', x_train=…, y_train=…, x_test=…, y_test=…) writes it, or a folder of the "
    "four IDX files; images (n, height, width) or (n, height, width, channels), uint8 from 0 to 255, floats in [0, 1] "
    "or bool; labels (n,), whole numbers from 0 or bool."
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


def cell(key: str) -> str:
    """An array in the statements of a fix: `a["x_train"]`."""
    return f'a["{key}"]'


def change(key: str, expression: str) -> str:
    """The statement that replaces an array; `{}` in `expression` is its name."""
    return f"{cell(key)} = {expression.format(cell(key))}"


def refusal(place: Path, faults: Sequence[Fault], stored: Mapping[str, str]) -> DataError:
    """The error for arrays that cannot be used, all faults at once, with the line to type where every one has a fix.

    Args:
        place: the `.npz` file or the folder of IDX files.
        faults: at least one.
        stored: the arrays that a repaired file holds, and the name that each has in `place`.
    """
    given = f"{place} cannot be used: {'; '.join(fault.text for fault in faults)}."
    if any(fault.fix is None for fault in faults):
        return DataError(f"{given} {ACCEPTED}  {EXAMPLE}")
    statements = list(dict.fromkeys(statement for fault in faults for statement in fault.fix or ()))
    target = place.with_name(f"{place.stem.removesuffix('-fixed')}-fixed.npz")
    code = "; ".join(
        [*_opening(place, stored), *statements, f"np.savez({json.dumps(str(target), ensure_ascii=False)}, **a)"]
    )
    return DataError(f"{given} {ACCEPTED}  Try: python -c {shlex.quote(code)}, then: data=npz {path_word(target)}")


def _opening(place: Path, stored: Mapping[str, str]) -> list[str]:
    """The statements that read the arrays into `a`."""
    name = json.dumps(str(place), ensure_ascii=False)
    if place.is_dir():
        return [
            "import numpy as np",
            "from pathlib import Path",
            "from sweeper.data.idx_format import read_arrays",
            f"a = read_arrays(Path({name}))",
        ]
    if all(key == held for key, held in stored.items()):
        arrays = f"{{k: z[k] for k in {json.dumps(list(stored))}}}"
    else:
        arrays = "{" + ", ".join(f'"{key}": z[{json.dumps(held)}]' for key, held in stored.items()) + "}"
    return ["import numpy as np", f"z = np.load({name})", f"a = {arrays}"]
