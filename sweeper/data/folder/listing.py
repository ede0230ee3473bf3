"""Which pictures a folder holds, of which class and in which split, by the names of files and folders alone.

    DIR/CLASS/…                          one folder per class, or
    DIR/train/CLASS/…  DIR/val/CLASS/…  DIR/test/CLASS/…

Folders below a class belong to it. What does not live here: what is in the files (`pictures`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.core.errors import DataError
from sweeper.core.text import listed
from sweeper.data.download import explaining, given_path, path_word

#: The ends of the names of pictures; upper and lower case count as the same.
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

#: The names of folders that are splits, in any case.
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "validation", "valid", "dev"),
    "test": ("test", "testing"),
}

ACCEPTED = (
    "Accepted: a folder with one folder of pictures per class (DIR/cat/1.png, DIR/dog/2.jpg), or the same in DIR/train "
    "and, where there are any, DIR/val and DIR/test; png, jpg, jpeg, bmp, gif, webp, tif, tiff."
)
EXAMPLE = "Try: data=folder data.path=pictures"

_NAMED = 3  # names in one sentence


@dataclass(frozen=True)
class Picture:
    """A file that is a picture by its name.

    Attributes:
        name: its path within the folder, with `/`.
        split: train, val or test.
        label: its class, a place among the names of the classes.
        size: in bytes.
        mtime_ns: when it was last changed.
    """

    name: str
    split: str
    label: int
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        root: the folder, absolute.
        pictures: sorted by their names.
        class_names: sorted; a class's number is its place here.
        splits: the folder of each split that has its own: train, val, test; empty where DIR holds the classes.
        notes: what was left out, each a sentence.
    """

    root: Path
    pictures: tuple[Picture, ...]
    class_names: tuple[str, ...]
    splits: dict[str, str]
    notes: tuple[str, ...]

    def path(self, picture: Picture) -> Path:
        """Where a picture lies."""
        return self.root / picture.name


@dataclass(frozen=True)
class _File:
    """A file within the folder: the names of the folders above it, and its own last."""

    parts: tuple[str, ...]
    size: int
    mtime_ns: int


def list_pictures(path: str) -> Listing:
    """Lists the pictures of `data.path`.

    Raises:
        DataError: it is missing, no folder, holds no pictures or fewer than two classes, or names that do not fit.
    """
    root = _folder(path)
    files, others = _files(root)
    if not files:
        raise _refusal(root, f"holds no picture{_among(others)}")
    splits = _splits(root, files)
    depth = 1 if splits else 0
    kinds = {folder: split for split, folder in splits.items()}
    stray = [file for file in files if len(file.parts) < depth + 2]
    inside = [file for file in files if len(file.parts) >= depth + 2]
    if not inside:
        where = root / files[0].parts[0] if splits else root
        raise _refusal(root, f"has no folder per class: its {_pictures(len(stray))} lie in {where} itself")
    class_names = _class_names(root, splits, inside, depth)
    numbers = {name: number for number, name in enumerate(class_names)}
    pictures = [
        Picture(
            "/".join(file.parts),
            kinds[file.parts[0]] if splits else "train",
            numbers[file.parts[depth]],
            file.size,
            file.mtime_ns,
        )
        for file in inside
    ]
    notes = [
        *_stray_notes(stray),
        *_skipped_notes(others),
        *_empty_notes(root, splits, {file.parts[: depth + 1] for file in inside}),
    ]
    return Listing(root, tuple(sorted(pictures, key=lambda one: one.name)), class_names, splits, tuple(notes))


def holds_folders_of_pictures(place: Path) -> bool:
    """Whether a folder has a folder with a picture in it, or in a folder of that one."""
    below = (path for pattern in ("*/*", "*/*/*") for path in place.glob(pattern))
    return any(path.name.lower().endswith(ENDINGS) for path in below)


def _folder(path: str) -> Path:
    with explaining(f"{ACCEPTED}  {EXAMPLE}"):
        root = given_path(path)
    if root.is_dir():
        return root
    if root.suffix.lower() == ".npz":
        raise DataError(f"data.path={path} is a file of arrays, not a folder. {ACCEPTED}  "
                        f"Try: data=npz {path_word(path)}")  # fmt: skip
    raise DataError(f"data.path={path} is a file, not a folder of pictures. {ACCEPTED} An archive is unpacked first.  "
                    f"{EXAMPLE}")  # fmt: skip


def _refusal(root: Path, what: str) -> DataError:
    return DataError(f"{root} {what}. {ACCEPTED}  {EXAMPLE}")


def _pictures(number: int) -> str:
    return f"{number:,} picture{'' if number == 1 else 's'}"


def _among(others: Sequence[str]) -> str:
    return f" among its {len(others):,} files ({listed(others, _NAMED)})" if others else ""


def _files(root: Path) -> tuple[list[_File], list[str]]:
    """The pictures below a folder, and the names of the files that are none."""
    pictures: list[_File] = []
    others: list[str] = []
    for parts, entry in _walk(root, (), ()):
        name = parts[-1]
        if name.startswith(".") or not name.lower().endswith(ENDINGS):
            others.append("/".join(parts))
            continue
        try:
            found = entry.stat()
        except OSError:  # a link to nothing: reading it says why, with the other pictures that are broken
            pictures.append(_File(parts, 0, 0))
        else:
            pictures.append(_File(parts, found.st_size, found.st_mtime_ns))
    return pictures, sorted(others)


