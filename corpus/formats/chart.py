"""Charts of Word documents and presentations, as tables of the values that they draw."""

from typing import TYPE_CHECKING

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.clean import one_line
from corpus.formats.fragment import EMPTY, Fragment, TableCell
from corpus.formats.number import shown_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MAX_CELLS = 200_000
"""The most values of a chart that are kept."""


def chart_table(root: "Element | None") -> Fragment:
    """The title of a chart as a caption, and a table with a row for each category and a column for
    each series. Empty if there is no chart.
    """
    if root is None:
        return EMPTY
    names: list[str] = []
    values: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    former: dict[int, str] = {}
    start = 0
    for each in root.iter(f"{_C}ser"):
        name = _first(_points(each, "tx"))
        places = _points(each, "xVal")
        if places and former not in ({}, places):
            # Points at other places than those of the series before have rows of their own.
            start += max(former) + 1
        former = places or former
        for part, column in (("val", name), ("yVal", name), ("bubbleSize", f"{name} (size)")):
            points = _points(each, part)
            if points:
                names.append(column)
                values.append({start + number: text for number, text in points.items()})
        for number, text in (_categories(each) or places).items():
            categories.setdefault(start + number, text)
    numbers = sorted({number for each in values for number in each} | categories.keys())
    head = [TableCell("", is_head=True), *(TableCell(name, is_head=True) for name in names)]
    rows = [
        [
            TableCell(categories.get(number, ""), is_head=True),
            *(TableCell(each.get(number, "")) for each in values),
        ]
        for number in numbers[: _MAX_CELLS // max(1, len(values))]
    ]
    if not rows:
        return EMPTY
    title = root.find(f"{_C}chart/{_C}title")
    words = "" if title is None else "".join(part.text or "" for part in title.iter(f"{_A}t"))
    caption = fragment.block(BlockKind.CAPTION, one_line(words))
    return fragment.joined([caption, fragment.table([head, *rows])])


def _categories(series: "Element") -> dict[int, str]:
    """The names of the points. With several levels, each has the names of all."""
    levels = list(series.iterfind(f"{_C}cat/*/*/{_C}lvl"))
    if not levels:
        return _points(series, "cat")
    names: dict[int, str] = {}
    for level in levels:
        points = dict(_point(point, "") for point in level.iter(f"{_C}pt"))
        above = ""
        for number in sorted(names or points):
            # A name of an outer level is stated once, at the first of its points.
            above = points.get(number, above)
            names[number] = f"{above} {names[number]}".strip() if number in names else above
    return names


def _points(series: "Element", part: str) -> dict[int, str]:
    """The values of a part of a series by their position, as the chart shows them."""
    element = series.find(f"{_C}{part}")
    if element is None:
        return {}
    number_format = element.findtext(f".//{_C}formatCode") or ""
    return dict(_point(point, number_format) for point in element.iter(f"{_C}pt"))


def _point(point: "Element", number_format: str) -> tuple[int, str]:
    position = point.get("idx", "0")
    text = one_line(point.findtext(f"{_C}v") or "")
    number = int(position) if position.isdecimal() and len(position) < 8 else 0
    return number, shown_number(text, point.get("formatCode") or number_format)


def _first(points: dict[int, str]) -> str:
    return next(iter(points.values()), "")
