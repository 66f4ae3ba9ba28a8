"""What people's files have: each case says what, where and what was expected, or is left out and listed."""

import io
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from garment_ml.base.errors import UserError
from garment_ml.data.source_options import SourceOptions
from garment_ml.data.sources import load_dataset
from garment_ml.studies.load import load_pictures
from garment_ml.studies.settings import DataSettings

PER_CLASS, CLASSES = 8, ("coat", "shirt")
COUNT = PER_CLASS * len(CLASSES)
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 4, 4), np.uint8)
LABELS = [name for name in CLASSES for _ in range(PER_CLASS)]


def png(row: int = 0, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS[row]).save(file, "PNG", **options)
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that announces 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    size = (50_000).to_bytes(4)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + size + b"\x08\0\0\0\0") + chunk(b"IEND", b"")


# --- pixels in a CSV file ---------------------------------------------------------------------------------

HEADER = ",".join(["label", *(f"pixel{number}" for number in range(1, 17))])
LINES = [HEADER, *(f"{LABELS[row]}," + ",".join(map(str, PIXELS[row].ravel())) for row in range(COUNT))]


def pixels_csv(text: str | bytes) -> Callable[[Path], None]:
    data = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "pictures.csv").write_bytes(data) and None


def lines(*changed: tuple[int, str]) -> str:
    """The good file with some lines changed; line 1 is the header."""
    new = list(LINES)
    for number, line in changed:
        new[number - 1] = line
    return "\n".join(new) + "\n"


def cell(number: int, value: str) -> str:
    """The good file with another third pixel in one line."""
    values = LINES[number - 1].split(",")
    return lines((number, ",".join([*values[:3], value, *values[4:]])))


GOOD_CSV = {
    "BOM": "\ufeff" + lines(),
    "CRLF": lines().replace("\n", "\r\n"),
    "tabs": lines().replace(",", "\t"),
    "semicolons": lines().replace(",", ";"),
    "quoted numbers": cell(5, '"7"'),
    "empty lines": lines().replace("\n", "\n\n"),
    "no last line end": lines().rstrip(),
    "all quoted": "\n".join('"' + line.replace(",", '","') + '"' for line in LINES),
    "columns in another order": "\n".join(
        ",".join([values[0], *reversed(values[1:])]) for values in (line.split(",") for line in LINES)
    ),
}


@pytest.mark.parametrize("text", GOOD_CSV.values(), ids=GOOD_CSV)
def test_csv_of_any_make_is_read(text, tmp_path):
    pixels_csv(text)(tmp_path)
    dataset = load_dataset("pixels-csv", tmp_path)
    assert dataset.pictures.images.shape == (COUNT, 4, 4, 1)
    assert [dataset.class_names[label] for label in dataset.labels] == LABELS
    if text != GOOD_CSV["quoted numbers"]:
        assert np.array_equal(dataset.pictures.images[..., 0], PIXELS)


# what, how the file is spoilt, what is said
REFUSED_CSV = [
    ("missing column", lines((1, HEADER.replace("label", "kind"))), "no column 'label', .*--label-column"),
    ("header absent", "\n".join(LINES[1:]), "pictures.csv.* first line"),
    ("empty file", "", "first line is empty"),
    ("header only", HEADER + "\n", "has a header only"),
    ("CR alone", lines().replace("\n", "\r"), "lines end with CR alone"),
    ("a note for Excel", "sep=,\n" + lines(), "'sep=,', a note for Excel alone"),
    ("a gap", lines((1, HEADER.replace("pixel7,", "pixel70,"))), "no column pixel7, expected pixel1"),
    ("a number twice", lines((1, HEADER.replace("pixel7,", "pixel_6,"))), "no column pixel7|two columns"),
    ("no square", lines().replace("pixel16", "id"), "15 columns of pixels are no square"),
    ("Latin-1 header", lines((1, HEADER + ",größe")).encode("latin-1"), "not in UTF-8"),
    ("one class", lines().replace("shirt", "coat"), r"has the classes \['coat'\], expected at least two"),
    ("case only", lines((3, LINES[2].replace("coat", "Coat"))), "'Coat' and 'coat' differ in case only"),
]


