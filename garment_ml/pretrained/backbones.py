"""The pretrained networks: how each is built, what it expects as input, and where it can be tapped or cut."""

import random
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from garment_ml.base.errors import UserError

if TYPE_CHECKING:
    import keras

RANDOM_WEIGHTS_SEED = 0


@dataclass(frozen=True)
class Block:
    """A stretch of layers that is unfrozen as one; it begins right after the output of layer `after`."""

    name: str
    after: str


@dataclass(frozen=True)
class Backbone:
    """One network of `keras.applications`, without its classifier.

    `builder` is a dotted name under `keras.applications`. `taps` are the layers with the last map of each
    scale (strides 2, 4, 8, 16, 32). `blocks` go from last to first, each cut where a single tensor crosses.
    `weights_file` is the published ImageNet file, under the address all builders share, and `weights_md5`
    the digest its builder checks (None where Keras publishes none).
    """

    name: str
    builder: str
    preprocessing: Literal["caffe", "tf", "torch", "none"]
    smallest_side: int
    taps: tuple[str, ...]
    blocks: tuple[Block, ...]
    weights_file: str
    weights_md5: str | None


def _blocks(*name_and_start: tuple[str, str]) -> tuple[Block, ...]:
    return tuple(Block(name, after) for name, after in name_and_start)


_VGG_TAPS = tuple(f"block{i}_pool" for i in range(1, 6))
_VGG_BLOCKS = tuple(Block(f"block{i}", f"block{i - 1}_pool") for i in range(5, 1, -1))

_ALL = (
    Backbone(
        "vgg16", "vgg16.VGG16", "caffe", 32, _VGG_TAPS, _VGG_BLOCKS,
        "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc",
    ),
    Backbone(
        "vgg19", "vgg19.VGG19", "caffe", 32, _VGG_TAPS, _VGG_BLOCKS,
        "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "253f8cb515780f3b799900260a226db6",
    ),
    Backbone(
        "resnet50", "resnet50.ResNet50", "caffe", 32,
        ("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        _blocks(("conv5", "conv4_block6_out"), ("conv4", "conv3_block4_out"), ("conv3", "conv2_block3_out")),
        "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b73f8504c6f6626",
    ),
    Backbone(
        "inception_v3", "inception_v3.InceptionV3", "tf", 75,
        ("activation_2", "activation_4", "mixed2", "mixed7", "mixed10"),
        tuple(Block(f"mixed{i}", f"mixed{i - 1}") for i in range(10, 2, -1)),
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
    Backbone(
        "xception", "xception.Xception", "tf", 71,
        ("block1_conv2_act", "add", "add_1", "add_10", "block14_sepconv2_act"),
        tuple(Block(f"block{i}", f"add_{i - 3}") for i in range(14, 4, -1)),  # `add` ends block 2
        "xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5", "b0042744bf5b25fce3cb969f33bebb97",
    ),
    Backbone(
        "mobilenet_v2", "mobilenet_v2.MobileNetV2", "tf", 32,
        ("expanded_conv_project_BN", "block_2_add", "block_5_add", "block_12_add", "out_relu"),
        _blocks(
            ("block_16", "block_15_add"), ("block_15", "block_14_add"), ("block_14", "block_13_project_BN"),
            ("block_13", "block_12_add"), ("block_12", "block_11_add"), ("block_11", "block_10_project_BN"),
        ),
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", None,
    ),
)  # fmt: skip
BACKBONES: dict[str, Backbone] = {backbone.name: backbone for backbone in _ALL}


def find_backbone(name: str) -> Backbone:
    """Raise UserError, with the choices, when there is no backbone of that name."""
    if name not in BACKBONES:
        raise UserError(f"unknown backbone {name!r}; choose one of: {', '.join(BACKBONES)}")
    return BACKBONES[name]


def check_picture_size(backbone: Backbone, size: tuple[int, int]) -> None:
    """Raise UserError when a (height, width) is too small for the backbone's five halvings."""
    if min(size) < backbone.smallest_side:
        side = backbone.smallest_side
        raise UserError(
            f"{backbone.name} needs pictures of at least {side}x{side} pixels, but the picture size is "
            f"{size[0]}x{size[1]}; set it to {side} or more (smaller pictures are enlarged to it)"
        )


def cut_before(backbone: Backbone, last_blocks: int) -> str:
    """The layer whose output enters the last `last_blocks` blocks: the end of the frozen prefix."""
    if not 1 <= last_blocks <= len(backbone.blocks):
        raise UserError(
            f"cannot unfreeze {last_blocks} blocks of {backbone.name}; expected 1 to {len(backbone.blocks)}"
        )
    return backbone.blocks[last_blocks - 1].after


def build_base(backbone: Backbone, size: tuple[int, int], weights: Path | None) -> "keras.Model":
    """The network without classifier and pooling, input float32 (n, height, width, 3).

    `weights=None` gives random weights, the same in every process. Layers have the same names in every
    process too: Keras numbers unnamed ones by what was built before. Raises UserError for a size that is
    too small and for weights that do not belong to this network.
    """
    check_picture_size(backbone, size)
    module, builder = backbone.builder.split(".")
    build = getattr(import_module(f"keras.applications.{module}"), builder)
    with _same_random_weights():
        base = build(weights=None, include_top=False, input_shape=(*size, 3))
    _number_unnamed_layers(base)
    if weights is not None:
        _load_weights(base, backbone, weights)
    return base


@contextmanager
def _same_random_weights() -> Iterator[None]:
    """Keras 3 draws each initializer's seed from Python's generator; the caller gets its state back."""
    state = random.getstate()
    random.seed(RANDOM_WEIGHTS_SEED)
    try:
        yield
    finally:
        random.setstate(state)


def _number_unnamed_layers(base: "keras.Model") -> None:
    seen: Counter[str] = Counter()
    for layer in base.layers:
        stem = re.sub(r"_\d+$", "", layer.name)
        if stem.replace("_", "") == type(layer).__name__.lower():
            layer.name = f"{stem}_{seen[stem]}" if seen[stem] else stem
            seen[stem] += 1


def _load_weights(base: "keras.Model", backbone: Backbone, weights: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping nested container")  # an error follows
            base.load_weights(weights)
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{weights} does not hold weights of {backbone.name} without its classifier ({reason}); "
            "choose the backbone the file was made from, or another file"
        ) from error


def prefix(base: "keras.Model", layer_name: str) -> "keras.Model":
    """From the base's input to the output of that layer; shares the base's weights."""
    import keras

    return keras.Model(base.input, base.get_layer(layer_name).output, name=f"{base.name}_to_{layer_name}")
