"""A body of a submit and its one documented outcome."""

from collections.abc import Iterable
from dataclasses import dataclass

FLASH = "/api/v3/google/gemini-3.1-flash-image-preview/text-to-image"
KLING = "/api/v3/kling/kling-image-o1/text-to-image"
VIDU = "/api/v3/vidu/viduq2/image-to-image"
SEEDREAM = "/api/v3/bytedance/dola-seedream-5-0-pro-260628/text-to-image"
IMAGES = "/api/v3/images"

NOT_UNDERSTOOD = "request_not_understood"
UNKNOWN = "price_unknown"
TOO_LARGE = "payload_too_large"
BODY_MAX = 1 << 20  # what FAREBOX_MAX_BODY is set to here

# Typed from the published table, never computed.
HALF, ONE, TWO, FOUR = "0.027000", "0.040200", "0.060600", "0.090600"
RUN = "0.022400"  # one image of kling-image-o1


@dataclass(frozen=True, slots=True)
class Document:
    """A body, where it is sent, and what must come of it: dollars reserved, or a refusal."""

    family: str
    path: str
    body: bytes
    outcome: str

    @property
    def is_priced(self) -> bool:
        return self.outcome[0].isdigit()

    @property
    def shown(self) -> str:
        """The body as a page can show it, cut in the middle."""
        text = ascii(self.body.decode("latin-1"))[1:-1].replace("\\\\", "\\")
        long = len(text) > 88
        return f"{text[:60]} … {text[-20:]} ({len(self.body)} bytes)" if long else text


def made(family: str, path: str, outcome: str, bodies: Iterable[str | bytes]) -> list[Document]:
    return [
        Document(family, path, body if isinstance(body, bytes) else body.encode(), outcome)
        for body in bodies
    ]


def holding(member: str, values: Iterable[str], *, before: str = '"prompt": "x", ') -> list[str]:
    """Objects whose one priced member has each of these JSON values."""
    return [f'{{{before}"{member}": {value}}}' for value in values]
