"""The names under which data sets can be asked for; a new source is one new entry."""

import pkgutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from garment_ml.base.choose import choose
from garment_ml.base.errors import UserError
from garment_ml.data.array_pictures import bring_to_form
from garment_ml.data.dataset import Dataset
from garment_ml.data.source_options import SourceOptions

# By dotted name, as some loaders need pandas, which a menu of the names doesn't.
SOURCES: Mapping[str, str] = {
    "fashion-mnist": "garment_ml.data.fashion_mnist:load_fashion_mnist",
    "sample": "garment_ml.data.sample:load_sample",
    "pixels-csv": "garment_ml.data.pixels_csv:load_pixels_csv",
    "labelled-csv": "garment_ml.data.labelled_csv:load_labelled_csv",
    "folders": "garment_ml.data.folders:load_folders",
    "rendered-sleeves": "garment_ml.data.rendered_sleeves:load_rendered_sleeves",
}

OF_FILES = ("group_pattern",)  # what only some sources can make use of
OF_CSV = ("id_column", "label_column", "group_column")
USED = {"pixels-csv": OF_CSV, "labelled-csv": (*OF_CSV, *OF_FILES), "folders": OF_FILES}


def load_dataset(source: str, data_dir: Path | None = None, options: SourceOptions | None = None) -> Dataset:
    """Raises UserError for an unknown source, and what the source's loader raises."""
    load: Callable[[Path | None, SourceOptions], Dataset] = pkgutil.resolve_name(
        choose(SOURCES, "data source", source)
    )
    options = options or SourceOptions()
    _refuse_unused(source, options)
    folder = None if data_dir is None else Path(data_dir)
    try:
        dataset = load(folder, options)
    except UserError as error:
        likely = _likely_source(folder) if folder else None
        if likely in (None, source):
            raise
        raise UserError(f"{error}\n{folder} looks like --data {likely}") from error
    return replace(dataset, pictures=bring_to_form(dataset.pictures, options))


def _likely_source(folder: Path) -> str | None:
    """By what lies in it, for who took one form of data for another."""
    from garment_ml.data.csv_file import CsvFile
    from garment_ml.data.folders import subfolders
    from garment_ml.data.pixels_csv import PIXEL

    if not folder.is_dir():
        return None
    for path in filter(Path.is_file, folder.glob("*.csv")):
        with suppress(UserError):
            if any(map(PIXEL.fullmatch, CsvFile.open(path).columns)):
                return "pixels-csv"
    if (folder / "train.csv").is_file():
        return "labelled-csv"
    return "folders" if subfolders(folder) else None


def _refuse_unused(source: str, options: SourceOptions) -> None:
    """Raise UserError for an option that would be ignored: groups not kept together leak into test."""
    for name in (*OF_CSV, *OF_FILES):
        given = getattr(options, name)
        if given != getattr(SourceOptions, name) and name not in USED.get(source, ()):
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} {given!r} means nothing to the source {source!r}; leave it out")
    if options.group_column and options.group_pattern:
        raise UserError("--group-column and --group-pattern both name groups; give one of them")
