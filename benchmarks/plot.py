"""Cost against size, as a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure as Drawing

from benchmarks.figures import Figure


def draw(figures: Iterable[Figure], path: Path) -> None:
    """Draws those figures that have a series, as a PNG file; nothing without any."""
    series: dict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        if figure.series is not None:
            series[figure.series].append(figure)
    if not series:
        return
    drawing = Drawing(figsize=(9, 6), layout="constrained")
    axes = drawing.subplots()
    colours: dict[str, str] = {}
    for name, points in series.items():
        act, _, engine = name.partition(", ")
        colour = colours.setdefault(act, f"C{len(colours)}")
        axes.plot(
            [point.size or 0 for point in points],
            [point.value for point in points],
            label=name,
            color=colour,
            linestyle="-" if engine == "embedded" else "--",
            marker="o",
            markersize=4,
        )
    axes.set(xscale="log", yscale="log", xlabel="entries of the folder", ylabel="seconds")
    axes.set_title("Whole folders, over the RPC channel")
    axes.grid(visible=True, which="major", alpha=0.4)
    axes.legend()
    drawing.savefig(path, dpi=110)
