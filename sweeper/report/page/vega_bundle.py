"""The chart library that a page carries in itself: Vega, Vega-Lite and Vega-Embed, as `vl-convert` brings them.

Vega-Lite: A. Satyanarayan and others (2017), Vega-Lite: a grammar of interactive graphics, IEEE TVCG 23. Making the
bundle takes two seconds, so it is kept in the environment, where what Python compiles lies too.
"""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from pathlib import Path

from sweeper.core.paths import write_atomically


@functools.cache
def bundle() -> str:
    """The library as JavaScript that sets `vegaEmbed` on the window; 0.9 MB, without a line end of another system."""
    kept = _kept()
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    text = _make()
    try:
        write_atomically(kept, text)
    except OSError:  # an environment that only its owner may write: made again each time
        return text
    return text


def _kept() -> Path:
    version = importlib.metadata.version("vl-convert-python")
    return Path(sys.prefix) / "share" / "keras-sweeper" / f"vega-{version}.js"


def _make() -> str:
    import vl_convert

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("\r\n", "\n")
    return f"(()=>{{{script}}})();\n"  # its names are not the page's
