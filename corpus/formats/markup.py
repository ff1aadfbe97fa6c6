"""Turns a tree of HTML into fragments: text with its blocks, separated by blank lines.

Headings become ``## Heading`` lines, list items ``- x`` or ``1. x``, definitions ``term: x``, and
table rows ``a | b``. Code is indented by four spaces. Only this module imports lxml.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.clean import one_line
from corpus.formats.fragment import EMPTY, LINE, Fragment, TableCell
from corpus.formats.superscript import superscript

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]  # lxml ships no types

_HIDDEN = frozenset(
    "script style noscript template title meta link base iframe object embed svg math canvas audio "
    "video map nav label button input select option optgroup textarea dialog datalist".split()
)
_STRUCK = frozenset({"del", "s", "strike"})
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data dfn em font i img ins kbd label mark output q "
    "rp rt ruby samp small span strong sub sup time tt u var wbr br".split()
)
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_QUOTATIONS = frozenset({"blockquote"})
_CAPTIONS = frozenset({"caption", "figcaption"})
_CELLS = frozenset({"td", "th"})
_CODE = frozenset({"pre", "code", "listing", "xmp", "plaintext"})
_CODE_PARENTS = frozenset({"body", "main", "div", "section", "article", "blockquote"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_PROSE = ("p", "ul", "ol", "dl", "pre", "table")
_PERMALINKS = frozenset({"¶", "#", "§", "🔗"})
_BREAK = "\u2028"
_DECLARATION = re.compile(r"\A\s*+<\?xml[^>]*+>")
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_HEADING = re.compile(r"h([1-6])")
_TERM_END = (":", "?", "!", ".", ";", "-", "–", "—")
_SUPERSCRIPT_CONTEXT = 20
_MAX_DEPTH = 60
_MAX_SPAN = 1_000
"""The most rows or columns that a cell may cover, as in browsers."""


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


def prose(tree: "HtmlElement") -> Fragment:
    """The text of a tree and its blocks."""
    return fragment.joined(_Writer().contents(tree))


class _Writer:
    """Collects the fragments of one element. Inline text accumulates until a block begins or
    ends.

    :param kind: the kind of its running text
    :param level: how deeply the list is nested that it is in, 0 outside lists
    """

    def __init__(
        self, kind: BlockKind = BlockKind.PARAGRAPH, *, level: int = 0, depth: int = 0
    ) -> None:
        self._fragments: list[Fragment] = []
        self._inline_text = ""
        self._kind = kind
        self._level = level
        self._depth = depth

    def contents(self, element: "HtmlElement") -> list[Fragment]:
        """The fragments of everything in an element."""
        self._children(element)
        self._end_paragraph()
        return self._fragments

    def _children(self, element: "HtmlElement") -> None:
        self._inline_text += element.text or ""
        for child in element:
            # The tag of a comment or a processing instruction is a function.
            if isinstance(child.tag, str):
                self._child(child, child.tag.rpartition("}")[2].lower())
            self._inline_text += child.tail or ""

    def _end_paragraph(self) -> None:
        text = _SPACE.sub(" ", self._inline_text)
        self._inline_text = ""
        lines = [line.strip() for line in text.split(_BREAK)]
        text = "\n".join(line for line in lines if line)
        self._fragments.append(fragment.block(self._kind, text, self._level))

    def _child(self, child: "HtmlElement", tag: str) -> None:
        if tag in _HIDDEN or tag in _STRUCK or is_hidden(child) or _is_permalink(child):
            return
        if tag in _INLINE and not _is_code_block(child, tag):
            self._inline(child, tag)
            return
        self._end_paragraph()
        self._fragments.extend(filter(None, self._blocks(child, tag)))

    def _inline(self, child: "HtmlElement", tag: str) -> None:
        if tag == "br":
            self._inline_text += _BREAK
        elif tag == "img":
            # The texts of two pictures side by side are not one word.
            text = child.get("alt") or ""
            is_after_word = text and self._inline_text[-1:].isalnum()
            self._inline_text += f" {text}" if is_after_word else text
        elif tag == "sup":
            self._inline_text += superscript(
                self._inline_text[-_SUPERSCRIPT_CONTEXT:], "".join(child.itertext())
            )
        elif self._depth < _MAX_DEPTH:
            self._depth += 1
            self._children(child)
            self._depth -= 1
        else:
            self._inline_text += "".join(child.itertext())

    def _blocks(self, child: "HtmlElement", tag: str) -> list[Fragment]:
        level = _HEADING.fullmatch(tag)
        if level:
            text = " ".join(each.text for each in self._inside(child))
            return [fragment.heading(one_line(text), int(level.group(1)))]
        if tag in _CODE:
            return [fragment.code("".join(child.itertext()))]
        if self._depth >= _MAX_DEPTH:
            return [fragment.block(self._kind, one_line("".join(child.itertext())), self._level)]
        if tag in _LISTS:
            return [self._list(child, tag)]
        if tag == "dl":
            return list(self._definitions(child))
        if tag == "details":
            return self._disclosure(child)
        if tag == "table":
            return self._table(child)
        if tag in _QUOTATIONS:
            return self._inside(child, BlockKind.QUOTATION)
        if tag in _CAPTIONS:
            return self._inside(child, BlockKind.CAPTION)
        return self._inside(child)

    def _inside(self, element: "HtmlElement", kind: BlockKind | None = None) -> list[Fragment]:
        inner = _Writer(kind or self._kind, level=self._level, depth=self._depth + 1)
        return inner.contents(element)

    def _list(self, element: "HtmlElement", tag: str) -> Fragment:
        start = element.get("start", "1").lstrip("0") or "0"
        # No list has more items than fit into nine digits. The rest is nonsense.
        number = int(start) if start.isascii() and start.isdecimal() and len(start) < 10 else 1
        items = []
        for child in element:
            if child.tag == "li":
                item = self._item(child)
                value = child.get("value", "")
                if value.isascii() and value.isdecimal() and len(value) < 10:
                    number = int(value)
                items.append(fragment.marked(f"{number}. " if tag == "ol" else "- ", item))
                number += bool(item)
            elif isinstance(child.tag, str) and not is_hidden(child):
                # A list directly inside a list belongs to the item before it.
                nested = self._blocks(child, child.tag) if child.tag not in _HIDDEN else []
                items.extend(fragment.marked("  ", fragment.indented(each)) for each in nested)
        written = fragment.joined(items, LINE)
        return written or fragment.block(self._kind, one_line("".join(element.itertext())))

    def _item(self, item: "HtmlElement") -> Fragment:
        inner = _Writer(BlockKind.LIST_ITEM, level=self._level + 1, depth=self._depth + 1)
        written = fragment.joined(inner.contents(item), LINE)
        # The items of a list inside the item stay blocks of their own.
        own = fragment.merged(written, BlockKind.LIST_ITEM, self._level + 1)
        return fragment.indented(own)

    def _definitions(self, element: "HtmlElement") -> Iterator[Fragment]:
        """A fragment for each description, with its terms before it."""
        terms: list[str] = []
        parts = [part for part in element.iter("dt", "dd") if _ancestor(part, "dl") is element]
        for before, part in pairwise(parts):
            # The parser puts a part into the part before it if that has no end tag.
            if part.getparent().tag in ("dt", "dd"):
                before.addnext(part)
        for part in parts:
            if part.tag == "dt":
                terms.append(self._term(part))
                continue
            yield self._definition(", ".join(filter(None, terms)), part)
            terms = []
        if terms:
            yield fragment.block(BlockKind.DEFINITION, ", ".join(terms), self._level + 1)

    def _term(self, element: "HtmlElement") -> str:
        return one_line(" ".join(map(fragment.without_heading_marks, self._inside(element))))

    def _definition(self, term: str, description: "HtmlElement") -> Fragment:
        inner = _Writer(BlockKind.PARAGRAPH, level=0, depth=self._depth + 1)
        first, *others = list(filter(None, inner.contents(description))) or [EMPTY]
        if first.blocks and first.blocks[0].kind is BlockKind.PARAGRAPH:
            defined = fragment.block(
                BlockKind.DEFINITION, _with_term(term, first.text), self._level + 1
            )
        else:
            others = [first, *others]
            defined = fragment.block(BlockKind.DEFINITION, term, self._level + 1)
        return fragment.indented(fragment.joined([defined, *others], LINE))

    def _disclosure(self, element: "HtmlElement") -> list[Fragment]:
        """A summary and what it discloses: on a page of questions, a question and its answer."""
        summary = element.find("summary")
        if summary is None:
            return self._inside(element)
        term = self._term(summary)
        # The text behind the summary stays where it is.
        summary.text, summary.attrib["hidden"] = "", "hidden"
        for child in list(summary):
            summary.remove(child)
        first, *others = list(filter(None, self._inside(element))) or [EMPTY]
        if first.blocks and first.blocks[0].kind is BlockKind.PARAGRAPH:
            text = _with_term(term, first.text)
            return [fragment.block(BlockKind.DEFINITION, text, self._level + 1), *others]
        return [fragment.block(BlockKind.DEFINITION, term, self._level + 1), first, *others]

    def _table(self, element: "HtmlElement") -> list[Fragment]:
        """The captions and the rows of a table. If a table is used for layout, its cells are
        ordinary blocks.
        """
        rows = [
            [cell for cell in row if cell.tag in _CELLS and not is_hidden(cell)]
            for row in element.iter("tr")
            if _ancestor(row, "table") is element and not is_hidden(row)
        ]
        captions = [
            written
            for caption in element.iter("caption")
            if _ancestor(caption, "table") is element
            for written in self._inside(caption, BlockKind.CAPTION)
        ]
        if not rows:
            return [*captions, fragment.paragraph(one_line("".join(element.itertext())))]
        if max(map(len, rows)) <= 1 or _is_layout(element, rows):
            cells = [written for row in rows for cell in row for written in self._inside(cell)]
            return [*captions, *cells]
        return [*captions, fragment.table(self._grid(rows))]

    def _grid(self, rows: "list[list[HtmlElement]]") -> Iterator[list[TableCell]]:
        """The cells of each row. A cell that covers several rows is repeated in each of them."""
        covering: dict[int, tuple[TableCell, int]] = {}  # by column, with the rows that are left
        for number, row in enumerate(rows):
            written: list[TableCell] = []
            column, below = 1, {}
            waiting = list(row)
            last = max(covering, default=0)
            while waiting or column <= last:
                if column in covering:
                    cell, left = covering[column]
                elif waiting:
                    element = waiting.pop(0)
                    cell, left = self._cell(element, is_first_row=number == 0)
                else:
                    cell, left = TableCell(), 1
                if left > 1:
                    below[column] = cell, left - 1
                written.append(cell)
                column += cell.columns
            covering = below
            yield written

    def _cell(self, element: "HtmlElement", is_first_row: bool) -> tuple[TableCell, int]:
        """A cell and the number of rows that it covers."""
        texts = [one_line(fragment.flat(each)) for each in self._inside(element)]
        is_head = element.tag == "th" or (is_first_row and _ancestor(element, "thead") is not None)
        cell = TableCell("; ".join(filter(None, texts)), _span(element, "colspan"), is_head)
        return cell, _span(element, "rowspan")


def is_hidden(element: "HtmlElement") -> bool:
    """Whether browsers do not show an element because it says so itself."""
    style = (element.get("style") or "").lower().replace(" ", "")
    return (
        element.get("hidden") is not None or "display:none" in style or "visibility:hidden" in style
    )


def _is_permalink(element: "HtmlElement") -> bool:
    """Whether an element is the sign that links a heading to itself."""
    return (
        element.tag == "a"
        and "#" in (element.get("href") or "")
        and "".join(islice(element.itertext(), 3)).strip() in _PERMALINKS
    )


def _is_layout(table: "HtmlElement", rows: "list[list[HtmlElement]]") -> bool:
    """Whether a table with several columns only arranges the parts of a page: it says so, or it has
    no heads, and a cell with a heading and what the heading is about.
    """
    cells = [cell for row in rows for cell in row]
    if table.get("role") in ("presentation", "none"):
        return True
    return all(cell.tag == "td" for cell in cells) and any(
        next(cell.iter(*_HEADINGS), None) is not None and next(cell.iter(*_PROSE), None) is not None
        for cell in cells
    )


def _with_term(term: str, text: str) -> str:
    if not term:
        return text
    return f"{term} {text}" if term.endswith(_TERM_END) else f"{term}: {text}"


def _is_code_block(element: "HtmlElement", tag: str) -> bool:
    """Whether a ``code`` element is a block of lines, not a word in a sentence."""
    parent = element.getparent()
    if tag != "code" or parent is None or parent.tag not in _CODE_PARENTS:
        return False
    return "\n" in "".join(element.itertext()).strip()


def _ancestor(element: "HtmlElement", tag: str) -> "HtmlElement | None":
    return next(element.iterancestors(tag), None)


def _span(cell: "HtmlElement", name: str) -> int:
    text = (cell.get(name) or "1").strip()
    if not text.isascii() or not text.isdecimal():
        return 1
    return min(max(1, int(text[:5])), _MAX_SPAN)
