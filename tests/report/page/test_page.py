"""The page of a report: what is in it, that nothing user-given becomes markup, its size, odd sweeps."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sweeper.core.errors import StoreError
from sweeper.core.objectives import Objective
from sweeper.core.test_set import Opening
from sweeper.core.trials import Origin, TrialFacts, TrialRow, TrialState
from sweeper.ranking.findings import Cheapest, ConfigurationFindings, Confirmation, ExpectedAccuracy, Finalist, Findings
from sweeper.report import command_lines
from sweeper.report import text as texts
from sweeper.report.examples import Exhibits, ShownImage
from sweeper.report.page import mistakes, page, vega_bundle, write_page
from sweeper.report.sweep_report import SweepReport

ACCURACY = Objective("val_accuracy", "maximize")
CNN = {"_target_": "models.cnn.build", "depth": 3, "kernel_size": 3, "pool_size": [1, 2, 3]}
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!-- <script>",
    "<img src=x onerror=alert(3)>",
    '" onmouseover="alert(4)',
    "' onfocus='alert(5)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp; ]]>",
    "a\nb\r\x00\x1b[31m",
    "größe 数字 🧪",
    "\u202egnp.exe",
    "\ud800 alone",
    "\u2028line\u2029",
    "x" * 400,
]


def history(length: int, end: float = 0.9) -> tuple[dict[str, float], ...]:
    return tuple(
        {"loss": 1 / epoch, "accuracy": end - 0.1 / epoch, "val_loss": 1.2 / epoch, "val_accuracy": end - 0.2 / epoch}
        for epoch in range(1, length + 1)
    )


def trial(number: int, accuracy: float = 0.9, **more: Any) -> TrialRow:
    metrics = {
        "val_accuracy": accuracy,
        "val_loss": 1 - accuracy,
        "train_accuracy": 0.8,
        "train_loss": 0.4,
        "num_params": 1000 * (number + 1),
        "flops": 5000 * (number + 1),
        "epochs": 3,
        "duration_s": 10.0 + number,
        **more.pop("metrics", {}),
    }
    params = more.pop("params", {"arch.depth": number % 3, "optimizer.learning_rate": 10.0 ** -(number % 5)})
    return TrialRow(
        number,
        more.pop("state", TrialState.COMPLETE),
        params,
        metrics,
        run_id=more.pop("run_id", f"{number:032x}"),
        history=more.pop("history", history(3, accuracy)),
        overrides=more.pop("overrides", tuple(f"{key}={value}" for key, value in params.items())),
        facts=TrialFacts(num_validation=1000, num_train=4000),
        arch=CNN,
        **more,
    )


def failed(number: int, error: str) -> TrialRow:
    return TrialRow(number, TrialState.FAILED, {"arch.depth": number}, error=error, overrides=(f"arch.depth={number}",))


def sweep(*rows: TrialRow, name: str = "first", **more: Any) -> SweepReport:
    params = more.pop("params", tuple(dict.fromkeys(key for row in rows for key in row.params)))
    about = {"data": "digits", "started": "2026-11-23T16:10:58+00:00", "fixed": "", **more.pop("about", {})}
    return SweepReport(name, more.pop("objective", ACCURACY), params, rows, about, **more)


class Reader(HTMLParser):
    """Elements and texts of a page, as a browser would have them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts[-1] += data
        elif self._within != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def read(*reports: SweepReport, **exhibits: Exhibits) -> Reader:
    return Reader(page(reports, exhibits))


def body_rows(text: str) -> list[str]:
    return re.findall(r'<tr class="[^"]*" data-row="\d+">.*?</tr>', text, re.DOTALL)


