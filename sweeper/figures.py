"""Pictures, by Matplotlib without a display (interim)."""
from __future__ import annotations
from typing import Any
import numpy as np

def _figure(w: float, h: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    f = Figure(figsize=(w, h), layout="constrained"); FigureCanvasAgg(f)
    return f
def curves_figure(history: Any) -> Any:
    f = _figure(9, 4); a, b = f.subplots(1, 2); x = range(1, len(history) + 1)
    for ax, k in ((a, "loss"), (b, "accuracy")):
        ax.plot(x, [h[k] for h in history], marker="o", label="train"); ax.plot(x, [h["val_" + k] for h in history], marker="o", label="validation")
        ax.set_xlabel("epoch"); ax.set_ylabel(k); ax.legend()
    return f
def weights_figure(weights: Any) -> Any:
    f = _figure(9, 4); ax = f.subplots(); r = np.random.default_rng(0)
    ax.violinplot([r.choice(w.ravel(), min(2000, w.size), replace=False) for w in weights.values()], points=60)
    ax.set_xticks(range(1, len(weights) + 1), list(weights)); ax.set_ylabel("weight")
    return f
def confusion_figure(m: Any, names: Any) -> Any:
    f = _figure(6, 5); ax = f.subplots(); ax.imshow(m)
    return f
def sweep_curves_figure(rows: Any, objective: Any) -> Any:
    f = _figure(9, 4); ax = f.subplots()
    for r in rows: ax.plot([h["val_accuracy"] for h in r.history])
    return f
def save(f: Any, path: Any, dpi: int = 100) -> None:
    f.savefig(path, dpi=dpi)
