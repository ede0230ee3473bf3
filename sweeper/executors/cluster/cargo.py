"""The files that a trial needs, the files that it leaves, and how files travel: in pieces.

A piece is small enough that a data set larger than Ray's object store passes through it. A file is written beside its
place and renamed with its last piece, so that nobody meets half of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweeper import data
from sweeper.core.datasets import PreparedData
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EvaluationSpec, TrialSpec

PIECE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Piece:
    """A part of a file.

    Attributes:
        number: of the trial whose file it is, as its receiver knows it.
        folder: which of the trial's folders it belongs to, from 0.
        place: the file's path, relative to a folder that its receiver knows.
        offset: of its first byte.
        content: its bytes; empty for an empty file.
        is_last: whether the file is complete with it.
    """

    number: int
    folder: int
    place: str
    offset: int
    content: bytes
    is_last: bool


def pieces(file: Path, place: str, number: int = 0, folder: int = 0) -> Iterator[Piece]:
    """A file's pieces, in order. One that is replaced meanwhile is sent as it was when the first piece was read."""
    with file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        offset, is_last = 0, False
        while not is_last:
            content = opened.read(PIECE_BYTES)
            is_last = offset + len(content) >= size or not content
            yield Piece(number, folder, place, offset, content, is_last)
            offset += len(content)


def lay_down(root: Path, piece: Piece) -> None:
    """Writes a piece below `root`; its file appears with the last one.

    Raises:
        ValueError: its place is not below `root`.
        OSError: it cannot be written.
    """
    place = root / piece.place
    if not place.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{piece.place} is not below {root}")
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.part")
    with beside.open("wb" if piece.offset == 0 else "r+b") as file:
        file.seek(piece.offset)
        file.write(piece.content)
    if piece.is_last:
        os.replace(beside, place)


@dataclass(frozen=True)
class Cargo:
    """A trial, packed for an agent.

    Attributes:
        spec: the trial with paths that are relative to the agent's folder.
        shared: files that trials share, with their place there; each goes to an agent once.
        own: this trial's files, with their place there.
        folders: the trial's folders here, in the order in which the agent counts them.
    """

    spec: TrialSpec
    shared: tuple[tuple[Path, str], ...]
    own: tuple[tuple[Path, str], ...]
    folders: tuple[Path, ...]


@dataclass
class Places:
    """What is called what in the folders of agents: a short name for each folder and each file of images."""

    _names: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path, kind: str) -> str:
        """The same name for the same path: `data/0`."""
        return self._names.setdefault(path, f"{kind}/{len(self._names)}")


def job_folder(number: int) -> Path:
    """Where an agent keeps a trial's folders, relative to its own."""
    return Path("jobs") / str(number)


def packed(spec: TrialSpec, number: int, places: Places) -> Cargo:
    """Packs a trial.

    Args:
        spec: the trial, with this machine's paths.
        number: what the agent calls it.
        places: names of what was packed before.
    """
    job = job_folder(number)
    with_test = isinstance(spec, EvaluationSpec)
    prepared, shared = _moved(spec.data, places, with_test=with_test)
    own: list[tuple[Path, str]] = []
    checkpoint = TrialPaths(spec.folder).checkpoint
    if checkpoint.is_file():
        own.append((checkpoint, str(TrialPaths(job / "0").checkpoint)))
    there = replace(spec, number=number, folder=job / "0", data=prepared)
    folders = [spec.folder]
    if isinstance(spec, EvaluationSpec) and isinstance(there, EvaluationSpec):
        following = []
        for place, further in enumerate(spec.following, start=1):
            moved, more = _moved(further.data, places, with_test=True)
            shared += more
            own += _tree(further.trained, job / f"trained-{place}")
            folders.append(further.folder)
            one = replace(further, folder=job / str(place), data=moved, trained=job / f"trained-{place}")
            following.append(one)
        own += _tree(spec.trained, job / "trained-0")
        there = replace(there, trained=job / "trained-0", following=tuple(following))
    return Cargo(there, tuple(dict.fromkeys(shared)), tuple(own), tuple(folders))


def _moved(prepared: PreparedData, places: Places, *, with_test: bool) -> tuple[PreparedData, list[tuple[Path, str]]]:
    """A data set with an agent's paths, and its files. A trial that trains gets no test image."""
    folder = places.of(prepared.folder, "data")
    files, mapped = data.files_of(prepared, with_test=with_test)
    shared = [(file, f"{folder}/{file.name}") for file in files]
    shared += [(file, places.of(file, "images")) for file in mapped.values()]
    elsewhere = {name: Path(places.of(file, "images")) for name, file in mapped.items()}
    return replace(prepared, folder=Path(folder), mapped=elsewhere), shared


def _tree(root: Path, place: Path) -> list[tuple[Path, str]]:
    return [(file, str(place / file.relative_to(root))) for file in sorted(root.rglob("*")) if file.is_file()]


def rooted(spec: TrialSpec, root: Path) -> TrialSpec:
    """The trial with an agent's paths made absolute."""
    prepared = spec.data
    mapped = {name: root / file for name, file in prepared.mapped.items()}
    there = replace(
        spec, folder=root / spec.folder, data=replace(prepared, folder=root / prepared.folder, mapped=mapped)
    )
    if isinstance(there, EvaluationSpec):
        following = tuple(
            one for further in there.following if isinstance(one := rooted(further, root), EvaluationSpec)
        )
        there = replace(there, trained=root / there.trained, following=following)
    return there


def left_behind(root: Path, number: int, num_folders: int) -> Iterator[Piece]:
    """The files that a trial left in its folders, below `root`, and then no more: they are deleted.

    A folder's `result.json` comes last: where it is, all others are. The checkpoint of a finished trial stays behind.
    """
    for folder in range(num_folders):
        paths = TrialPaths(root / str(folder))
        kept = [file for _, file in sorted((file == paths.result, file) for file in _files(paths.root))]
        for file in kept:
            if file == paths.checkpoint and paths.result in kept:
                continue
            yield from pieces(file, str(file.relative_to(paths.root)), number, folder)
    shutil.rmtree(root)


def _files(root: Path) -> Iterator[Path]:
    return (file for file in root.rglob("*") if file.is_file() and not file.name.endswith((".tmp", ".part")))
