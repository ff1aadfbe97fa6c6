"""Charts of Word documents and presentations, as tables of the values that they draw."""

from typing import TYPE_CHECKING

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.clean import one_line
from corpus.formats.fragment import EMPTY, Fragment, TableCell
from corpus.formats.number import plain_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MAX_POINTS = 10_000


def chart_table(root: "Element | None") -> Fragment:
    """The title of a chart as a caption, and a table with a row for each category and a column for
    each series. Empty if there is no chart.
    """
    if root is None:
        return EMPTY
    series = list(root.iter(f"{_C}ser"))
    names = [_first(_points(each, "tx")) for each in series]
    values = [_points(each, "val") or _points(each, "yVal") for each in series]
    categories: dict[int, str] = {}
    for each in series:
        categories = {**(_points(each, "cat") or _points(each, "xVal")), **categories}
    numbers = sorted({number for each in values for number in each} | categories.keys())
    head = [TableCell("", is_head=True), *(TableCell(name, is_head=True) for name in names)]
    rows = [
        [
            TableCell(categories.get(number, ""), is_head=True),
            *(TableCell(each.get(number, "")) for each in values),
        ]
        for number in numbers[:_MAX_POINTS]
    ]
    if not rows:
        return EMPTY
    title = root.find(f"{_C}chart/{_C}title")
    words = "" if title is None else "".join(part.text or "" for part in title.iter(f"{_A}t"))
    caption = fragment.block(BlockKind.CAPTION, one_line(words))
    return fragment.joined([caption, fragment.table([head, *rows])])


def _points(series: "Element", part: str) -> dict[int, str]:
    """The values of a part of a series by their position, as the chart shows them."""
    element = series.find(f"{_C}{part}")
    points = () if element is None else element.iter(f"{_C}pt")
    return dict(_point(point) for point in points)


def _point(point: "Element") -> tuple[int, str]:
    position = point.get("idx", "0")
    text = one_line(point.findtext(f"{_C}v") or "")
    number = int(position) if position.isdecimal() and len(position) < 8 else 0
    return number, plain_number(text)


def _first(points: dict[int, str]) -> str:
    return next(iter(points.values()), "")