def test_the_page_says_what_was_searched_what_leads_and_what_it_cost() -> None:
    about = {"sampler": "tpe", "pruner": "median"}
    pruned = trial(2, 0.7, state=TrialState.PRUNED, history=history(1))
    shown = read(sweep(trial(0, 0.91), trial(1, 0.95), pruned, failed(3, "out of memory"), about=about))
    for expected in (
        "first",
        "started 23 November 2026, 16:10 UTC",
        "95.00 % val_accuracy of trial 1; 95 % interval 93.47 to 96.19 %",
        "2 complete, 1 pruned, 1 failed",
        "33.0 s of training in 7 epochs, over all trials",
        "What varied: arch.depth (0, 1, 2, 3) and optimizer.learning_rate (0.01, 0.1, 1.0).",
        "the sampler tpe, and the pruner median ended the worse ones early",
        "Data: digits, 4,000 images to train on and 1,000 validation images to evaluate on.",
        "trial 3 out of memory",
        "The test set has not been opened.",
    ):
        assert expected in shown.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_wherever_it_comes_from(text: str) -> None:
    key = f"arch.{text}"
    rows = [
        trial(0, 0.9, params={key: text}, overrides=(f"{key}={text}",)),
        trial(1, 0.8, params={key: "b"}),
        failed(2, text),
    ]
    findings = Findings(leader=0, group=(0,))
    report = sweep(
        *rows,
        name=text,
        about={"data": text, "sampler": text, "fixed": ""},
        findings=findings,
        sentences=(text,),
        warnings=(text,),
    )
    whole = page([report], {text: Exhibits(notes=(text,))})
    whole.encode("utf-8")
    shown, calm = (
        Reader(whole),
        read(sweep(*(trial(n, 0.9 - n / 10, params={"a.b": "ab"[n]}) for n in (0, 1)), failed(2, "x"))),
    )
    assert len(shown.scripts) == len(calm.scripts) == 3
    assert {tag for tag, _ in shown.tags} <= {tag for tag, _ in calm.tags} | {"p", "b"}
    for _, attributes in shown.tags:
        assert not any(name.startswith("on") for name in attributes)
    readable = texts.plain(text)
    assert " ".join(readable.split()) in shown.text
    assert f"arch.{readable}" in [column["label"] for column in shown.data["s0"]["board"]["columns"]]


