"""Turns a tree of HTML (or of trafilatura's TEI) into plain text: blocks separated by blank lines.

Headings become ``## Heading`` lines, list items ``- x`` or ``1. x``, and table rows ``a | b``. Code
is indented by four spaces, so that no line of it looks like a heading. Only this module imports
lxml.
"""

import re
from itertools import chain
from typing import TYPE_CHECKING

from corpus.formats.clean import one_line
from corpus.formats.superscript import superscript

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]  # lxml ships no types

_HIDDEN = frozenset(
    "script style noscript template title meta link base iframe object embed svg math canvas audio "
    "video map nav footer aside form button input select textarea dialog graphic".split()
)
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font hi i img ins kbd label lb mark q "
    "ref rp rt ruby s samp small span strike strong sub sup time tt u var wbr br".split()
)
_LISTS = frozenset({"ul", "ol", "menu", "list"})
_ITEMS = frozenset({"li", "item"})
_ROWS = frozenset({"tr", "row"})
_CELLS = frozenset({"td", "th", "cell"})
_CODE = frozenset({"pre", "code"})
_CODE_PARENTS = frozenset({"body", "main", "div", "section", "article", "quote"})
_PERMALINK = "¶"
_BREAKS = frozenset({"br", "lb"})
_BREAK = "\u2028"
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_HEADING = re.compile(r"h([1-6])")
_HEADING_LINE = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LONGEST_NUMBER = 9
"""The number of digits of the greatest number that a list may begin with."""

_SUPERSCRIPT_CONTEXT = 20
_MAX_DEPTH = 60


def html_tree(markup: str) -> "HtmlElement | None":
    """The body of an HTML page or fragment, None if it is empty."""
    from lxml.etree import ParserError  # type: ignore[import-untyped]  # lxml ships no types
    from lxml.html import HTMLParser, document_fromstring

    try:
        root = document_fromstring(
            without_declaration(markup).replace("\x00", ""), parser=HTMLParser(huge_tree=True)
        )
    except (ParserError, ValueError):
        return None
    body = root.find("body")
    return root if body is None else body


def without_declaration(markup: str) -> str:
    """The markup without its XML declaration, whose encoding no longer applies to decoded text."""
    return _DECLARATION.sub("", markup, count=1)


def balanced(markup: str) -> str:
    """A fragment of HTML, wrapped in a ``div`` with every tag closed."""
    from lxml.html import tostring

    tree = html_tree(markup)
    if tree is None:
        return ""
    tree.tag, tree.tail = "div", None
    return str(tostring(tree, encoding="unicode"))


def prose(tree: "HtmlElement") -> str:
    """The text of a tree, with a blank line between blocks."""
    return "\n\n".join(_blocks(tree, 0))


def first_heading(text: str) -> str | None:
    """The first heading of a text written by :func:`prose`, without its marks. None if there is
    none.
    """
    heading = _HEADING_LINE.search(text)
    return heading.group(1) if heading else None


def _blocks(element: "HtmlElement", depth: int) -> list[str]:
    writer = _Writer(depth)
    writer.children(element)
    writer.end_paragraph()
    return writer.blocks


