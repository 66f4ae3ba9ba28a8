"""The page: a picture, many pictures and an audit's findings, answered by the endpoint and by nothing else.

Streamlit runs this file; `python -m experiments.demo` starts it and gives it its settings as JSON.
"""

import json
import os
import sys

import pandas as pd
import streamlit as st

from garment_ml.base.errors import GarmentError
from garment_ml.base.secrets import TOKEN_VARIABLE
from garment_ml.data.decisions import FILE
from garment_ml.operations.asking import Client
from garment_ml.operations.page_audit import audit_findings
from garment_ml.operations.page_one_picture import PageSettings, answers_to, one_picture
from garment_ml.shipped.columns import CONFIDENCE, ERROR, LABEL


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


def about_model(client: Client) -> None:
    st.write(f"`{client.model() or 'not told'}` answers at {client.address}.")
    st.markdown(client.card() or "MLflow's own server tells no card; `python -m experiments.serve` does.")


def many_pictures(settings: PageSettings, client: Client) -> None:
    files = st.file_uploader("Picture files", accept_multiple_files=True)
    if not files:
        return
    with st.spinner(f"Asking about {len(files):,} pictures ..."):
        answers = answers_to(client, [each.getvalue() for each in files])
    table = pd.DataFrame(answers)
    table.insert(0, FILE, [each.name for each in files])
    st.download_button("Download as CSV", table.to_csv(index=False), "answers.csv", "text/csv")
    brief = table.reindex(columns=[FILE, LABEL, CONFIDENCE, ERROR])
    st.table(brief[:100].astype({CONFIDENCE: float}).fillna("").set_index(FILE))
    if len(brief) > 100:
        st.write(f"and {len(brief) - 100:,} more in the file")


if __name__ == "__main__":
    main(PageSettings(**json.loads(sys.argv[1])))
