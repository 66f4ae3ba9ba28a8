"""Class folders: `train/<class>/*` and `test/<class>/*`, or `<class>/*` alone, to be split here."""

import os
from collections.abc import Iterator
from pathlib import Path

from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.data.dataset import Dataset
from garment_ml.data.file_dataset import ListedFile, dataset_of_files
from garment_ml.data.source_options import Problems, SourceOptions, shown

SYSTEM_FILES = ("thumbs.db", "desktop.ini")  # are ignored, and so is everything hidden


def load_folders(data_dir: Path | None, options: SourceOptions) -> Dataset:
    """The classes are the folders' names; folders inside one belong to it.

    Raises UserError where there are no class folders, and for one without pictures.
    """
    root = existing_folder(data_dir, "folders", "one folder for each class, or train/ and test/ with those")
    published = [part for part in ("train", "test") if (root / part).is_dir()]
    if published == ["test"]:
        raise UserError(
            f"{root} has a folder test but none named train; expected both, or class folders alone"
        )
    problems = Problems(options.skip_unreadable)
    ignored: list[Path] = []
    files: list[ListedFile] = []
    for part in published or [""]:
        for folder in _subfolders(root / part):
            found = [path for path in walk(folder, problems) if not is_ignored(path, ignored)]
            if not found:
                problems.add(shown(folder), "a class folder without pictures")
            for path in found:
                file = ListedFile(path, shown(path.relative_to(root)), shown(folder.name), part == "test")
                files.append(file)
    problems.check()
    if ignored:
        say(f"{root}: {len(ignored):,} hidden or system files were ignored, such as {shown(ignored[0])}")
    if not files:
        raise UserError(f"{root} holds no class folders with pictures")
    return dataset_of_files("folders", root, files, options, problems)


def existing_folder(data_dir: Path | None, source: str, holding: str) -> Path:
    """Raises UserError that says what the source's folder must hold."""
    if data_dir is None:
        raise UserError(f"the source {source!r} needs --data-dir, a folder that holds {holding}")
    root = Path(data_dir)
    if not root.is_dir():
        raise UserError(f"{root} is no folder; expected one that holds {holding}")
    return root


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def walk(folder: Path, problems: Problems) -> Iterator[Path]:
    """All files below, sorted; links to folders are followed once, unreadable folders are problems."""

    def unreadable(error: OSError) -> None:
        problems.add(shown(Path(error.filename)), f"the folder cannot be read: {error.strerror}")

    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names))


def is_ignored(path: Path, ignored: list[Path]) -> bool:
    """Hidden and system files, which are also noted in `ignored`."""
    if path.name.startswith(".") or path.name.lower() in SYSTEM_FILES:
        ignored.append(path)
        return True
    return False
