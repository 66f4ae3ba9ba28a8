"""Pictures in memory brought to the form that was asked for."""

import numpy as np
from PIL import Image

from garment_ml.base.terminal import progress_bar
from garment_ml.data.picture_files import LARGEST_OWN_SIDE
from garment_ml.data.pictures import Pictures
from garment_ml.data.source_options import SourceOptions
from garment_ml.shipped.picture_decoding import fit_picture


def bring_to_form(pictures: Pictures, options: SourceOptions) -> Pictures:
    """By the rules for files (see `read_pictures`), whose pictures have it already; digests stay."""
    height, width, own_channels = pictures.shape
    size = (height, width)
    if options.side:
        size = (options.side, options.side)
    elif max(size) > LARGEST_OWN_SIDE:
        size = (LARGEST_OWN_SIDE, LARGEST_OWN_SIDE)
    channels = options.channels or own_channels
    if (*size, channels) == pictures.shape:
        return pictures
    fitted = np.empty((len(pictures), *size, channels), np.uint8)
    with progress_bar(len(pictures), f"pictures to {size[0]}x{size[1]}", "picture") as advance:
        for row in range(len(pictures)):
            image = Image.fromarray(pictures.images[row].squeeze())
            fitted[row] = fit_picture(image, size, channels, options.fit)
            advance()
    own_shapes = np.broadcast_to(pictures.shape, (len(pictures), 3))
    return Pictures(fitted, pictures.digests, pictures.ids, options.fit, own_shapes)
