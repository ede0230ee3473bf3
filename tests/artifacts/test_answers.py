from pathlib import Path

import numpy as np
import pytest

from sweeper.artifacts import answers
from sweeper.artifacts.predictions import image_losses, read_epoch_bits, save_epoch_bits
from sweeper.core.errors import DamagedFileError
from sweeper.core.objectives import Metric
from sweeper.core.paths import AnswerPaths, TrialPaths

LABELS = np.array([0, 1, 2, 1, 0, 2, 2, 1, 0, 1])


def predictions(folder: Path, predicted: list[int], *, losses: bool = True) -> Path:
    path = folder / f"{len(list(folder.iterdir())) if folder.exists() else 0}.npz"
    folder.mkdir(exist_ok=True)
    more = {"losses": np.linspace(0, 2, len(LABELS)).astype(np.float16)} if losses else {}
    np.savez_compressed(path, predicted=np.array(predicted), labels=LABELS, **more)
    return path


@pytest.fixture
def paths(tmp_path: Path) -> AnswerPaths:
    return AnswerPaths(tmp_path / "answers")


def test_answers_read_back_as_they_were(paths: AnswerPaths, tmp_path: Path) -> None:
    first, second = [0, 1, 2, 1, 0, 2, 2, 1, 0, 0], [1, 1, 2, 0, 0, 2, 1, 1, 0, 1]
    answers.append(paths, 7, predictions(tmp_path / "npz", first))
    answers.append(paths, 3, predictions(tmp_path / "npz", second))

    found = answers.read(paths, losses=True)

    assert list(found) == [7, 3]
    assert found[7].correct.tolist() == [True] * 9 + [False]
    assert found[3].correct.tolist() == [a == b for a, b in zip(second, LABELS, strict=True)]
    assert found[3].losses is not None
    assert found[3].losses.tolist() == pytest.approx(np.linspace(0, 2, 10), abs=1e-3)
    assert answers.read(paths)[3].losses is None
    assert {number: classes.tolist() for number, classes in answers.read_predicted(paths).items()} == {
        7: first,
        3: second,
    }


def test_ten_images_take_two_bytes_of_bits(paths: AnswerPaths, tmp_path: Path) -> None:
    answers.append(paths, 0, predictions(tmp_path / "npz", list(LABELS)))

    assert paths.correct.stat().st_size == 8 + 8 + 2 + 4  # mark, number and images, bits, checksum


def test_of_a_trial_that_was_run_again_the_last_answers_count(paths: AnswerPaths, tmp_path: Path) -> None:
    answers.append(paths, 0, predictions(tmp_path / "npz", [0] * 10))
    answers.append(paths, 0, predictions(tmp_path / "npz", list(LABELS)))

    assert answers.read(paths)[0].correct.all()


@pytest.mark.parametrize("lost", [1, 5, 9])
def test_a_record_that_was_cut_off_is_left_out_and_written_over(
    paths: AnswerPaths, tmp_path: Path, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (0, 1):
        answers.append(paths, number, predictions(tmp_path / "npz", list(LABELS)))
    monkeypatch.setattr(answers, "_known", {})  # as in the process that goes on after a kill
    paths.correct.write_bytes(paths.correct.read_bytes()[:-lost])

    assert list(answers.read(paths)) == [0]
    answers.append(paths, 2, predictions(tmp_path / "npz", [1] * 10))
    found = answers.read(paths)

    assert list(found) == [0, 2]
    assert found[2].correct.tolist() == (LABELS == 1).tolist()


def test_a_file_of_predictions_without_losses_still_counts(paths: AnswerPaths, tmp_path: Path) -> None:
    answers.append(paths, 0, predictions(tmp_path / "npz", list(LABELS), losses=False))

    assert answers.read(paths, losses=True)[0].losses is None


def test_nothing_recorded_is_no_answer(paths: AnswerPaths) -> None:
    assert answers.read(paths) == {}
    assert answers.read_predicted(paths) == {}


def test_the_loss_of_an_image_is_the_cross_entropy_of_its_class() -> None:
    probabilities = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5]])

    losses = image_losses(probabilities, np.array([0, 1, 2]))

    assert losses.tolist() == pytest.approx([np.log(2), -np.log(1e-7), np.log(2)])


def test_no_changed_byte_gives_other_answers(paths: AnswerPaths, tmp_path: Path) -> None:
    rows = {0: list(LABELS), 1: [1] * 10, 2: [2] * 10}
    for number, predicted in rows.items():
        answers.append(paths, number, predictions(tmp_path / "npz", predicted))
    whole, content = answers.read(paths), paths.correct.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            paths.correct.write_bytes(content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :])
            found = answers.read(paths)
            assert len(found) < len(rows)
            for number, one in found.items():
                assert one.correct.tolist() == whole[number].correct.tolist()


