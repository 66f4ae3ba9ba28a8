"""The page's tab for an audit: its findings, picture beside picture, to be decided about."""

import json
from pathlib import Path

import numpy as np
import streamlit as st

from garment_ml.data.dataset import Dataset
from garment_ml.data.decisions import DIGEST, DROP, FILE, KEEP
from garment_ml.operations.asking import Client
from garment_ml.operations.decided import decide, decisions_in, picture_of, read_table
from garment_ml.operations.page_one_picture import PageSettings, pictures
from garment_ml.operations.page_parts import encoded_png, figure, shown

FINDINGS = 12  # shown at once


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
    # What this page was drawn with: another may decide in the meantime, and must not be undone.
    before = st.session_state.setdefault(f"drawn {check} {page}", decisions_in(rows))
    now = {}
    with st.form(f"{check} {page}"):
        columns = st.columns(3)
        for number, (picture, row) in enumerate(shown_now.items()):
            with columns[number % 3]:
                now[picture] = finding(row, data, before.get(picture, ""))
        if st.form_submit_button("Save these decisions"):
            changed = {picture: each for picture, each in now.items() if each != before.get(picture, "")}
            decide(table, changed)
            before.update(changed)
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
