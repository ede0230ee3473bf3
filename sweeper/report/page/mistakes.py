"""What the networks get wrong: the confusion matrix of the best, and the images that are hard or in dispute."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.core.text import percent
from sweeper.metrics import by_class
from sweeper.report.examples import Exhibits, ShownImage
from sweeper.report.page.vega import Chart, Spec, Variant
from sweeper.report.text import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLASSES = 20  # classes up to which the confusion matrix is a table; of more it is a chart
_CONFUSIONS = 6  # pairs of classes named
_GUESSES = 5  # classes named that an image is taken for


@dataclass(frozen=True)
class Picture:
    """An image of the data with what is said of it."""

    address: str
    alt: str
    label: str
    right: str
    guesses: str
    file: str


@dataclass(frozen=True)
class Mistakes:
    """What is shown of mistakes.

    Attributes:
        best: what the trial is called whose confusions are shown.
        classes: what each class is called.
        matrix: rows of counts with their share of the true class in per cent; empty where there are too many classes.
        chart: the matrix where it is too large for a table.
        confusions: true class, predicted class and count of what is most often confused.
        by_class: of each class its name, precision, recall, F1 and number of images.
        nobody, disputed: images, as in `Exhibits`.
        notes: what cannot be shown, with the reason.
    """

    best: str
    classes: tuple[str, ...]
    matrix: tuple[tuple[tuple[int, int], ...], ...]
    chart: Chart | None
    confusions: tuple[tuple[str, str, int], ...]
    by_class: tuple[tuple[str, str, str, str, str], ...]
    nobody: tuple[Picture, ...]
    disputed: tuple[Picture, ...]
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.matrix or self.chart or self.nobody or self.disputed or self.notes)


def mistakes(exhibits: Exhibits, names: Mapping[int, str], notes: tuple[str, ...]) -> Mistakes:
    """Lays out what is shown of mistakes.

    Args:
        exhibits: images and confusion matrix.
        names: what each trial is called.
        notes: those of the exhibits, as they are written.
    """
    is_small = exhibits.confusion is not None and len(exhibits.confusion) <= _CLASSES
    return Mistakes(
        best="" if exhibits.best is None else f"trial {names.get(exhibits.best, exhibits.best)}",
        classes=_classes(exhibits),
        matrix=_matrix(exhibits) if is_small else (),
        chart=None if is_small or exhibits.confusion is None else _chart(exhibits),
        confusions=_confusions(exhibits),
        by_class=_by_class(exhibits),
        nobody=tuple(_picture(image, exhibits) for image in exhibits.nobody),
        disputed=tuple(_picture(image, exhibits) for image in exhibits.disputed),
        notes=notes,
    )


def _called(exhibits: Exhibits, label: int) -> str:
    """A class's name, without what could play tricks, else its number."""
    return plain(exhibits.class_names[label]) if exhibits.class_names else str(label)


def _classes(exhibits: Exhibits) -> tuple[str, ...]:
    """What each class is called."""
    number = 0 if exhibits.confusion is None else len(exhibits.confusion)
    return tuple(_called(exhibits, label) for label in range(number))


def _matrix(exhibits: Exhibits) -> tuple[tuple[tuple[int, int], ...], ...]:
    if exhibits.confusion is None:
        return ()
    return tuple(
        tuple((int(count), round(100 * int(count) / max(int(line.sum()), 1))) for count in line)
        for line in exhibits.confusion
    )


def _confusions(exhibits: Exhibits) -> tuple[tuple[str, str, int], ...]:
    matrix, names = exhibits.confusion, _classes(exhibits)
    if matrix is None:
        return ()
    wrong = [
        (label, predicted, int(matrix[label, predicted]))
        for label in range(len(matrix))
        for predicted in range(len(matrix))
        if label != predicted and matrix[label, predicted]
    ]
    most = sorted(wrong, key=lambda one: -one[2])[:_CONFUSIONS]
    return tuple((names[label], names[predicted], count) for label, predicted, count in most)


def _by_class(exhibits: Exhibits) -> tuple[tuple[str, str, str, str, str], ...]:
    if exhibits.confusion is None:
        return ()
    return tuple(
        (name, percent(one.precision), percent(one.recall), f"{one.f1:.4f}", f"{one.support:,}")
        for name, one in zip(_classes(exhibits), by_class(exhibits.confusion), strict=True)
    )


def _chart(exhibits: Exhibits) -> Chart:
    """A field for each pair of classes that occurs, the darker the larger its share of the true class."""
    names: Sequence[int | str] = _classes(exhibits) if exhibits.class_names else range(len(_matrix(exhibits)))
    rows = tuple(
        (names[label], names[predicted], count, share)
        for label, line in enumerate(_matrix(exhibits))
        for predicted, (count, share) in enumerate(line)
        if count
    )
    right = sum(count for label, predicted, count, _ in rows if label == predicted)
    of = sum(count for _, _, count, _ in rows)

    def axis(field: str, title: str, **more: Any) -> Spec:
        scale = {"domain": list(names), "paddingInner": 0, **more}
        return {"field": field, "type": "ordinal", "axis": {"title": title, "labelOverlap": True}, "scale": scale}

    spec: Spec = {
        "height": 520,
        "mark": {"type": "rect"},
        "encoding": {
            "x": axis("predicted", "predicted class"),
            "y": axis("label", "true class"),
            "color": {
                "condition": {"test": "datum.label === datum.predicted", "value": "var(--group)"},
                "value": "var(--leader)",
            },
            "opacity": {
                "field": "share",
                "type": "quantitative",
                "scale": {"domain": [0, 100], "range": [0.25, 1]},
                "legend": None,
            },
            "tooltip": [{"field": name, "title": name} for name in ("label", "predicted", "count")],
        },
    }
    finding = f"{right:,} of {of:,} validation images lie on the diagonal, of {len(names)} classes."
    return Chart("", finding, (Variant("matrix", spec),), ("label", "predicted", "count", "share"), rows)


def _picture(image: ShownImage, exhibits: Exhibits) -> Picture:
    own = _called(exhibits, image.label)
    guessed = image.guesses.items()
    taken = [f"{_called(exhibits, label)} ({number})" for label, number in guessed if label != image.label]
    guesses = ", ".join(taken[:_GUESSES])
    right = f"{image.num_right} of {exhibits.num_trials} right"
    file = plain(image.file)
    alt = f"Validation image {image.index}{f' ({file})' if file else ''}, of class {own}: {right}"
    alt = f"{alt}; taken for {guesses}" if taken else alt
    return Picture(address(image.pixels), alt, own, right, guesses, file)


_SIDE = 128  # pixels of the longer side


def address(pixels: NDArray[np.uint8]) -> str:
    """The `data:` address of an image; of a large one every second pixel, or third, as it is shown small.

    Args:
        pixels: (height, width, channels), uint8; three channels are red, green and blue, of other numbers the first is
            drawn in grey.
    """
    step = -(-max(pixels.shape[:2]) // _SIDE)
    return f"data:image/png;base64,{base64.b64encode(png(pixels[::step, ::step])).decode('ascii')}"


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An image as PNG, eight bits per sample."""
    from PIL import Image

    samples = pixels if pixels.shape[2] == 3 else pixels[:, :, 0]
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(samples, dtype=np.uint8)).save(content, "PNG", optimize=True)
    return content.getvalue()