def test_a_damaged_record_leaves_the_others_and_is_lacking_until_it_is_added_again(
    paths: AnswerPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {number: predictions(tmp_path / "npz", [number] * 10) for number in (0, 1, 2)}
    for number, file in files.items():
        answers.append(paths, number, file)
    monkeypatch.setattr(answers, "_known", {})  # as in another process
    content = paths.losses.read_bytes()
    place = len(content) // 2
    paths.losses.write_bytes(content[:place] + b"\xff\xff" + content[place + 2 :])

    assert answers.lacking(paths, [0, 1, 2], losses=True) == [1]
    assert answers.lacking(paths, [0, 1, 2]) == []
    answers.append(paths, 1, files[1])

    assert answers.lacking(paths, [0, 1, 2], losses=True) == []
    assert answers.read(paths, losses=True)[1].losses is not None


def test_a_file_of_an_earlier_release_without_checksums_is_read_and_continued(
    paths: AnswerPaths, tmp_path: Path
) -> None:
    paths.root.mkdir()
    bits = np.packbits(LABELS == 1).tobytes()
    paths.correct.write_bytes(np.array([5, len(LABELS)], dtype="<u4").tobytes() + bits)

    answers.append(paths, 6, predictions(tmp_path / "npz", list(LABELS)))

    found = answers.read(paths)
    assert found[5].correct.tolist() == (LABELS == 1).tolist()
    assert found[6].correct.all()


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"answers2", b"answers2" + b"\0" * 64], ids=len)
def test_zeros_and_nothing_are_no_answers(paths: AnswerPaths, tmp_path: Path, content: bytes) -> None:
    paths.root.mkdir()
    paths.correct.write_bytes(content)

    assert answers.read(paths) == {}
    answers.append(paths, 3, predictions(tmp_path / "npz", list(LABELS)))
    assert list(answers.read(paths)) == [3]


def test_damaged_predictions_are_not_added(paths: AnswerPaths, tmp_path: Path) -> None:
    path = predictions(tmp_path / "npz", list(LABELS))
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(DamagedFileError, match=r"0\.npz is damaged"):
        answers.append(paths, 0, path)
    assert not paths.correct.exists()


def test_labels_and_scores_are_kept_where_metrics_were_asked_for(paths: AnswerPaths, tmp_path: Path) -> None:
    metrics = (Metric("val_macro_f1", "maximize"), Metric("val_brier", "minimize"))
    scores = np.linspace(0, 1, len(LABELS)).astype(np.float32)
    file = tmp_path / "asked.npz"
    np.savez_compressed(file, predicted=np.roll(LABELS, 1), labels=LABELS, scores_val_brier=scores)
    answers.append(paths, 4, file, metrics)

    found = answers.read(paths, metrics=metrics)[4]

    assert found.labels is not None
    assert found.predicted is not None
    assert found.labels.tolist() == LABELS.tolist()
    assert found.predicted.tolist() == np.roll(LABELS, 1).tolist()
    assert found.scores["val_brier"].tolist() == scores.tolist()
    plain = answers.read(paths)[4]
    assert (plain.labels, plain.predicted, dict(plain.scores)) == (None, None, {})


def test_files_of_metrics_exist_only_where_they_were_asked_for(paths: AnswerPaths, tmp_path: Path) -> None:
    metrics = (Metric("val_brier", "minimize"),)
    answers.append(paths, 0, predictions(tmp_path / "npz", list(LABELS)))

    assert sorted(path.name for path in paths.root.iterdir()) == ["correct.bits", "losses.f16", "predicted.u16"]
    assert answers.lacking(paths, [0]) == []
    assert answers.lacking(paths, [0], metrics=metrics) == [0]


def test_a_damaged_record_of_scores_is_missing(paths: AnswerPaths, tmp_path: Path) -> None:
    metrics = (Metric("val_brier", "minimize"),)
    file = tmp_path / "asked.npz"
    scores = np.ones(len(LABELS), np.float32)
    np.savez_compressed(file, predicted=LABELS, labels=LABELS, scores_val_brier=scores, losses=scores.astype("<f2"))
    answers.append(paths, 0, file, metrics)
    content = bytearray(paths.scores("val_brier").read_bytes())
    content[20] ^= 1
    paths.scores("val_brier").write_bytes(bytes(content))

    assert answers.lacking(paths, [0], metrics=metrics) == [0]
    assert answers.read(paths, metrics=metrics)[0].scores == {}


def test_the_answers_of_every_epoch_are_kept_beside_the_last_ones(paths: AnswerPaths, tmp_path: Path) -> None:
    answers.append(paths, 0, predictions(tmp_path / "earlier", list(LABELS)))  # of a release that did not keep them
    trial = TrialPaths(tmp_path)
    epochs = np.array([[True] * 9 + [False], [False] * 3 + [True] * 7, [True] * 10])
    save_epoch_bits(trial, np.packbits(epochs, axis=1))
    answers.append(paths, 1, predictions(trial.artifacts, list(LABELS)))

    found = answers.read_epochs(paths)

    assert list(found) == [1]
    np.testing.assert_array_equal(found[1], epochs)
    assert answers.lacking(paths, [0, 1]) == []


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        (np.zeros((2, 3), np.uint8), r"uint8 of the shape \(2, 3\), not the bits of 10 images"),
        (np.zeros((0, 2), np.uint8), r"the shape \(0, 2\)"),
        (np.zeros((2, 2), bool), "it holds bool"),
    ],
)
def test_bits_of_other_images_are_refused(tmp_path: Path, bits: np.ndarray, said: str) -> None:  # type: ignore[type-arg]
    save_epoch_bits(TrialPaths(tmp_path), bits)

    with pytest.raises(DamagedFileError, match=said):
        read_epoch_bits(TrialPaths(tmp_path).epoch_bits, 10)


def test_a_changed_byte_of_the_epochs_bits_is_found(tmp_path: Path) -> None:
    path = TrialPaths(tmp_path).epoch_bits
    save_epoch_bits(TrialPaths(tmp_path), np.full((3, 2), 0xAB, np.uint8))
    content = path.read_bytes()
    place = content.index(b"\xab" * 6)
    path.write_bytes(content[:place] + b"\xfe" + content[place + 1 :])

    with pytest.raises(DamagedFileError, match="damaged"):
        read_epoch_bits(path, 10)