def test_the_policy_lets_nothing_be_fetched_and_only_these_scripts_run() -> None:
    shown = read(sweep(trial(0)))
    policy = next(one["content"] for one in shown.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe-eval" not in policy
    for script in shown.scripts[1:]:  # the first is data, which no browser runs
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    addresses = [one.get("src") or one.get("href") or "" for _, one in shown.tags]
    assert all(address.startswith(("#", "data:")) for address in addresses if address)


def test_the_library_is_kept_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = vega_bundle.bundle()
    assert "vegaEmbed" in text
    assert "</script" not in text.lower()
    assert "<!--" not in text
    monkeypatch.setattr(vega_bundle, "_kept", lambda: tmp_path / "share" / "vega.js")
    monkeypatch.setattr(vega_bundle, "_make", lambda: "made")
    vega_bundle.bundle.cache_clear()
    try:
        assert vega_bundle.bundle() == "made"
        assert (tmp_path / "share" / "vega.js").read_text() == "made"
    finally:
        vega_bundle.bundle.cache_clear()


def test_rows_stand_best_first_with_their_interval_drawn_and_the_group_marked() -> None:
    findings = Findings(leader=1, group=(1, 0), rank_intervals={0: (1, 2), 1: (1, 2), 2: (3, 3), 3: (4, 4)})
    whole = page([sweep(trial(0, 0.94), trial(1, 0.95), trial(2, 0.8), trial(3, 0.1), findings=findings)])
    first, second, third, last = body_rows(whole)
    assert 'class="complete leader"' in first
    assert 'aria-label="leader"' in first
    assert "1 (1–2)" in first
    assert "95.00 %" in first
    assert "93.47–96.19" in first
    assert 'aria-label="leading group"' in second
    assert "mark leader" not in third
    assert "mark group" not in third
    assert re.search(r'class="bar" style="--l:[\d.]+%;--m:[\d.]+%;--r:[\d.]+%"', first)
    assert 'class="bar off"' in last, "an interval below the common scale is drawn as an arrow"


def test_findings_are_told_as_they_are() -> None:
    findings = Findings(
        leader=1,
        num_compared=2,
        num_images=1000,
        group=(1, 0),
        expected=ExpectedAccuracy(0.95, 0.94, 0.92, 0.96),
        cheapest=(Cheapest("num_params", 0, 1000, 2000),),
        test=Confirmation(
            360,
            (Opening("2026-11-23T17:00:00+00:00", (1, 0)),),
            (Finalist(1, 0.93, 0.2, 0.9, 0.95), Finalist(0, 0.92, 0.3, 0.89, 0.94, 0.7)),
            (),
        ),
    )
    rows = [trial(n, accuracy, metrics={"test_accuracy": accuracy - 0.02}) for n, accuracy in enumerate((0.94, 0.95))]
    said = {"sentences": ("Trial 1 leads.", "Nothing else is known."), "warnings": ("One seed each.",)}
    shown = read(sweep(*rows, findings=findings, **said))
    for expected in (
        "Trial 1 leads. Nothing else is known.",
        "Note. One seed each.",
        "2 trials of 2, which 1,000 images cannot separate",
        "Expected of it on new images 94.00 % 95 % interval 92.00 to 96.00 %; measured 95.00 %",
        "parameters trial 0 1,000 2,000",
        "360 test images, opened once.",
        "23 November 2026, 17:00 UTC, for trials 1 and 0",
        "1 93.00 % 90.00 to 95.00 %",
    ):
        assert expected in shown.text
    board = shown.data["s0"]["board"]
    tested = [column["key"] for column in board["columns"]].index("test_accuracy")
    assert [row[3][tested] for row in board["rows"]] == ["93.00 %", "92.00 %"]


def test_figures_of_the_test_set_used_for_validation_are_labelled() -> None:
    rows = [trial(n, 0.9 + n / 100, metrics={"test_accuracy": 0.9 + n / 100}) for n in range(3)]
    shown = read(sweep(*rows, test_is_validation=True))
    labels = [column["label"] for column in shown.data["s0"]["board"]["columns"]]
    for name in ("val_accuracy", "test_accuracy", "val_loss", "95 % interval of val_accuracy"):
        assert f"{name} (selected on the test set)" in labels
    assert "train_accuracy" in labels
    assert "nothing is left that could confirm the choice" in shown.text
    assert "every figure on them is selected on the test set" in shown.text
    titles = json.dumps(shown.data["s0"]["charts"])
    assert "test error (selected on it)" in titles
    assert '"test accuracy (selected on it)"' in titles
    assert '"validation accuracy"' not in titles


ODD = {
    "no trial": sweep(),
    "one trial": sweep(trial(0)),
    "one trial without a figure": sweep(TrialRow(0, TrialState.COMPLETE, {}, {"val_accuracy": 0.5})),
    "all failed": sweep(failed(0, "a"), failed(1, "b"), failed(2, "a")),
    "all running": sweep(*(TrialRow(number, TrialState.RUNNING, {"arch.depth": number}) for number in range(3))),
    "all pruned": sweep(*(trial(number, 0.5, state=TrialState.PRUNED) for number in range(3))),
    "equal trials": sweep(*(trial(number, 0.5, metrics={"num_params": 7, "flops": 7}) for number in range(12))),
    "perfect": sweep(trial(0, 1.0), trial(1, 1.0), trial(2, 0.0)),
    "not finite": sweep(
        trial(
            0,
            0.9,
            metrics={"val_loss": math.nan, "flops": math.inf},
            history=({"loss": math.nan, "val_loss": math.inf},),
        ),
        TrialRow(1, TrialState.COMPLETE, {"arch.depth": math.nan}, {"val_accuracy": math.nan}),
        trial(2, params={"arch.depth": [1, math.nan]}),
    ),
    "mixed values": sweep(
        *(trial(n, params={"arch.x": value}) for n, value in enumerate([1, "a", None, True, [1, 2], 0.5, {"a": 1}]))
    ),
    "by loss": sweep(*(trial(n, 0.5 + n / 10) for n in range(4)), objective=Objective("val_loss", "minimize")),
    "by parameters alone": sweep(
        *(TrialRow(n, TrialState.COMPLETE, {"arch.depth": n}, {"num_params": n}) for n in range(3)),
        objective=Objective("num_params", "minimize"),
    ),
}


@pytest.mark.parametrize("report", ODD.values(), ids=ODD)
def test_odd_sweeps_have_a_page(report: SweepReport) -> None:
    shown = read(report)
    assert shown.data["s0"]["board"]["columns"]
    ids = [attributes["id"] for _, attributes in shown.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    plots = [one for one in shown.all("div") if one.get("class") == "plot"]
    assert {one["id"] for one in plots} == set(shown.data["s0"]["charts"])
    assert all(one["role"] == "img" and one["aria-label"] for one in plots)
    inside = [one["href"] for one in shown.all("a")]
    assert {address.removeprefix("#") for address in inside if address} <= set(ids)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.floats(), max_size=2),
)
SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, math.nan, math.inf]))
FIGURES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("val_accuracy", "test_accuracy", "accuracy"), SHARES)
    | {name: st.floats() for name in ("val_loss", "loss", "num_params", "flops", "epochs")}
    | {"duration_s": st.floats(0, 1e9)},
)
#: A complete trial has a finite value of each objective.
FINITE = st.floats(allow_nan=False, allow_infinity=False)
OBJECTIVES = st.fixed_dictionaries({"val_accuracy": st.floats(0, 1), "val_loss": FINITE, "num_params": FINITE})