@pytest.mark.parametrize(
    ("text", "sentence"), [case[1:] for case in REFUSED_CSV], ids=[case[0] for case in REFUSED_CSV]
)
def test_csv_that_cannot_be_read_is_refused(text, sentence, tmp_path):
    pixels_csv(text)(tmp_path)
    for skip in (False, True):
        with pytest.raises(UserError, match=sentence):
            load_dataset("pixels-csv", tmp_path, SourceOptions(skip_unreadable=skip))


SPOILT_CSV = [
    ("header twice", lines((4, HEADER)), "line 4: column 'pixel1' holds 'pixel1', expected a whole number"),
    ("short row", lines((4, "coat,1,2")), "line 4: 3 values, expected 17"),
    ("long row", lines((4, LINES[3] + ",9")), "line 4: 18 values, expected 17"),
    ("letters", cell(5, "x7"), "line 5: column 'pixel3' holds 'x7', expected a whole number from 0 to 255"),
    ("256", cell(5, "256"), "line 5: column 'pixel3' holds '256'"),
    ("negative", cell(5, "-1"), "line 5: column 'pixel3' holds '-1'"),
    ("0.5", cell(5, "0.5"), "line 5: column 'pixel3' holds '0.5'"),
    ("nothing", cell(5, ""), "line 5: column 'pixel3' holds"),
    ("NUL bytes", cell(5, "\0"), "line 5: NUL bytes"),
    ("CR in a row", cell(5, "7\r"), "line 5: a carriage return within"),
    ("True", cell(5, "True"), "line 5: column 'pixel3' holds 'True'"),
    ("a quote that isn't closed", cell(5, '"7'), "line 5: column 'pixel3' holds '\"7'"),
    ("no label", lines((5, LINES[4].removeprefix("coat"))), "line 5: no label, expected"),
]


@pytest.mark.parametrize(
    ("text", "sentence"), [case[1:] for case in SPOILT_CSV], ids=[case[0] for case in SPOILT_CSV]
)
def test_spoilt_row_is_named_or_left_out(text, sentence, tmp_path):
    pixels_csv(text)(tmp_path)
    with pytest.raises(UserError, match=f"pictures.csv, {sentence}.*--skip-unreadable"):
        load_dataset("pixels-csv", tmp_path)
    check_left_out("pixels-csv", tmp_path, 1)


def test_label_unseen_in_train_is_named(tmp_path):
    (tmp_path / "train.csv").write_text(lines())
    (tmp_path / "test.csv").write_text("\n".join([HEADER, *LINES[1:3], LINES[3].replace("coat", "dress")]))
    with pytest.raises(
        UserError, match=r"test.csv, line 4: the label 'dress', expected a class that the train"
    ):
        load_dataset("pixels-csv", tmp_path)
    dataset = load_dataset("pixels-csv", tmp_path, SourceOptions(skip_unreadable=True))
    assert len(dataset.labels) + len(dataset.left_out) == COUNT + 3


def test_several_csv_files_without_train_in_their_names_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(lines())
    with pytest.raises(UserError, match=r"holds a.csv, b.csv; expected one CSV file, or one with train"):
        load_dataset("pixels-csv", tmp_path)


# --- pictures beside a CSV file -----------------------------------------------------------------------------


@pytest.fixture
def contest(tmp_path):
    """train.csv and train/, as a contest has them."""
    (tmp_path / "train").mkdir()
    for row in range(COUNT):
        (tmp_path / "train" / f"{row}.png").write_bytes(png(row))
    rows = ["id,label", *(f"{row},{LABELS[row]}" for row in range(COUNT))]
    (tmp_path / "train.csv").write_text("\n".join(rows))
    return tmp_path


