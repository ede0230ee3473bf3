"""Hydra's errors as a user reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.errors import ConfigError
from sweeper.explain import refuse_group_value

HYDRAS = ValueError("Config group override must be a string or a list. Got int")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["-m", "arch=3,5", "seed=0,1"],
            r"^arch=3,5 is not accepted: arch is a group, chosen by the name of one of cnn, custom, .*; its keys are "
            r"set as arch\.key=3,5\.  Try: arch=cnn$",
            id="numbers",
        ),
        pytest.param(
            ["seed=3", "data=digits,null"], r"^data=digits,null is .*digits, fashion_mnist", id="null at last"
        ),
        pytest.param(["+optimizer=1e-3"], r"^\+optimizer=1e-3 is not accepted: optimizer is a group", id="a rate"),
        pytest.param(["arch=glob(depth*)", "training=True"], r"^training=True is not accepted", id="beside a glob"),
    ],
)
def test_a_group_that_is_given_no_name_is_named_with_its_options(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        refuse_group_value(HYDRAS, words)


def test_any_other_error_stays_what_it_is() -> None:
    refuse_group_value(ValueError("something else"), ["arch=3"])
    refuse_group_value(HYDRAS, ["arch=cnn", "arch.depth=3", "seed=0"])


@pytest.mark.parametrize(
    ("words", "start"),
    [
        pytest.param(["arch=3"], "ConfigError: arch=3 is not accepted: arch is a group", id="fixed"),
        pytest.param(["arch=3,5"], "ConfigError: arch=3,5 is not accepted: arch is a group", id="swept"),
        pytest.param(["arch.dpeth=3,5"], "ConfigError: Could not override 'arch.dpeth'.", id="a misspelt key"),
        pytest.param(["arch=cn"], "ConfigError: In 'config': Could not find 'arch/cn'.", id="a misspelt option"),
        pytest.param(["arch.depth=3,"], "ConfigError: ", id="an unfinished list"),
    ],
)
def test_a_line_that_hydra_refuses_ends_in_one_paragraph(
    run_sweeper: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, words: list[str], start: str
) -> None:
    done = run_sweeper(tmp_path, "-m", *words)

    assert done.returncode == 2
    assert done.stderr.startswith(start)
    assert "Try: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