@st.composite
def sweeps_of_all_sorts(draw: st.DrawFn) -> SweepReport:
    repeats = draw(st.sampled_from([1, 1, 2]))
    rows = []
    for number in range(draw(st.integers(0, 14))):
        state = draw(st.sampled_from(list(TrialState)))
        facts = draw(st.sampled_from([TrialFacts(), TrialFacts(num_validation=7), TrialFacts(9, 7)]))
        place = {"point": number // repeats, "repeat": number % repeats, "num_repeats": repeats}
        params = draw(st.dictionaries(st.sampled_from(["a.b", "a.c", "seed"]), VALUES))
        curve = draw(st.lists(FIGURES, max_size=2))
        metrics = draw(FIGURES) | (draw(OBJECTIVES) if state is TrialState.COMPLETE else {})
        error = "broken" if state is TrialState.FAILED else ""
        rows.append(TrialRow(number, state, params, metrics, error=error, history=tuple(curve), facts=facts, **place))
    leaders = [row.number for row in rows if row.state is TrialState.COMPLETE]
    findings = draw(
        st.sampled_from([Findings(), Findings(leader=leaders[0], group=tuple(leaders))] if leaders else [Findings()])
    )
    further = draw(st.sampled_from([(), (Objective("num_params", "minimize"),)]))
    objective = draw(st.sampled_from([ACCURACY, Objective("val_loss", "minimize")]))
    return sweep(*rows, objective=objective, further=further, findings=findings, params=("a.b", "a.c", "seed"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sweeps_of_all_sorts())
def test_whatever_a_sweep_holds_it_has_a_page(report: SweepReport) -> None:
    whole = page([report])
    _, _, rest = whole.partition('id="data">')
    data = json.loads(rest.partition("</script>")[0])
    assert len(data["s0"]["board"]["rows"]) == sum(row.state is not TrialState.RUNNING for row in report.rows)


def test_no_sweep_at_all_is_said() -> None:
    assert "There is no sweep to report." in read().text


def test_a_parameter_without_an_effect_is_said_to_have_none() -> None:
    rows = [trial(number, 0.9, params={"arch.depth": number % 2, "arch.width": number}) for number in range(4)]
    assert "The median val_accuracy, a dash, is 90.00 % with every value." in read(sweep(*rows)).text


def test_several_objectives_show_the_pareto_front() -> None:
    rows = [trial(n, 0.9 - n / 100, metrics={"num_params": 5000 - n}) for n in range(3)] + [
        trial(3, 0.5, metrics={"num_params": 9000})
    ]
    shown = read(sweep(*rows, further=(Objective("num_params", "minimize"),)))
    assert "Pareto front 3 trials" in shown.text
    assert "On the Pareto front of val_accuracy and num_params: 3 trials (0, 1 and 2)" in shown.text
    assert "rank 1 is the Pareto front" in shown.text
    assert "s0-objectives-0" in shown.data["s0"]["charts"]
    assert [row[2] for row in shown.data["s0"]["board"]["rows"]] == ["group", "group", "group", ""]


def test_repeats_are_points_with_mean_and_deviation() -> None:
    rows = [
        trial(
            3 * point + repeat,
            0.8 + point / 20 + repeat / 100,
            params={"arch.depth": point},
            point=point,
            repeat=repeat,
            num_repeats=3,
            seed=repeat,
        )
        for point in range(2)
        for repeat in range(3)
    ]
    findings = Findings(leader=3, group=(3,), configurations=ConfigurationFindings(3, 2, (3,)))
    said = {"sentences": ("Trial 1 leads.", "Nothing else is known."), "warnings": ("One seed each.",)}
    shown = read(sweep(*rows, findings=findings, **said))
    assert "Leading configuration 86.00 % mean val_accuracy of trials 3, 4 and 5" in shown.text
    keys = [column["key"] for column in shown.data["s0"]["board"]["columns"]]
    assert keys[2:4] == ["val_accuracy_mean", "val_accuracy_std"]
    board = shown.data["s0"]["board"]["rows"]
    assert [row[2] for row in board] == ["leader"] * 3 + [""] * 3
    assert board[0][3][2:4] == ["86.00 %", "1.00"]
    effect = shown.data["s0"]["charts"]["s0-effects-0"]
    assert effect["rows"] == [[0, "0", 0.81, 0.8, 0.82, 0.0], [3, "1", 0.86, 0.85, 0.87, 0.0]]
    assert "seed=1" in shown.text


def test_sweeps_that_are_ranked_together_say_whose_each_trial_is() -> None:
    rows = [
        trial(number, 0.9 + number / 100, origin=Origin(name, 5, fixed))
        for number, (name, fixed) in enumerate([("a", "data=mnist"), ("<b>", "training.epochs=3")])
    ]
    findings = Findings(leader=1, group=(1,), cheapest=(Cheapest("num_params", 0, 1, 2),))
    shown = read(sweep(*rows, failed(2, "out of memory"), name="a + <b>", findings=findings))
    assert "val_accuracy of trial 5 of <b>" in shown.text
    assert "parameters trial 5 of a 1 2" in shown.text
    assert "Ranked together: the sweeps a and <b>." in shown.text
    board = shown.data["s0"]["board"]
    assert [column["key"] for column in board["columns"]][:3] == ["rank", "trial", "sweep"]
    assert [row[3][1:3] for row in board["rows"][:2]] == [["5", "<b>"], ["5", "a"]]
    assert [row[6].split()[3] for row in board["rows"][:2]] == ["training.epochs=3", "data=mnist"]


def test_several_sweeps_have_a_section_each_and_a_navigation() -> None:
    shown = read(sweep(trial(0)), sweep(trial(0), name="second"))
    assert list(shown.data) == ["s0", "s1"]
    assert [one["href"] for one in shown.all("a")][1:3] == ["#s0", "#s1"]
    assert shown.text.count("Sweep report") == 1


def test_images_and_confusion_matrix_are_in_the_page_itself() -> None:
    grey = np.arange(4 * 5, dtype=np.uint8).reshape(4, 5, 1)
    colour = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    exhibits = Exhibits(
        best=7,
        confusion=np.array([[5, 1], [0, 4]]),
        num_trials=12,
        judges=(7, 8),
        nobody=(ShownImage(3, grey, 8, 0, {3: 2}),),
        disputed=(ShownImage(4, colour, 1, 6, {1: 1, 7: 1}),),
        notes=("Predictions of trial 9 are gone.",),
    )
    shown = read(sweep(trial(7)), first=exhibits)
    images = shown.all("img")
    assert [one["alt"] for one in images] == [
        "Validation image 3, of class 8: 0 of 12 right; taken for 3 (2)",
        "Validation image 4, of class 1: 6 of 12 right; taken for 7 (1)",
    ]
    for image, pixels in zip(images, (grey[:, :, 0], colour), strict=True):
        content = base64.b64decode((image["src"] or "").removeprefix("data:image/png;base64,"))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)
    assert "Confusion matrix of trial 7" in shown.text
    assert "Most often confused: 0 for 1 (1)" in shown.text
    assert "Predictions of trial 9 are gone." in shown.text


def test_classes_with_names_are_called_by_them() -> None:
    image = ShownImage(3, np.zeros((4, 5, 1), dtype=np.uint8), 1, 0, {0: 2}, "dog/<1>.png")
    names = ("<cat>", "d\u202eog")
    exhibits = Exhibits(best=7, confusion=np.array([[5, 1], [0, 4]]), num_trials=2, nobody=(image,), class_names=names)
    shown = read(sweep(trial(7)), first=exhibits)
    assert "Most often confused: <cat> for d\\u202eog (1)" in shown.text
    assert "class d\\u202eog" in shown.text
    assert "dog/<1>.png" in shown.text
    assert (
        shown.all("img")[0]["alt"]
        == "Validation image 3 (dog/<1>.png), of class d\\u202eog: 0 of 2 right; taken for <cat> (2)"
    )


def test_of_many_classes_the_matrix_is_a_chart() -> None:
    matrix = np.eye(50, dtype=np.int64) * 9
    matrix[3, 5] = 4
    shown = read(sweep(trial(0)), first=Exhibits(best=0, confusion=matrix))
    assert "Most often confused: 3 for 5 (4)" in shown.text
    assert "450 of 454 validation images lie on the diagonal, of 50 classes." in shown.text
    assert [3, 5, 4, 31] in shown.data["s0"]["charts"]["s0-confusion-0"]["rows"]
    assert not [one for one in shown.all("table") if one.get("class") == "confusion"]


def test_large_images_are_made_small() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    content = base64.b64decode(mistakes.address(pixels).partition(",")[2])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels[::3, ::3])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_of_any_channels_are_png(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 7, channels), dtype=np.uint8)
    with Image.open(io.BytesIO(mistakes.png(pixels))) as image:
        expected = pixels if channels == 3 else pixels[:, :, 0]
        np.testing.assert_array_equal(np.asarray(image), expected)