def add_line(line: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        with (folder / "train.csv").open("a") as file:
            file.write(f"\n{line}")

    return spoil


def replace_line(number: int, line: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        found = (folder / "train.csv").read_text().splitlines()
        found[number - 1] = line
        (folder / "train.csv").write_text("\n".join(found))

    return spoil


def add_file(name: str, data: bytes) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "train" / name).write_bytes(data)

    return spoil


CONTEST = [
    (
        "id twice, the same label",
        add_line("3,coat"),
        "line 18: id '3' .*a second time, with the same label",
        1,
    ),
    ("id twice, another label", add_line("3,shirt"), "'3' .*with the labels 'coat' and 'shirt'", 2),
    ("id without file", add_line("99,coat"), "line 18: id '99' has no file in", 1),
    ("file without id", add_file("99.png", png()), "99.png: a picture that train.csv doesn't list", 1),
    ("id of two files", add_file("3.jpg", png()), "id '3' fits several files: 3.jpg, 3.png", 3),
    ("short row", add_line("99"), "line 18: 1 values, expected 2", 1),
    ("no label", replace_line(4, "2,"), "train/2.png: no label, expected", 1),
]


@pytest.mark.parametrize(
    ("spoil", "sentence", "lost"), [case[1:] for case in CONTEST], ids=[case[0] for case in CONTEST]
)
def test_row_or_file_that_fits_nothing_is_named_or_left_out(spoil, sentence, lost, contest):
    spoil(contest)
    with pytest.raises(UserError, match=f"{sentence}.*--skip-unreadable"):
        load_dataset("labelled-csv", contest)
    left_out = load_dataset("labelled-csv", contest, SourceOptions(skip_unreadable=True)).left_out
    assert len(left_out) == lost


@pytest.mark.parametrize("closed_again", [False, True])
def test_a_quote_that_is_not_closed_swallows_no_rows(contest, closed_again):
    replace_line(4, '2,"coat')(contest)
    if closed_again:
        replace_line(9, '7,"coat')(contest)
    with pytest.raises(UserError, match=r"train.csv, line 4: .*look for a quote that isn't closed"):
        load_dataset("labelled-csv", contest, SourceOptions(skip_unreadable=True))


def test_a_cell_without_end_is_named(contest):
    replace_line(4, "2," + 200_000 * "a")(contest)
    with pytest.raises(UserError, match=r"train.csv, line 4: field larger than field limit"):
        load_dataset("labelled-csv", contest)


def test_missing_columns_are_named_with_the_option(contest):
    with pytest.raises(
        UserError, match=r"no column 'name', the first line has 'id', 'label'; .* --id-column"
    ):
        load_dataset("labelled-csv", contest, SourceOptions(id_column="name"))
    with pytest.raises(UserError, match=r"no column 'product'.*--group-column"):
        load_dataset("labelled-csv", contest, SourceOptions(group_column="product"))


# --- pictures in class folders ------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    root = tmp_path / "files"
    for row in range(COUNT):
        path = root / LABELS[row] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(row))
    return root


SPOILT_PICTURES = [
    ("truncated", png()[:60], "damaged"),
    ("zero bytes", b"", "0 bytes are no picture"),
    ("text", b"no picture", "10 bytes are no picture, expected one of: PNG"),
    ("50,000 x 50,000", bomb(), "cannot be read|pixels"),
]


@pytest.mark.parametrize(
    ("data", "sentence"), [case[1:] for case in SPOILT_PICTURES], ids=[case[0] for case in SPOILT_PICTURES]
)
def test_unreadable_picture_is_named_or_left_out(data, sentence, folders):
    (folders / "coat" / "spoilt.png").write_bytes(data)
    with pytest.raises(UserError, match=f"coat/spoilt.png: .*({sentence}).*--skip-unreadable"):
        load_dataset("folders", folders)
    check_left_out("folders", folders, 1, extra=1)


def grey(mode: str, kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 4), 9).convert(mode).save(file, kind)
    return file.getvalue()


ODD_PICTURES = [
    ("wrong extension", "a.txt", grey("L", "PNG")),
    ("CMYK", "a.jpg", grey("CMYK", "JPEG")),
    ("16-bit", "a.png", grey("I;16", "PNG")),
    ("animated", "a.gif", png()),
    ("quotes and commas", 'it\'s, "a".png', png()),
    ("emoji", "👗.png", png()),
    ("newline", "a\nb.png", png()),
    ("bytes that are no text", os.fsdecode(b"\xe9.png"), png()),
    ("nested folder", "more/and/more/a.png", png()),
]


