"""Class folders: `train/<class>/*` and `test/<class>/*`, or `<class>/*` alone, to be split here."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.data.dataset import Dataset
from garment_ml.data.file_dataset import ListedFile, dataset_of_files
from garment_ml.data.source_options import Problems, SourceOptions, shown

PARTS = ("train", "test")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
SYSTEM_FILES = ("thumbs.db", "desktop.ini")  # are ignored, and so is everything hidden


def load_folders(data_dir: Path | None, options: SourceOptions) -> Dataset:
    """The classes are the folders' names; folders inside one belong to it.

    Raises UserError where there are no class folders, and for one without pictures.
    """
    root = existing_folder(data_dir, "folders", "one folder for each class, or train/ and test/ with those")
    published = _published_parts(root)
    if published == ["test"]:
        raise UserError(
            f"{root} has a folder test but none named train; expected both, or class folders alone"
        )
    problems = Problems(options.skip_unreadable, dropped=options.dropped)
    ignored: list[Path] = []
    files: list[ListedFile] = []
    _note_unused(root, published, problems)
    for part in published or [""]:
        for folder in subfolders(root / part):
            found = [path for path in walk(folder, problems) if not is_ignored(path, ignored)]
            if not found:
                problems.add(shown(folder), "a class folder without pictures")
            for path in found:
                file = ListedFile(path, below(root, path), shown(folder.name), part == "test")
                files.append(file)
    problems.check()
    if ignored:
        say(f"{root}: hidden and system files are ignored: {len(ignored):,}, such as {shown(ignored[0])}")
    for part in published or [""]:
        if not any(file.in_test == (part == "test") for file in files):
            raise UserError(f"{root / part} holds no class folders with pictures")
    return dataset_of_files("folders", root, files, options, problems)


def _published_parts(root: Path) -> list[str]:
    """Those of train and test that are there; UserError for one in other letters, which would be a class."""
    for folder in subfolders(root):
        if folder.name.lower() in PARTS and folder.name not in PARTS:
            raise UserError(f"{folder} would be a class; is it a part? Call it {folder.name.lower()!r} then")
    return [part for part in PARTS if (root / part).is_dir()]


def _note_unused(root: Path, published: Sequence[str], problems: Problems) -> None:
    """Folders beside train and test, and pictures outside of class folders, are no silent loss."""
    for folder in subfolders(root) if published else []:
        if folder.name not in PARTS and any(_is_picture(path) for path in folder.rglob("*")):
            problems.add(shown(folder), "pictures beside train and test, which would not be used")
    for folder in {root, *(root / part for part in published)}:
        for path in sorted(folder.iterdir()):
            if _is_picture(path):
                problems.add(shown(path), "a picture that lies in no class folder")


def _is_picture(path: Path) -> bool:
    """By its name alone."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()


def existing_folder(data_dir: Path | None, source: str, holding: str) -> Path:
    """Raises UserError that says what the source's folder must hold."""
    if data_dir is None:
        raise UserError(f"the source {source!r} needs --data-dir, a folder that holds {holding}")
    root = Path(data_dir)
    if not root.is_dir():
        raise UserError(f"{root} is no folder; expected one that holds {holding}")
    return root


def subfolders(folder: Path) -> list[Path]:
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
        for path in map(Path(parent).joinpath, sorted(names)):
            if not os.path.isfile(path) and os.path.exists(path):
                problems.add(shown(path), "is no regular file")
            else:
                yield path


def below(root: Path, path: Path) -> str:
    """`path` without `root`, which it lies in, as it is shown; `relative_to` takes ten times as long."""
    return shown(str(path).removeprefix(f"{root}{os.sep}"))


def is_ignored(path: Path, ignored: list[Path]) -> bool:
    """Hidden and system files, which are also noted in `ignored`."""
    if path.name.startswith(".") or path.name.lower() in SYSTEM_FILES:
        ignored.append(path)
        return True
    return False
