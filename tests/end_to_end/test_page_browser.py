"""The page in a real browser: nothing fetched, no error, sorting, filtering, charts, keyboard, themes, a phone, paper.

It needs Chromium (Debian: apt-get install chromium), which Playwright drives.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.ranking.findings import Findings
from sweeper.report.examples import Exhibits, ShownImage
from sweeper.report.page import write_page
from sweeper.report.sweep_report import SweepReport

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (Debian: apt-get install chromium)")

EVIL = "arch.<script>document.title='broken'</script>"
VALUES = ("<img src=x onerror=\"document.title='broken'\">", "</script><b>bold</b>", "plain")
WAIT_MS = 60_000
Open = Callable[..., Page]


def epoch(number: int, accuracy: float) -> dict[str, float]:
    return {"loss": 1 / number, "accuracy": accuracy, "val_loss": 1 / number, "val_accuracy": accuracy - 0.1 / number}


def row(number: int, accuracy: float, **more: Any) -> TrialRow:
    params = {"arch.depth": number % 3 + 1, "optimizer.learning_rate": 10.0 ** -(number / 7), EVIL: VALUES[number % 3]}
    size = 9000 - 100 * (number * 7 % 20)
    return TrialRow(
        number,
        more.pop("state", TrialState.COMPLETE),
        params,
        {"val_accuracy": accuracy, "val_loss": 1 - accuracy, "num_params": size, "duration_s": 5},
        run_id=f"{number:032x}",
        history=tuple(epoch(one, accuracy) for one in range(1, 5)),
        overrides=tuple(f"{key}={value}" for key, value in params.items()),
        facts=TrialFacts(num_validation=500, num_train=2000),
        **more,
    )


def sweep(*rows: TrialRow, name: str = "browser", **more: Any) -> SweepReport:
    params = ("arch.depth", "optimizer.learning_rate", EVIL)
    about = {"data": "digits", "fixed": ""}
    return SweepReport(name, Objective("val_accuracy", "maximize"), params, rows, about, **more)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of the pages that the tests open."""
    folder = tmp_path_factory.mktemp("pages")
    rows = [row(number, 0.95 - number / 100) for number in range(20)]
    failed = TrialRow(21, TrialState.FAILED, {"arch.depth": 9}, error="<i>it</i> broke")
    rows += [row(20, 0.3, state=TrialState.PRUNED), failed]
    findings = Findings(leader=0, group=(0, 1, 2))
    image = ShownImage(3, np.eye(8, dtype=np.uint8)[:, :, None] * 255, 4, 0, {9: 3})
    exhibits = Exhibits(best=0, confusion=np.array([[5, 1], [0, 4]]), num_trials=20, nobody=(image,))
    first = sweep(*rows, findings=findings, sentences=("Trial 0 leads.",))
    many = [row(number, 0.5 + number / 12_000) for number in range(6000)]
    several = {
        "one": ([first], {"browser": exhibits}),
        "two": ([first, sweep(row(0, 0.5), name="<u>second</u>")], {}),
        "many": ([sweep(*many)], {}),
        "single": ([sweep(row(0, 0.5))], {}),
    }
    for name, (reports, shown) in several.items():
        write_page(reports, str(folder / f"{name}.html"), shown)
    return {name: (folder / f"{name}.html").as_uri() for name in several}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Root has no sandbox of its own; what is opened is only our own page.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, pages: dict[str, str]) -> Iterator[Open]:
    """Opens a page; at the test's end nothing must have been fetched, and the console must be empty."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def opened(name: str = "one", *, width: int = 1280, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: request.url == pages[name] or said.append(f"fetched {request.url[:200]}"))
        page.goto(pages[name])
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for text in said if not text.startswith("fetched data:")] == []


def drawn(page: Page) -> Page:
    page.wait_for_selector("html[data-charts=drawn]", state="attached")
    return page


def column(page: Page, place: int) -> list[str]:
    return [text.strip() for text in page.locator(f"#s0 table.board tbody tr > *:nth-child({place})").all_inner_texts()]


def heading(page: Page, name: str) -> Any:
    return page.locator(f"#s0 table.board th:has(button:text-is('{name}'))")


def test_every_chart_is_drawn_with_its_marks(open_page: Open) -> None:
    page = drawn(open_page("two"))
    plots = page.locator(".plot")
    assert plots.count() == 8
    for place in range(plots.count()):
        assert plots.nth(place).locator("svg").count() == 1, plots.nth(place).get_attribute("id")
        assert plots.nth(place).locator("svg path, svg rect, svg line").count() > 3
    assert page.locator("#s0-effects-0 .mark-symbol path").count() == 20
    assert page.locator("#s0-curves-0 .mark-line.role-mark path").count() == 2 * 21  # each once more, to be pointed at
    assert page.title() == "browser and <u>second</u>: sweep report"


def test_headings_sort_both_ways_with_what_is_empty_last(open_page: Open) -> None:
    page = open_page()
    before = column(page, 2)
    assert before[:2] == ["0", "1"]
    head = page.get_by_role("columnheader", name="num_params")
    expect(head).to_have_attribute("aria-sort", "none")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    place = 1 + head.evaluate("(one) => one.cellIndex")
    values = [int(text.replace(",", "")) for text in column(page, place) if text]
    assert values == sorted(values)
    assert column(page, 2)[-1] == "21"
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    values = [int(text.replace(",", "")) for text in column(page, place) if text]
    assert values == sorted(values, reverse=True)
    assert column(page, 2)[-1] == "21"


def test_the_keyboard_skips_to_the_report_and_sorts(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.dataset.column") == "1":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#s0 thead th").nth(1)).to_have_attribute("aria-sort", "ascending")
    assert column(page, 2) == [str(number) for number in range(22)]
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize(
    ("text", "trials"),
    [
        ("depth=2", [number for number in range(21) if number % 3 == 1]),
        ("depth=2 val_accuracy>0.9", [1, 4]),
        ("val_accuracy>=94%", [0, 1]),
        ("depth!=2 <i>it</i>", [21]),
        ("</script><b>", [number for number in range(21) if number % 3 == 1]),
        ("nothing is like this", []),
    ],
)
def test_the_filter_leaves_the_rows_that_fit(open_page: Open, text: str, trials: list[int]) -> None:
    page = open_page()
    page.get_by_placeholder("Filter").fill(text)
    expect(page.get_by_role("status")).to_have_text(f"{len(trials)} of 22 trials")
    assert column(page, 2) == [str(number) for number in trials]


def test_the_leading_group_alone(open_page: Open) -> None:
    page = open_page()
    page.locator("#s0 select").select_option("leading group")
    assert column(page, 2) == ["0", "1", "2"]
    page.locator("#s0 select").select_option("failed")
    assert column(page, 2) == ["21"]


LINES = """() => [...document.querySelectorAll("#s0 table.board tbody tr")].map((line) => line.innerText.trim())"""
BARS = """() => [...document.querySelectorAll("#s0 .bar")].map((bar) => {
    const style = getComputedStyle(bar, "::before");
    return bar.className + style.left + style.right;
})"""


def test_rows_drawn_anew_are_those_that_were_written(open_page: Open) -> None:
    page = open_page()
    before = page.evaluate(LINES), page.evaluate(BARS)
    assert len(before[0]) == 22
    assert len(before[1]) == 21
    page.get_by_placeholder("Filter").fill("depth=2")
    expect(page.get_by_role("status")).to_have_text("7 of 22 trials")
    page.get_by_placeholder("Filter").fill("")
    expect(page.get_by_role("status")).to_have_text("22 trials")
    assert (page.evaluate(LINES), page.evaluate(BARS)) == before


def test_hostile_names_and_values_stay_text(open_page: Open) -> None:
    page = drawn(open_page("two"))
    heads = "".join(page.locator("#s0 thead").inner_text().split())
    assert "arch.<script>document.title='broken'</script>" in heads
    page.locator("#s0 .more").first.click()
    detail = page.locator("#s0 tr.detail")
    expect(detail).to_contain_text(VALUES[0])
    page.locator("#s0-effects-2 .mark-symbol path").first.hover(force=True)
    expect(page.locator("#vg-tooltip-element")).to_contain_text("arch.<script>")
    expect(page.locator("#s0-failures")).to_contain_text("<i>it</i> broke")
    assert page.locator("b:text('bold')").count() == 0
    assert "broken" not in page.title()


def test_a_row_opens_to_the_lines_that_repeat_it_and_copies_them(open_page: Open) -> None:
    page = open_page("single", permissions=["clipboard-read", "clipboard-write"])
    more = page.get_by_role("button", name="More about trial 0")
    more.click()
    expect(more).to_have_attribute("aria-expanded", "true")
    lines = page.locator("tr.detail code").all_inner_texts()
    assert lines[0].startswith("python -m sweeper arch.depth=1 optimizer.learning_rate=1.0 ")
    assert lines[0].endswith(" seed=0 sweep.reuse=false")
    assert lines[1] == f"python -m sweeper verify {'0' * 32}"
    page.locator("tr.detail").get_by_role("button", name="Copy").first.click()
    expect(page.locator("tr.detail .copy").first).to_have_text("Copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == lines[0]
    more.click()
    expect(page.locator("tr.detail")).to_have_count(0)


def test_themes_follow_the_system_and_the_button(open_page: Open) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    ink = "() => getComputedStyle(document.querySelector('#s0-curves-0 .role-axis-title text')).fill"
    page = drawn(open_page(color_scheme="dark"))
    dark = page.evaluate(ground), page.evaluate(ink)
    button = page.get_by_role("button", name="Theme")
    button.click()
    expect(button).to_have_text("Theme: light")
    light = page.evaluate(ground), page.evaluate(ink)
    assert light[0] == "rgb(255, 255, 255)"
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    page.reload()
    assert page.evaluate(ground) == light[0]
    button.click()
    expect(button).to_have_text("Theme: dark")
    assert page.evaluate(ground) == dark[0]


def test_a_choice_changes_what_a_chart_shows(open_page: Open) -> None:
    page = drawn(open_page())
    title = page.locator("#s0-curves-0 .role-axis-title text", has_text="loss")
    expect(title).to_have_count(0)
    page.get_by_label("validation loss").check()
    expect(title).to_have_text("validation loss")


def test_a_phone_shows_it_without_sideways_scrolling(open_page: Open) -> None:
    page = drawn(open_page("two", width=360))
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    wide = page.evaluate(
        "() => [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > 361"
        " && !one.closest('.scroll, nav')).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert wide == []


def test_six_thousand_trials_stay_usable(open_page: Open) -> None:
    page = drawn(open_page("many"))
    expect(page.get_by_role("status")).to_have_text("6,000 trials, the first 500 shown")
    page.get_by_placeholder("Filter").fill("val_accuracy<50.1%")
    expect(page.get_by_role("status")).to_have_text("12 of 6,000 trials")
    assert sorted(map(int, column(page, 2))) == list(range(12))
    page.get_by_placeholder("Filter").fill("")
    expect(page.get_by_role("status")).to_have_text("6,000 trials, the first 500 shown")
    page.locator("#s0 thead th").nth(1).get_by_role("button").click()
    assert column(page, 2)[:3] == ["0", "1", "2"]


def test_without_javascript_words_table_and_images_are_there(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    expect(page.locator("noscript")).to_be_visible()
    expect(page.get_by_text("Trial 0 leads.")).to_be_visible()
    expect(page.get_by_placeholder("Filter")).to_be_hidden()
    assert len(column(page, 2)) == 22
    expect(page.get_by_alt_text("Validation image 3, of class 4: 0 of 20 right; taken for 9 (3)")).to_be_visible()
    page.get_by_text("The lines of the first 22 rows").click()
    expect(page.locator("#s0-repeat code").first).to_contain_text("python -m sweeper arch.depth=1")


def test_paper_shows_all_of_it_on_white(open_page: Open, tmp_path: Path) -> None:
    page = drawn(open_page(color_scheme="dark"))
    page.emulate_media(media="print")
    expect(page.get_by_placeholder("Filter")).to_be_hidden()
    expect(page.locator("nav.contents")).to_be_hidden()
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    box = page.locator("#s0 .scroll.table").first
    assert box.evaluate("(one) => getComputedStyle(one).overflow") == "visible"
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").stat().st_size > 50_000
