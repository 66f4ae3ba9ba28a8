"""The pretrained networks: how each is built, what it expects as input, and where it can be tapped or cut."""

from dataclasses import dataclass
from typing import Literal

from garment_ml.base.choose import choose
from garment_ml.base.errors import UserError


@dataclass(frozen=True)
class Block:
    """A stretch of layers that is unfrozen as one; it begins right after the output of layer `after`."""

    name: str
    after: str


@dataclass(frozen=True)
class Mirror:
    """Another way to the same weights.

    `fetch` is a dotted function that writes them to a path; `file` is its name in the Keras cache, `digest`
    the `tensors_digest` of what it must hold.
    """

    fetch: str
    file: str
    digest: str


@dataclass(frozen=True)
class Backbone:
    """One network of `keras.applications`, without its classifier.

    `builder` is a dotted name under `keras.applications`. `taps` are the layers with the last map of each
    scale (strides 2, 4, 8, 16, 32). `blocks` go from last to first, each cut where a single tensor crosses.
    `weights_file` is the published ImageNet file, under the address all builders share, and `weights_md5`
    the digest its builder checks (None where Keras publishes none). `mirror` is for places that the download
    cannot be reached from.
    """

    name: str
    builder: str
    preprocessing: Literal["caffe", "tf", "torch", "none"]
    smallest_side: int
    taps: tuple[str, ...]
    blocks: tuple[Block, ...]
    weights_file: str
    weights_md5: str | None
    mirror: Mirror | None = None


def _blocks(*name_and_start: tuple[str, str]) -> tuple[Block, ...]:
    return tuple(Block(name, after) for name, after in name_and_start)


_VGG_TAPS = tuple(f"block{i}_pool" for i in range(1, 6))
_VGG_BLOCKS = tuple(Block(f"block{i}", f"block{i - 1}_pool") for i in range(5, 1, -1))

_ALL = (
    Backbone(
        "vgg16", "vgg16.VGG16", "caffe", 32, _VGG_TAPS, _VGG_BLOCKS,
        "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc",
        Mirror(
            "garment_ml.pretrained.weights_mirror:fetch_vgg16", "vgg16_notop.weights.h5",
            "841e6468e92badd164f777b3aa7c0c66",
        ),
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
    return choose(BACKBONES, "backbone", name)


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