@pytest.mark.parametrize(
    ("name", "data"), [case[1:] for case in ODD_PICTURES], ids=[case[0] for case in ODD_PICTURES]
)
def test_odd_but_whole_picture_is_used(name, data, folders):
    path = folders / "coat" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    dataset = load_dataset("folders", folders)
    assert len(dataset.labels) == COUNT + 1
    assert all(id.encode() for id in dataset.pictures.ids)


def test_hidden_and_system_files_are_ignored_and_it_is_said(folders, capsys):
    for name in (".DS_Store", "Thumbs.db", ".hidden.png"):
        (folders / "coat" / name).write_bytes(png())
    assert len(load_dataset("folders", folders).labels) == COUNT
    assert "hidden and system files are ignored: 3" in capsys.readouterr().out


def test_link_to_a_folder_above_is_followed_once(folders):
    (folders / "coat" / "loop").symlink_to(folders / "coat")
    assert len(load_dataset("folders", folders).labels) == COUNT


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_folder_is_named(folders):
    (folders / "coat" / "locked").mkdir(mode=0)
    with pytest.raises(UserError, match="locked: the folder cannot be read: Permission denied"):
        load_dataset("folders", folders)


FOLDERS = [
    ("empty class", lambda root: (root / "dress").mkdir(), "dress: a class folder without pictures"),
    ("test alone", lambda root: (root / "test").mkdir(), "has a folder test but none named train"),
    ("case only", lambda root: add_class(root, "Coat"), "'Coat' and 'coat' differ in case only"),
    ("a part in capitals", lambda root: add_class(root, "Train"), "Train would be a class.*Call it 'train'"),
    (
        "loose picture",
        lambda root: (root / "a.png").write_bytes(png()),
        "a.png: a picture that lies in no class",
    ),
]


def add_class(root: Path, name: str) -> None:
    (root / name).mkdir()
    (root / name / "a.png").write_bytes(png())


@pytest.mark.parametrize(
    ("spoil", "sentence"), [case[1:] for case in FOLDERS], ids=[case[0] for case in FOLDERS]
)
def test_folders_that_are_no_classes_are_refused(spoil, sentence, folders):
    spoil(folders)
    with pytest.raises(UserError, match=sentence):
        load_dataset("folders", folders)


@pytest.fixture
def parts(folders):
    """Train and test, each with both class folders."""
    for part in ("train", "test"):
        shutil.copytree(folders / "coat", folders / part / "coat")
        shutil.copytree(folders / "shirt", folders / part / "shirt")
    for name in CLASSES:
        shutil.rmtree(folders / name)
    return folders


def test_a_folder_beside_train_and_test_is_no_silent_loss(parts):
    add_class(parts / "train", "dress")
    shutil.copytree(parts / "train", parts / "validation")
    with pytest.raises(
        UserError, match="validation: pictures beside train and test, which would not be used"
    ):
        load_dataset("folders", parts)
    left_out = load_dataset("folders", parts, SourceOptions(skip_unreadable=True)).left_out
    assert [Path(each.where).name for each in left_out] == ["validation"]


def test_a_test_folder_without_class_folders_is_refused(parts):
    for name in CLASSES:
        shutil.rmtree(parts / "test" / name)
    (parts / "test" / "a.png").write_bytes(png())
    with pytest.raises(UserError, match=r"a.png: a picture that lies in no class folder"):
        load_dataset("folders", parts)
    with pytest.raises(UserError, match="test holds no class folders"):
        load_dataset("folders", parts, SourceOptions(skip_unreadable=True))


def test_pictures_none_of_which_can_be_read_are_refused(folders):
    for path in folders.rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(
        UserError, match=f"none of {COUNT} pictures can be used: .*no picture, expected one of"
    ):
        load_dataset("folders", folders, SourceOptions(skip_unreadable=True))


def test_class_names_that_no_picture_has_are_named(folders):
    with pytest.raises(UserError, match="class_names has 'dress', but no picture has this label"):
        load_dataset("folders", folders, SourceOptions(class_names=("coat", "dress", "shirt")))