class _Writer:
    """Collects the blocks of one element. Inline text accumulates until a block begins or ends."""

    def __init__(self, depth: int) -> None:
        self.blocks: list[str] = []
        self._inline_text = ""
        self._depth = depth

    def children(self, element: "HtmlElement") -> None:
        self._inline_text += element.text or ""
        for child in element:
            # The tag of a comment or a processing instruction is a function.
            if isinstance(child.tag, str):
                self._child(child, child.tag.rpartition("}")[2].lower())
            self._inline_text += child.tail or ""

    def end_paragraph(self) -> None:
        text = _SPACE.sub(" ", self._inline_text)
        self._inline_text = ""
        lines = [line.strip() for line in text.split(_BREAK)]
        self._add("\n".join(line for line in lines if line))

    def _child(self, child: "HtmlElement", tag: str) -> None:
        if tag in _HIDDEN or child.get("hidden") is not None:
            return
        if tag in _INLINE and not _is_code_block(child, tag):
            self._inline(child, tag)
            return
        self.end_paragraph()
        self._block(child, tag)
        self.end_paragraph()

    def _inline(self, child: "HtmlElement", tag: str) -> None:
        if tag in _BREAKS:
            self._inline_text += _BREAK
        elif tag == "img":
            self._inline_text += child.get("alt") or ""
        elif tag == "sup" or child.get("rend") == "#sup":
            self._inline_text += superscript(
                self._inline_text[-_SUPERSCRIPT_CONTEXT:], "".join(child.itertext())
            )
        elif self._depth < _MAX_DEPTH:
            self._depth += 1
            self.children(child)
            self._depth -= 1
        else:
            self._inline_text += "".join(child.itertext())

    def _block(self, child: "HtmlElement", tag: str) -> None:
        level = _heading_level(child, tag)
        if level:
            heading = (
                one_line(" ".join(_blocks(child, self._depth + 1)))
                .removesuffix(_PERMALINK)
                .rstrip()
            )
            self._add(f"{'#' * level} {heading}" if heading else "")
        elif tag in _CODE:
            self._add(_code("".join(child.itertext())))
        elif tag in _LISTS:
            self._add(_list(child, tag, self._depth + 1))
        elif tag == "table":
            self.blocks.extend(_table(child, self._depth + 1))
        elif self._depth < _MAX_DEPTH:
            self.blocks.extend(_blocks(child, self._depth + 1))
        else:
            self._add(one_line("".join(child.itertext())))

    def _add(self, block: str) -> None:
        if block:
            self.blocks.append(block)


def _heading_level(element: "HtmlElement", tag: str) -> int:
    """1 to 6 for a heading, 0 for other elements. In TEI a heading is ``<head rend="h2">``."""
    heading = _HEADING.fullmatch(element.get("rend", "h2") if tag == "head" else tag)
    return int(heading.group(1)) if heading else 0


def _is_code_block(element: "HtmlElement", tag: str) -> bool:
    """Whether a ``code`` element is a block of lines, not a word in a sentence."""
    parent = element.getparent()
    if tag != "code" or parent is None or parent.tag not in _CODE_PARENTS:
        return False
    return "\n" in "".join(element.itertext()).strip()


def _code(text: str) -> str:
    lines = text.expandtabs(4).strip("\n").splitlines()
    return "\n".join(f"    {line}" if line.strip() else "" for line in lines)


def _list(element: "HtmlElement", tag: str, depth: int) -> str:
    numbered = tag == "ol" or element.get("rend") == "ol"
    start = element.get("start", "")
    first = int(start) if start.isdecimal() and len(start) <= _LONGEST_NUMBER else 1
    items = (
        [_blocks(item, depth) for item in element if item.tag in _ITEMS]
        if depth < _MAX_DEPTH
        else []
    )
    lines = []
    for number, blocks in enumerate(filter(None, items), first):
        marker = f"{number}. " if numbered else "- "
        lines.append(marker + _indented("\n".join(blocks)))
    return "\n".join(lines) or one_line("".join(element.itertext()))


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def _table(element: "HtmlElement", depth: int) -> list[str]:
    """The captions and the rows of a table. A table with a single column is used for layout, so its
    cells are ordinary blocks.
    """
    rows = [
        [cell for cell in row if cell.tag in _CELLS]
        for row in element.iter(*_ROWS)
        if _table_of(row) is element
    ]
    captions = list(chain.from_iterable(_blocks(part, depth) for part in element.iter("caption")))
    if depth >= _MAX_DEPTH or not rows:
        return [*captions, *filter(None, [one_line("".join(element.itertext()))])]
    if max(map(len, rows)) <= 1:
        cells = chain.from_iterable(rows)
        return [*captions, *chain.from_iterable(_blocks(cell, depth) for cell in cells)]
    lines = [_row(row, depth) for row in rows]
    return [*captions, *filter(None, ["\n".join(filter(None, lines))])]


def _table_of(row: "HtmlElement") -> "HtmlElement | None":
    return next(row.iterancestors("table"), None)


def _row(cells: "list[HtmlElement]", depth: int) -> str:
    texts = [one_line(" ".join(_blocks(cell, depth))) for cell in cells]
    filled = [text for text in texts if text]
    return filled[0] if len(filled) == 1 else " | ".join(texts).strip() if filled else ""