def test_the_notebooks_table_has_what_the_notebook_could_not_say() -> None:
    shown = read(sweep(trial(0, 0.94), trial(1, 0.95), findings=Findings(leader=1, group=(1,))))
    assert "validation accuracy 95 % interval leading group 0 3 3x3" in shown.text
    assert "94.00 % 92.35 to 95.31 % no 1 3 3x3" in shown.text
    assert "95.00 % 93.47 to 96.19 % yes" in shown.text


@pytest.mark.parametrize(
    ("fixed", "overrides", "seed", "line"),
    [
        ("", ("arch.depth=3",), 0, "arch.depth=3 seed=0"),
        ("data=mnist sampler=tpe sweep.trials=9 pruner=asha", ("arch.depth=3",), 4, "data=mnist arch.depth=3 seed=4"),
        ("seed=3", ("arch.filters=[8,16]",), 5, "'arch.filters=[8,16]' seed=5"),
        ("arch.depth=3 sampler.seed=1 +sweep.x=2", ("arch.depth=7",), 0, "arch.depth=7 seed=0"),
        ("'data.path=/a b'", ("+arch.width=8", "seed=2"), 2, "'data.path=/a b' +arch.width=8 seed=2"),
        ("", ("arch.x=a\n'b'",), 0, r"$'arch.x=a\n\'b\'' seed=0"),
        ("objective.metric=val_loss", ("arch.x=$(reboot)",), 0, "objective.metric=val_loss 'arch.x=$(reboot)' seed=0"),
    ],
)
def test_the_line_that_repeats_a_row(fixed: str, overrides: tuple[str, ...], seed: int, line: str) -> None:
    row = TrialRow(0, TrialState.COMPLETE, {}, overrides=overrides, seed=seed)
    assert command_lines.repeat_line(row, fixed) == f"python -m sweeper {line} sweep.reuse=false"


