"""What the page shows of an answer: bars that a screen reader can read, and where the model looked."""

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from garment_ml.shipped.base64_text import encode_picture
from garment_ml.shipped.columns import HEAT_MAP, probability_column
from garment_ml.shipped.picture_decoding import open_picture

PROBABILITY = probability_column("")
SIDE = 280  # pixels at which pictures are shown
BARS = """<style>
.bars {border-collapse: collapse; width: 100%}
.bars th, .bars td {border: 0; padding: 2px 6px; text-align: left; font-weight: normal}
.bars th {white-space: nowrap; width: 1%}
.bars td:last-child {white-space: nowrap; width: 1%; text-align: right; font-variant-numeric: tabular-nums}
.bars span {display: block; height: 14px; border-radius: 3px; background: #0072B2; min-width: 1px}
.bars tr:first-child * {font-weight: bold}
</style>"""


def probabilities_of(answer: Mapping[str, Any]) -> dict[str, float]:
    """By class, the likeliest first."""
    named = {
        key.removeprefix(PROBABILITY): value for key, value in answer.items() if key.startswith(PROBABILITY)
    }
    return dict(sorted(named.items(), key=lambda each: -each[1]))


def bars(probabilities: Mapping[str, float]) -> str:
    """A table in HTML with a row for each class: name, bar, number."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td><span style="width: {100 * share:.1f}%"></span></td>'
        f"<td>{100 * share:.1f} %</td></tr>"
        for name, share in probabilities.items()
    )
    return f'{BARS}<table class="bars" aria-label="Probability of each class">{rows}</table>'


def shown(picture: bytes) -> Image.Image:
    """As the model is shown it, at its own proportions; small ones enlarged without smoothing."""
    opened = open_picture(picture).convert("RGB")
    scale = SIDE / max(opened.size)
    size = (max(1, round(opened.width * scale)), max(1, round(opened.height * scale)))
    return opened.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR)


def figure(picture: Image.Image, caption: str, alternative: str) -> str:
    """In HTML, with words for those who don't see it; Streamlit's own picture has none."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return (
        f'<figure style="margin: 0"><img src="{source}" alt="{escape(alternative)}" style="max-width: 100%">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def encoded_png(picture: np.ndarray) -> bytes:
    return base64.b64decode(encode_picture(picture))


def overlaid(picture: Image.Image, answer: Mapping[str, Any]) -> Image.Image:
    """The picture in grey, orange where something spoke for the label."""
    heat = Image.open(io.BytesIO(base64.b64decode(answer[HEAT_MAP])))
    strength = np.asarray(heat.resize(picture.size, Image.Resampling.BILINEAR), float)[..., None] / 255
    grey = np.asarray(picture.convert("L").convert("RGB"), float)
    orange = np.array([213.0, 94.0, 0.0])
    return Image.fromarray(np.rint(grey * (1 - 0.7 * strength) + orange * 0.7 * strength).astype(np.uint8))
