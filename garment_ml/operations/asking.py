"""What a client of the endpoint needs: answers to picture files, which version gave them, and its card."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from garment_ml.base.errors import GarmentError
from garment_ml.shipped.columns import HEAT_MAP, ON_ERROR, REPORT, request_for

SECONDS = 60  # for an answer
LARGEST = 16_000_000  # characters of one request, half of what `serve` takes
AT_ONCE = 64  # pictures of one request, as many as heat maps are given for


@dataclass(frozen=True)
class Client:
    """Of the endpoint at `address`, such as http://127.0.0.1:5001."""

    address: str
    token: str = ""

    def ask(self, files: Sequence[bytes], heat_maps: bool = False) -> list[dict[str, Any]]:
        """An answer for each picture file, with `error` where it can't be read.

        Raises GarmentError, saying what to do, when the endpoint doesn't answer.
        """
        answers: list[dict[str, Any]] = []
        for texts in _requests(files):
            params = {ON_ERROR: REPORT, **({HEAT_MAP: True} if heat_maps else {})}
            answers += self._answer("POST", "/invocations", request_for(texts) | {"params": params})[
                "predictions"
            ]
        return answers

    def model(self) -> str:
        """The address of the version that answers; "" where that isn't told, as by MLflow's own server."""
        return self._answer("GET", "/health", missing={}).get("model", "")

    def card(self) -> str:
        """Its model card as Markdown, or ""."""
        return self._answer("GET", "/card", missing={}).get("card", "")

    def is_up(self) -> bool:
        try:
            return self._request("GET", "/ping").ok
        except requests.RequestException:
            return False

    def _answer(self, method: str, path: str, body: Any = None, missing: Any = None) -> Any:
        try:
            response = self._request(method, path, body)
        except requests.RequestException as error:
            raise GarmentError(
                f"no endpoint answers at {self.address} ({type(error).__name__}); start one with "
                "`python -m experiments.serve`, or name another with --endpoint"
            ) from error
        if response.status_code == 404 and missing is not None:
            return missing
        if not response.ok:
            raise GarmentError(f"the endpoint answered {response.status_code}: {response.text[:300]}")
        try:
            return response.json()
        except ValueError:  # MLflow's own /health is an empty line
            if missing is None:
                raise GarmentError(f"the endpoint at {self.address} answered no JSON") from None
            return missing

    def _request(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        with requests.Session() as session:
            session.trust_env = False  # no proxy, and no .netrc in place of the token
            return session.request(
                method, self.address.rstrip("/") + path, json=body, headers=headers, timeout=SECONDS
            )


def _requests(files: Sequence[bytes]) -> Iterator[list[str]]:
    """As base64, in portions that an endpoint takes at once; one larger file goes alone."""
    texts: list[str] = []
    for file in files:
        text = base64.b64encode(file).decode()
        if texts and (len(texts) == AT_ONCE or sum(map(len, texts)) + len(text) > LARGEST):
            yield texts
            texts = []
        texts.append(text)
    if texts:
        yield texts