def test_a_pattern_that_finds_no_groups_is_refused_and_pictures_without_one_are_counted(folders, capsys):
    for pattern in ("(x)?[0-9]", "^(x)"):
        with pytest.raises(UserError, match="finds a group in none of the file names, such as"):
            load_dataset("folders", folders, SourceOptions(group_pattern=pattern))
    load_dataset("folders", folders, SourceOptions(group_pattern="^(1[0-9])"))
    assert f"{COUNT - 6} of {COUNT} pictures are in no group" in capsys.readouterr().out


IGNORED = [
    (
        "folders",
        {"group_column": "product"},
        "--group-column 'product' means nothing to the source 'folders'",
    ),
    ("pixels-csv", {"group_pattern": "^(.)"}, "--group-pattern .* means nothing to the source 'pixels-csv'"),
    ("sample", {"label_column": "kind"}, "--label-column 'kind' means nothing"),
    ("labelled-csv", {"group_column": "a", "group_pattern": "(b)"}, "both name groups; give one"),
]


@pytest.mark.parametrize(("source", "given", "sentence"), IGNORED, ids=[case[0] for case in IGNORED])
def test_an_option_that_would_be_ignored_is_refused(source, given, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        load_dataset(source, None if source == "sample" else tmp_path, SourceOptions(**given))


def test_a_pipe_is_no_picture(folders):
    os.mkfifo(folders / "coat" / "pipe.png")
    with pytest.raises(UserError, match=r"pipe.png: is no regular file"):
        load_dataset("folders", folders)


def test_a_test_part_none_of_which_can_be_used_is_not_drawn_anew(parts):
    for path in (parts / "test").rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(UserError, match=f"none of the {COUNT} pictures of the test part"):
        load_dataset("folders", parts, SourceOptions(skip_unreadable=True))


def test_rows_none_of_which_can_be_used_are_refused(tmp_path):
    pixels_csv("\n".join([HEADER, *(line.rpartition(",")[0] + ",x" for line in LINES[1:])]))(tmp_path)
    with pytest.raises(
        UserError, match=r"no row can be used, the first: pictures.csv, line 2: column 'pixel16'"
    ):
        load_dataset("pixels-csv", tmp_path, SourceOptions(skip_unreadable=True))


@pytest.mark.parametrize("source", ["pixels-csv", "labelled-csv", "folders"])
def test_folder_that_is_missing_or_empty_is_refused(source, tmp_path):
    for folder in (None, tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError, match=r"needs --data-dir|expected|holds|cannot be read"):
            load_dataset(source, folder)


def test_a_thousand_classes_are_read(tmp_path):
    for number in range(1000):
        add_class(tmp_path, f"class {number:04}")
    dataset = load_dataset("folders", tmp_path)
    assert len(dataset.class_names) == 1000 and dataset.class_names[7] == "class 0007"


def check_left_out(source: str, folder: Path, lost: int, extra: int = 0) -> None:
    """in = used + left out"""
    dataset = load_dataset(source, folder, SourceOptions(skip_unreadable=True))
    assert len(dataset.left_out) == lost
    assert len(dataset.labels) + lost == COUNT + extra


def test_a_file_that_can_not_be_read_may_be_dropped_by_corrections(folders, tmp_path):
    (folders / "coat" / "spoilt.png").write_bytes(b"no picture")
    (folders / "coat" / "other.png").write_bytes(b"no picture")
    table = tmp_path / "audit.csv"
    settings = DataSettings(data="folders", data_dir=str(folders), corrections=str(table))
    table.write_text("file,decision\ncoat/spoilt.png,drop\n")
    with pytest.raises(UserError, match=r"coat/other.png: 10 bytes are no picture, .*; mend it"):
        load_pictures(settings)
    table.write_text("file,decision\ncoat/spoilt.png,drop\ncoat/other.png, Drop\n")
    dataset = load_pictures(settings)
    assert len(dataset.labels) == COUNT
    assert sorted(each.id for each in dataset.left_out) == ["coat/other.png", "coat/spoilt.png"]
