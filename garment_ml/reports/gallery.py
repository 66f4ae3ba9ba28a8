"""Pictures in rows with captions, and heat maps over them where there are any."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from garment_ml.base.errors import UserError
from garment_ml.reports.style import GREY, INK, new_figure

COLUMNS = 6
CAPTION_WIDTH = 26  # characters that fit over one picture


def gallery(
    pictures: np.ndarray,
    captions: Sequence[str],
    heat_maps: np.ndarray | None = None,
    title: str = "",
) -> Figure:
    """Pictures uint8 (n, height, width, 1 or 3), captioned; n may be 0 (a model without mistakes).

    Heat maps are floats (n, any height, any width) in [0, 1], stretched over the picture: clear where cold.
    """
    if len(captions) != len(pictures) or (heat_maps is not None and len(heat_maps) != len(pictures)):
        maps = "no" if heat_maps is None else len(heat_maps)
        raise UserError(f"{len(pictures)} pictures came with {len(captions)} captions and {maps} heat maps.")
    captions = ["\n".join(fill(line, CAPTION_WIDTH) for line in caption.split("\n")) for caption in captions]
    columns = max(1, min(COLUMNS, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    lines = max((caption.count("\n") + 1 for caption in captions), default=1)
    figure = new_figure(max(1.55 * columns, 4), (0.5 if title else 0.1) + (1.5 + 0.17 * lines) * rows, title)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    if not len(pictures):
        panels.flat[0].text(0.5, 0.5, "no pictures", ha="center", va="center", color=GREY)
    for index, (axes, caption) in enumerate(zip(panels.flat, captions, strict=False)):
        picture = pictures[index]
        height, width = picture.shape[:2]
        extent = (0, width, height, 0)
        axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")
        if heat_maps is not None:
            heat = heat_maps[index]
            axes.imshow(
                heat,
                cmap="inferno",
                vmin=0,
                vmax=1,
                alpha=0.75 * heat,
                extent=extent,
                interpolation="bilinear",
            )
        axes.set_title(caption, fontsize=7.5, color=INK, pad=3)
    return figure