@pytest.mark.parametrize(
    ("run_id", "fixed", "line"),
    [
        ("ab12", "training.epochs=3", "python -m sweeper verify ab12"),
        ("ab12", "'output_dir=/my runs' data=mnist", "python -m sweeper verify ab12 --output-dir '/my runs'"),
        ("ab12", None, "python -m sweeper verify ab12"),
        ("", "", ""),
    ],
)
def test_the_line_that_verifies_a_row(run_id: str, fixed: str | None, line: str) -> None:
    assert command_lines.verify_line(TrialRow(0, TrialState.COMPLETE, {}, run_id=run_id), fixed) == line


def test_two_hundred_trials_are_small() -> None:
    rows = [trial(number, 0.9 + number / 5000, history=history(20)) for number in range(200)]
    assert len(page([sweep(*rows)]).encode()) < 2_000_000


def test_ten_thousand_trials_are_written_in_seconds_and_thinned() -> None:
    rows = [
        trial(
            n,
            0.5 + (n * 7919 % 10_000) / 25_000,
            params={"arch.depth": n % 9, "optimizer.learning_rate": 10 ** -(n % 97 / 30)},
        )
        for n in range(10_000)
    ]
    started = time.process_time()
    whole = page([sweep(*rows)])
    assert time.process_time() - started < 10
    assert len(body_rows(whole)) == 500
    shown = Reader(whole)
    assert len(shown.data["s0"]["board"]["rows"]) == 10_000
    assert "10,000 trials ended; the table shows 500 at a time." in shown.text
    assert "Shown are 120 of 10,000 trials" in shown.text
    assert "Shown are 500 of 10,000 trials" in shown.text
    assert all(len(chart["rows"]) < 8_000 for chart in shown.data["s0"]["charts"].values())


def test_the_page_goes_to_a_file_or_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "sweeps" / "report.html"
    write_page([sweep(trial(0))], str(target))
    write_page([sweep(trial(0))], "-")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert capsys.readouterr().out.startswith("<!doctype html>")
    with pytest.raises(StoreError, match=r"cannot be written.*Try: --html -"):
        write_page([sweep(trial(0))], str(tmp_path / "sweeps"))
