"""One look for all figures, set on each figure: pyplot and rcParams are global, and not for threads."""

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito 2008, distinguishable with every common colour blindness; black is left for text.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK = "#222222"
GREY = "#9A9A9A"


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """An empty white figure, width and height in inches at 100 dots per inch."""
    figure = Figure(figsize=(width, height), dpi=100, layout="constrained", facecolor="white")
    if title:
        figure.suptitle(title, fontsize=12, fontweight="bold", color=INK)
    return figure


def tidy(
    axes: Axes, x: str = "", y: str = "", title: str = "", grid: Literal["both", "x", "y", "none"] = "both"
) -> None:
    """Labels, and no more lines than it takes to read a value; grid: both, x, y or none."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(color=GREY, labelcolor=INK, labelsize=9)
    axes.set_axisbelow(True)
    if grid != "none":
        axes.grid(axis=grid, color="#E6E6E6", linewidth=0.8)
