"""The contest form: `train.csv` with ids and labels of the pictures in `train/`, `test.csv` with ids only."""

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from garment_ml.base.errors import UserError
from garment_ml.data.csv_file import CsvFile
from garment_ml.data.dataset import Dataset
from garment_ml.data.file_dataset import ListedFile, dataset_of_files
from garment_ml.data.folders import below, existing_folder, is_ignored, walk
from garment_ml.data.source_options import Problems, SourceOptions, shown

HOLDING = "train.csv beside train/, and where there are some test.csv beside test/"


def load_labelled_csv(data_dir: Path | None, options: SourceOptions) -> Dataset:
    """A `test.csv` that has labels, too, is the test part; one without is for `listed_files`.

    Raises UserError for what is not as the form says, naming file, line and value.
    """
    root = existing_folder(data_dir, "labelled-csv", HOLDING)
    problems = Problems(options.skip_unreadable, dropped=options.dropped)
    files = listed_files(root, "train", options, problems)
    if (root / "test.csv").is_file() and options.label_column in CsvFile.open(root / "test.csv").columns:
        files += listed_files(root, "test", options, problems)
    return dataset_of_files("labelled-csv", root, files, options, problems)


def listed_files(
    root: Path, part: str, options: SourceOptions, problems: Problems, labelled: bool = True
) -> list[ListedFile]:
    """Of `<part>.csv` in its order; what is wrong with a line, or with the folder beside it, is a problem."""
    table, folder = CsvFile.open(root / f"{part}.csv"), root / part
    table.need(options.id_column, "--id-column")
    if labelled:
        table.need(options.label_column, "--label-column")
    if options.group_column:
        table.need(options.group_column, "--group-column")
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; expected the pictures that {table.path} lists")
    on_disk = _FilesByName(folder, problems)
    files: dict[str, ListedFile] = {}
    unclear: set[str] = set()
    for where, cells in table.rows(problems):
        id, label = cells[options.id_column], cells[options.label_column] if labelled else ""
        path = on_disk.find(id)
        if isinstance(path, str):
            problems.add(where, f"id {id!r} {path}")
        elif id not in files:
            group = cells[options.group_column] if options.group_column else ""
            files[id] = ListedFile(path, id, label, part == "test", group)
        elif files[id].label == label:
            problems.add(where, f"id {id!r} is there a second time, with the same label")
        else:
            unclear.add(id)
            both = f"{files[id].label!r} and {label!r}"
            problems.add(where, f"id {id!r} is there a second time, with the labels {both}")
    for path in on_disk.unused({each.path for each in files.values()}):
        problems.add(shown(path), f"a picture that {table.path.name} doesn't list")
    for id in unclear:
        problems.add(shown(files.pop(id).path), "a picture with two labels")
    return list(files.values())


class _FilesByName:
    """The files of a folder, found by their path in it, with or without the extension."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self.folder = folder
        self.paths = [path for path in walk(folder, problems) if not is_ignored(path, [])]
        self.by_name: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            name = below(folder, path)
            for known_as in {name, shown(Path(name).with_suffix(""))}:
                self.by_name[known_as].append(path)

    def find(self, id: str) -> Path | str:
        """The file, or why there is none."""
        found = self.by_name.get(id, [])
        if len(found) == 1:
            return found[0]
        if found:
            return f"fits several files: {', '.join(path.name for path in found)}"
        return f"has no file in {self.folder}"

    def unused(self, used: Collection[Path]) -> list[Path]:
        return [path for path in self.paths if path not in used]
