"""AutoKeras 3 as it comes: its ImageClassifier, told only what it is judged by.

Of its three first trials the second and third are a ResNet50 and an EfficientNet on pictures enlarged to
224x224, which no CPU trains in minutes; `autokeras_vanilla` leaves them out.
"""

import autokeras

from benchmarks.contenders.autokeras_search import compete


def main() -> None:
    compete(lambda folder: autokeras.ImageClassifier(objective="val_accuracy", directory=folder))


if __name__ == "__main__":
    main()
