"""AutoKeras 3 with its search narrowed to what a CPU can train: plain convolutions.

This is its documentation's "Customized Search Space": https://autokeras.com/tutorial/image_classification/
"""

from typing import Any

import autokeras

from benchmarks.contenders.autokeras_search import compete


def make(folder: str) -> Any:
    pictures = autokeras.ImageInput()
    features = autokeras.ImageBlock(block_type="vanilla")(pictures)
    labels = autokeras.ClassificationHead()(features)
    return autokeras.AutoModel(pictures, labels, objective="val_accuracy", directory=folder)


def main() -> None:
    compete(make)


if __name__ == "__main__":
    main()
