"""The page: a picture, many pictures and an audit's findings, answered by the endpoint and by nothing else.

Streamlit runs this file; `python -m experiments.demo` starts it and gives it its settings as JSON.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from garment_ml.base.errors import GarmentError
from garment_ml.base.secrets import TOKEN_VARIABLE
from garment_ml.data.dataset import Dataset
from garment_ml.data.decisions import DIGEST, DROP, FILE, KEEP
from garment_ml.data.split_dataset import Part, split_dataset
from garment_ml.operations.asking import Client
from garment_ml.operations.decided import decide, decisions_in, picture_of, read_table
from garment_ml.operations.kept_answers import keep_wrong, picture_key
from garment_ml.operations.page_parts import bars, encoded_png, figure, overlaid, probabilities_of, shown
from garment_ml.shipped.columns import CONFIDENCE, ERROR, HEAT_MAP, LABEL
from garment_ml.studies.load import load_pictures
from garment_ml.studies.settings import DataSettings

FILE_SOURCE, CAMERA, TEST_SET = SOURCES = ("A file", "The camera", "The test set")
FINDINGS = 12  # of an audit, shown at once


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


def main(settings: PageSettings) -> None:
    st.set_page_config(page_title="Which garment is it?", page_icon="👗")
    st.title("Which garment is it?")
    client = Client(settings.endpoint, os.environ.get(TOKEN_VARIABLE, ""))
    one, many, audit = st.tabs(["One picture", "Many pictures", "Audit"])
    for tab, show in ((one, one_picture), (many, many_pictures), (audit, audit_findings)):
        with tab:
            try:
                show(settings, client)
            except GarmentError as error:
                st.error(str(error))
    with st.expander("Which model answers?"):
        try:
            about_model(client)
        except GarmentError as error:
            st.error(str(error))


@st.cache_resource(show_spinner="Reading the pictures ...")
def pictures(data: str) -> Dataset:
    return load_pictures(DataSettings(**json.loads(data)))


@st.cache_resource(show_spinner=False)
def test_part(data: str) -> tuple[Part, tuple[str, ...]]:
    split = split_dataset(pictures(data), seed=json.loads(data)["split_seed"])
    return split.open_test_set(), split.class_names


def about_model(client: Client) -> None:
    st.write(f"`{client.model() or 'not told'}` answers at {client.address}.")
    st.markdown(client.card() or "MLflow's own server tells no card; `python -m experiments.serve` does.")


def one_picture(settings: PageSettings, client: Client) -> None:
    chosen = choose_picture(settings)
    if chosen is None:
        return
    (answer,) = client.ask([chosen.content], heat_maps=True)
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


def many_pictures(settings: PageSettings, client: Client) -> None:
    files = st.file_uploader("Picture files", accept_multiple_files=True)
    if not files:
        return
    with st.spinner(f"Asking about {len(files):,} pictures ..."):
        answers = client.ask([each.getvalue() for each in files])
    table = pd.DataFrame(answers)
    table.insert(0, FILE, [each.name for each in files])
    st.download_button("Download as CSV", table.to_csv(index=False), "answers.csv", "text/csv")
    brief = table.reindex(columns=[FILE, LABEL, CONFIDENCE, ERROR])
    st.table(brief[:100].astype({CONFIDENCE: float}).fillna("").set_index(FILE))
    if len(brief) > 100:
        st.write(f"and {len(brief) - 100:,} more in the file")


def audit_findings(settings: PageSettings, client: Client) -> None:
    if not settings.audit:
        st.write("Name the audit.csv of a `prepare_data` run with `--audit` to go through its findings.")
        return
    table, data = Path(settings.audit), pictures(json.dumps(settings.data))
    rows = read_table(table)
    check = st.selectbox("Check", list(dict.fromkeys(row.get("check", "") for row in rows)))
    found = [row for row in rows if row.get("check", "") == check]
    pages = -(-len(found) // FINDINGS)
    page = st.number_input(f"Page, of {pages}", 1, pages, 1) if pages > 1 else 1
    shown_now = {picture_of(row): row for row in found[(page - 1) * FINDINGS : page * FINDINGS]}
    before, now = decisions_in(rows), {}
    with st.form(f"{check} {page}"):
        columns = st.columns(3)
        for number, (picture, row) in enumerate(shown_now.items()):
            with columns[number % 3]:
                now[picture] = finding(row, data, before.get(picture, ""))
        if st.form_submit_button("Save these decisions"):
            changed = {picture: each for picture, each in now.items() if each != before.get(picture, "")}
            decide(table, changed)
            st.success(f"Saved in {table}; give it to any entry point as `--corrections {table}`.")


def finding(row: dict[str, str], data: Dataset, before: str) -> str:
    """The picture with what was found, and the decision that is chosen for it."""
    at = np.flatnonzero(data.pictures.digests == row[DIGEST].encode())
    if row[DIGEST] and len(at):
        picture = shown(encoded_png(data.pictures.images[at[0]]))
        caption = f"{row[FILE]}: {row.get('class', '')}, {row.get('value', '')}"
        st.html(figure(picture, caption, f"Picture {row[FILE]}"))
    else:
        st.write(f"{row[FILE]}: {row.get('note', '')}")
    options = list(dict.fromkeys(["", KEEP, DROP, *data.class_names, before]))
    return st.selectbox(
        f"Decision on {row[FILE]}",
        options,
        options.index(before),
        format_func=lambda each: each or "leave open",
        key=f"{row[FILE]} {row[DIGEST]}",
    )


if __name__ == "__main__":
    main(PageSettings(**json.loads(sys.argv[1])))
