"""Markdown: the metadata from the front matter, and the text without its markup."""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.clean import clean_text
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import EMPTY, Fragment
from corpus.formats.front_matter import FrontMatter
from corpus.formats.markup import balanced, html_tree, prose
from corpus.formats.text import decode
from corpus.titles import TitleKind

REVISION = 3
"""Raised when other text is extracted from Markdown, so that synced files are read again."""

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# As in pandoc, a rule followed by a blank line is a rule and does not open front matter.
_FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*\n(?!\s*\n)(.*?)^(?:\1|\.\.\.)[ \t]*(?:\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]++\](?!:)")
_KEPT_TAG = re.compile(r"</?(?:sup|sub|br)\b[^<>]*+>", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MODULE_CODE = re.compile(r"(?:import|export)\s")
# Tags of components, which begin with a capital letter, empty tags, and comments.
_JSX = re.compile(r"</?[A-Z][\w.]*+[^<>]*+>|</?>|\{/\*[^{}]*+\}")
# Quotes and lists that are nested deeper are left out. The default of markdown-it is 20.
_MAX_NESTING = 100


def read_markdown(source: str, data: bytes) -> Extracted:
    """The text of a Markdown file and the metadata in its front matter.

    The fields are ``id``, ``title``, ``date`` (or ``published``), ``url``, ``tags`` and
    ``groups`` (a list, or one string with commas). Others are ignored. Without a title, the first
    heading is the title. Front matter that is neither YAML nor TOML stays in the text, and a field
    that is not valid is left out; a note says so.

    :raises DocumentError: the bytes are not text, or the groups cannot be read
    """
    text = clean_text(decode(source, data))
    front_matter = _FRONT_MATTER.match(text)
    stated, head, groups = FrontMatter(), EMPTY, None
    if front_matter:
        mark, fields = front_matter.groups()
        stated = FrontMatter.parse(fields) if mark == "---" else FrontMatter.parse_toml(fields)
        text = text[front_matter.end() :]
        if any(line.strip(" \t\"'").startswith("groups") for line in fields.split("\n")):
            try:
                groups = stated.groups()
            except ValueError as exc:
                raise DocumentError(source, str(exc)) from exc
        if stated.is_text:
            head = fragment.paragraph("\n".join(filter(None, map(str.strip, fields.split("\n")))))
    body = fragment.joined([head, markdown_prose(text)])
    return Extracted(
        text=body.text,
        blocks=body.blocks,
        title=stated.line("title"),
        title_kind=TitleKind.CHOSEN,
        published=stated.day("published") or stated.day("date"),
        published_from=DateSource.FRONT_MATTER,
        url=stated.line("url"),
        tags=stated.tags(),
        id=stated.line("id"),
        notes=tuple(stated.notes),
        groups=groups,
    )


def read_mdx(source: str, data: bytes) -> Extracted:
    """The text of a Markdown file with JSX in it, without its components and imports.

    :raises DocumentError: the bytes are not text
    """
    lines: list[str] = []
    fence = ""
    is_code = False
    for line in clean_text(decode(source, data)).split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif not fence:
            # An import or an export is code up to the next blank line.
            is_code = bool(_MODULE_CODE.match(line)) or (is_code and bool(line.strip()))
            if is_code:
                continue
            line = _JSX.sub("", line)
        lines.append(line)
    return read_markdown(source, "\n".join(lines).encode("utf-8"))


def markdown_prose(text: str) -> Fragment:
    """The text of Markdown and its blocks, as :mod:`corpus.formats.markup` writes them."""
    tree = html_tree(_parser().render(text))
    return EMPTY if tree is None else prose(tree)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = (
        MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING})
        .enable("table")
        .enable("strikethrough")
    )
    # Link targets are not shown, so none is refused: the markup of a refused link would stay in the
    # text.
    parser.validateLink = _any_target  # type: ignore[method-assign]  # as its documentation says
    for name, rule in (("text", _text), ("html_inline", _html_inline), ("html_block", _html_block)):
        parser.add_render_rule(name, rule)
    return parser


def _any_target(url: str) -> bool:  # noqa: ARG001  # the caller fixes the signature
    return True


def _text(
    _renderer: object, tokens: "Sequence[Token]", at: int, _options: object, _env: object
) -> str:
    from markdown_it.common.utils import escapeHtml

    return escapeHtml(_FOOTNOTE.sub("", tokens[at].content))


def _html_inline(
    _renderer: object, tokens: "Sequence[Token]", at: int, _options: object, _env: object
) -> str:
    tag = tokens[at].content
    return tag if _KEPT_TAG.fullmatch(tag) else ""


def _html_block(
    _renderer: object, tokens: "Sequence[Token]", at: int, _options: object, _env: object
) -> str:
    """The block with every tag closed, so that an open tag does not swallow what follows."""
    return balanced(tokens[at].content)
