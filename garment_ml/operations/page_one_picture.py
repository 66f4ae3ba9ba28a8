"""The page's tab for one picture: from a file, the camera or the test set, answered and corrected."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from garment_ml.data.dataset import Dataset
from garment_ml.data.split_dataset import Part, split_dataset
from garment_ml.operations.asking import Client
from garment_ml.operations.decided import decide
from garment_ml.operations.kept_answers import keep_wrong
from garment_ml.operations.page_parts import bars, encoded_png, figure, overlaid, probabilities_of, shown
from garment_ml.shipped.columns import CONFIDENCE, ERROR, HEAT_MAP, LABEL
from garment_ml.shipped.recording import picture_key
from garment_ml.studies.load import load_pictures
from garment_ml.studies.settings import DataSettings

FILE_SOURCE, CAMERA, TEST_SET = SOURCES = ("A file", "The camera", "The test set")


@dataclass(frozen=True)
class PageSettings:
    """What `experiments.demo` hands over; `audit` is "" where there is no table to go through."""

    endpoint: str
    kept: str
    audit: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """A picture file; of the data set also its id there and the digest of its pixels."""

    content: bytes
    id: str = ""
    digest: str = ""
    truth: str = ""


@st.cache_resource(show_spinner="Reading the pictures ...")
def pictures(data: str) -> Dataset:
    return load_pictures(DataSettings(**json.loads(data)))


@st.cache_resource(show_spinner=False)
def test_part(data: str) -> tuple[Part, tuple[str, ...]]:
    split = split_dataset(pictures(data), seed=json.loads(data)["split_seed"])
    return split.open_test_set(), split.class_names


def one_picture(settings: PageSettings, client: Client) -> None:
    chosen = choose_picture(settings)
    if chosen is None:
        return
    (answer,) = answers_to(client, [chosen.content], heat_maps=True)
    if answer.get(ERROR):
        st.error(f"This can't be answered: {answer[ERROR]}.")
        return
    st.subheader(f"{answer[LABEL]}, {100 * answer[CONFIDENCE]:.1f} % sure")
    if chosen.truth:
        st.write(f"The data set calls it {chosen.truth}.")
    probabilities = probabilities_of(answer)
    st.html(bars(probabilities))
    picture = shown(chosen.content)
    left, right = st.columns(2)
    left.html(figure(picture, "The picture", f"The picture, answered with {answer[LABEL]}"))
    if HEAT_MAP in answer:  # models of before don't give one
        caption = f"Orange: what spoke for {answer[LABEL]}"
        right.html(figure(overlaid(picture, answer), caption, f"The same in grey. {caption}"))
    correct(settings, client, chosen, answer, list(probabilities))


def answers_to(client: Client, files: Sequence[bytes], heat_maps: bool = False) -> list[dict[str, Any]]:
    """Asked once: Streamlit runs all of the page again whatever is touched, and a monitor counts answers."""
    key = (client.model(), heat_maps, *map(picture_key, files))
    if st.session_state.get("asked") != key:
        st.session_state["answers"] = client.ask(files, heat_maps)
        st.session_state["asked"] = key
    return st.session_state["answers"]


def choose_picture(settings: PageSettings) -> Chosen | None:
    source = st.radio("Where is the picture?", SOURCES, horizontal=True)
    if source == TEST_SET:
        return from_test_set(settings)
    taken = st.file_uploader("A picture file") if source == FILE_SOURCE else st.camera_input("Take a picture")
    return Chosen(taken.getvalue()) if taken else None


def from_test_set(settings: PageSettings) -> Chosen:
    part, class_names = test_part(json.dumps(settings.data))
    row = st.number_input(f"Which of its {len(part.labels):,} pictures?", 1, len(part.labels), 1) - 1
    id, digest = str(part.pictures.ids[row]), part.pictures.digests[row].decode()
    return Chosen(encoded_png(part.pictures.images[row]), id, digest, class_names[part.labels[row]])


def correct(
    settings: PageSettings, client: Client, chosen: Chosen, answer: dict[str, Any], names: Sequence[str]
) -> None:
    """Keeps what is right for the next version of the data: of its own pictures as a correction."""
    of_data = bool(chosen.digest)
    key = chosen.digest or picture_key(chosen.content)  # or the choice would go over to the next picture
    with st.form(f"wrong {key}", border=False):
        right = st.selectbox("What is it really?", names if of_data else names[1:], key=f"right {key}")
        if not st.form_submit_button("This is wrong: keep it"):
            return
    kept = Path(settings.kept)
    if of_data:
        table = kept / "corrections.csv"
        decide(table, {(chosen.id, chosen.digest): right})
        st.success(f"Kept in {table}; give it to any entry point as `--corrections {table}`.")
    else:
        file = keep_wrong(kept, chosen.content, answer, right, client.model())
        st.success(f"Kept as {file}; `--data labelled-csv --data-dir {kept}` reads these pictures.")
