"""The text of the metrics, as `prometheus_client` writes it, at a tenth of its cost.

A line is kept with its figure from one page to the next, and written again only if the figure
moved: of thousands of lines few change between two scrapes.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Self

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import (
    UNDERSCORES,
    escape_label_name,
    escape_metric_name,
)
from prometheus_client.utils import floatToGoString

Series = tuple[Any, ...]
SLICE = 50  # lines between two looks at whether others should go first
# An encoding of `Accept-Encoding` (RFC 9110, section 12.5.3); one of no quality is refused.
_GZIP = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:,|$|;(?!\s*q=0(?:\.0*)?\s*(?:,|$)))", re.IGNORECASE)
_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Dialect(NamedTuple):
    """What a reader understands: the classic text or OpenMetrics, and how names are escaped."""

    content_type: str
    openmetrics: bool
    escaping: str
    packed: bool = False  # by gzip

    @classmethod
    def accepted(cls, accept: str, encodings: str = "") -> "Dialect":
        """Choose by `Accept` and `Accept-Encoding` headers, the first as `prometheus_client`."""
        encode, content_type = choose_encoder(accept)
        escaping = getattr(encode, "keywords", {}).get("escaping", UNDERSCORES)
        packed = _GZIP.search(encodings) is not None
        return cls(content_type, "openmetrics" in content_type, escaping, packed)

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says of itself."""
        packed = {"content-encoding": "gzip"} if self.packed else {}
        return {"content-type": self.content_type, "vary": "accept, accept-encoding"} | packed


@dataclass(slots=True)
class Measured:
    """A metric and its figures by label values; the parts are named as `Metric` names them."""

    name: str
    type: str
    documentation: str
    labels: tuple[str, ...] = ()
    figures: dict[Series, float] = field(default_factory=dict)

    def spell(self, values: Series) -> tuple[str, Iterable[tuple[str, str]]]:
        """Name a series of it."""
        name = f"{self.name}_total" if self.type == "counter" else self.name
        return name, zip(self.labels, values, strict=True)


class Sampled(Measured):
    """A metric with its figures by the name and the labels of each line."""

    @classmethod
    def of(cls, metric: Metric) -> Self:
        """Take over what `prometheus_client` collected."""
        figures = {(s.name, *s.labels.items()): s.value for s in metric.samples}
        return cls(metric.name, metric.type, metric.documentation, figures=figures)

    def spell(self, series: Series) -> tuple[str, Iterable[tuple[str, str]]]:
        """Name a series of it."""
        return series[0], series[1:]


class Page:
    """Writes pages in one dialect, and keeps the lines of the last."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._kept: dict[str, dict[Series, tuple[float, str]]] = {}

    def write(
        self, families: Iterable[Measured], pause: Callable[[], None] = lambda: None
    ) -> list[bytes]:
        """Write all families, in pieces; `pause` is called after each."""
        pieces: list[bytes] = []
        for family in families:
            pieces.append(self._head(family).encode())
            for piece in self._slices(family):
                pieces.append(piece)
                pause()
        if self.dialect.openmetrics:
            pieces.append(b"# EOF\n")
        return pieces

    def _head(self, family: Measured) -> str:
        name, words = family.name, family.documentation
        if self.dialect.openmetrics:
            words = words.translate(_IN_LABEL)
        else:
            words = words.translate(_IN_HELP)
            name += "_total" if family.type == "counter" else ""
        name = escape_metric_name(name, self.dialect.escaping)
        return f"# HELP {name} {words}\n# TYPE {name} {family.type}\n"

    def _slices(self, family: Measured) -> Iterator[bytes]:
        """Yield a family's lines, some at a time."""
        figures = iter(family.figures.items())
        before, now = self._kept.get(family.name, {}), {}
        while part := list(islice(figures, SLICE)):
            lines = []
            for series, figure in part:
                kept = before.get(series)
                if kept is None or kept[0] != figure:
                    kept = (figure, self._line(kept, family, series, figure))
                now[series] = kept
                lines.append(kept[1])
            yield "".join(lines).encode()
        self._kept[family.name] = now

    def _line(
        self, kept: tuple[float, str] | None, family: Measured, series: Series, figure: float
    ) -> str:
        head = kept[1].rpartition(" ")[0] if kept else self._named(*family.spell(series))
        return f"{head} {floatToGoString(figure)}\n"  # type: ignore[no-untyped-call]

    def _named(self, name: str, labels: Iterable[tuple[str, str]]) -> str:
        escaping = self.dialect.escaping
        told = ",".join(
            f'{escape_label_name(label, escaping)}="{value.translate(_IN_LABEL)}"'
            for label, value in sorted(labels)
        )
        return escape_metric_name(name, escaping) + (f"{{{told}}}" if told else "")


def packed(pieces: Iterable[bytes], pause: Callable[[], None] = lambda: None) -> list[bytes]:
    """Pack a page with gzip, at its fastest: a tenth of its size; `pause` after each piece."""
    gzip = zlib.compressobj(level=1, wbits=31)
    found = []
    for piece in pieces:
        found.append(gzip.compress(piece))
        pause()
    return [*filter(None, found), gzip.flush()]