def _walk(
    folder: Path, above: tuple[str, ...], seen: tuple[tuple[int, int], ...]
) -> Iterator[tuple[tuple[str, ...], os.DirEntry[str]]]:
    """Every file below a folder, links followed, hidden folders left out.

    Args:
        folder: where to look.
        above: the names of the folders down to it.
        seen: what identifies each of them.
    """
    try:
        here = folder.stat()
        if (here.st_dev, here.st_ino) in seen:
            raise DataError(
                f"{folder} is a link to a folder that it lies in, so its pictures would have no end. Accepted: links "
                "to files and to other folders.  Try: delete that link"
            )
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as err:
        raise DataError(f"{folder} cannot be read ({err.strerror or err}). {ACCEPTED}  {EXAMPLE}") from err
    for entry in entries:
        _check_name(folder, entry.name)
        if not _is_folder(entry):
            yield (*above, entry.name), entry
        elif not entry.name.startswith("."):
            yield from _walk(folder / entry.name, (*above, entry.name), (*seen, (here.st_dev, here.st_ino)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reading it as a picture says why it cannot be
        return False


def _check_name(folder: Path, name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as err:
        raise DataError(
            f"{folder} holds a name that is not UTF-8: {os.fsencode(name)!r}. Accepted: names in UTF-8.  "
            "Try: convmv -r -f latin1 -t utf8 --notest FOLDER, where they are in Latin-1"
        ) from err


def _splits(root: Path, files: Sequence[_File]) -> dict[str, str]:
    """The folder of each split; empty where the folders are classes.

    `train` is a split if its pictures lie in folders; where they lie in `train` itself, next to other folders, it is a
    class as they are.
    """
    tops = sorted({file.parts[0] for file in files if len(file.parts) > 1})
    found = {split: [top for top in tops if top.lower() in names] for split, names in SPLITS.items()}
    others = [top for top in tops if not any(top in folders for folders in found.values())]
    is_split = any(len(file.parts) > 2 and file.parts[0] in found["train"] for file in files)
    if others and not is_split:
        return {}
    if others:
        raise _refusal(root, f"has {found['train'][0]} with folders in it, as a split, and also {listed(others)}, "
                             "which is none")  # fmt: skip
    if not found["train"]:
        if not any(found.values()):
            return {}
        raise _refusal(root, f"has {listed(tops)}, but no folder train")
    for folders in found.values():
        if len(folders) > 1:
            raise _refusal(root, f"has {listed(folders)}, which are the same split")
    return {split: folders[0] for split, folders in found.items() if folders}


def _class_names(root: Path, splits: dict[str, str], files: Sequence[_File], depth: int) -> tuple[str, ...]:
    """The classes of the training pictures, sorted."""
    if not splits:
        names = tuple(sorted({file.parts[0] for file in files}))
    else:
        names = tuple(sorted({file.parts[1] for file in files if file.parts[0] == splits["train"]}))
        for split, folder in splits.items():
            unknown = sorted({file.parts[1] for file in files if file.parts[0] == folder} - set(names))
            if unknown and names:
                they = "it has" if len(unknown) == 1 else "they have"
                raise DataError(
                    f"{root / folder} has {listed(unknown)}, which {root / splits['train']} has not: {they} no "
                    f"training picture. Accepted: in {split}, classes that train has.  Try: move the folder out of "
                    f"{folder}, or add its pictures to {splits['train']}"
                )
    if len(names) < 2:
        where = root / splits["train"] if splits else root
        has = f"one class only ({names[0]})" if names else "no class"
        raise _refusal(root, f"has {has}{'' if where == root else f' in {where.name}'}; at least 2 are needed")
    return names


def _stray_notes(stray: Sequence[_File]) -> list[str]:
    if not stray:
        return []
    names = listed(["/".join(file.parts) for file in stray], _NAMED)
    return [f"{_pictures(len(stray))} in no class's folder {'is' if len(stray) == 1 else 'are'} left out: {names}."]


def _skipped_notes(others: Sequence[str]) -> list[str]:
    if not others:
        return []
    kinds = Counter(name.rpartition("/")[2] for name in others)
    names = [name if count == 1 else f"{name} ({count:,} times)" for name, count in kinds.most_common()]
    number = f"{len(others):,} file{' that is no picture was' if len(others) == 1 else 's that are no pictures were'}"
    return [f"{number} skipped: {listed(names, _NAMED)}."]


def _empty_notes(root: Path, splits: dict[str, str], filled: set[tuple[str, ...]]) -> list[str]:
    """Folders that would be classes, and hold no picture."""
    places = [(folder,) for folder in splits.values()] if splits else [()]
    empty = sorted(
        "/".join((*place, entry.name))
        for place in places
        for entry in os.scandir(root.joinpath(*place))
        if entry.is_dir() and not entry.name.startswith(".") and (*place, entry.name) not in filled
    )
    if splits:
        empty += sorted(
            entry.name
            for entry in os.scandir(root)
            if entry.is_dir() and not entry.name.startswith(".") and entry.name not in splits.values()
        )
    if not empty:
        return []
    return [
        f"{len(empty):,} folder{' without a picture is' if len(empty) == 1 else 's without pictures are'} no class: "
        f"{listed(empty, _NAMED)}."
    ]
