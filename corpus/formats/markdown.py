"""Markdown: the metadata from the front matter, and the text without its markup."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from corpus.dates import iso_day
from corpus.errors import DocumentError
from corpus.formats.clean import clean_text
from corpus.formats.extracted import Extracted
from corpus.formats.markup import balanced, first_heading, html_tree, prose
from corpus.formats.text import decode

REVISION = 1
"""Raised when other text is extracted from Markdown, so that synced files are read again."""

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# As in pandoc, a rule followed by a blank line is a rule and does not open front matter.
_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(?!\s*\n)(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]++\](?!:)")
_KEPT_TAG = re.compile(r"</?(?:sup|sub|br)\b[^<>]*+>", re.IGNORECASE)
# Quotes and lists that are nested deeper are left out. The default of markdown-it is 20.
_MAX_NESTING = 100
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


def read_markdown(source: str, data: bytes) -> Extracted:
    """The text of a Markdown file and the metadata in its front matter.

    The fields are ``id``, ``title``, ``date`` (or ``published``), ``url`` and ``tags`` (a list, or
    one string with commas). Others are ignored. Without a title, the first heading is the title.

    :raises DocumentError: the bytes are not text, or the front matter is wrong; the message names
        the field
    """
    text = clean_text(decode(source, data))
    front_matter = _FRONT_MATTER.match(text)
    fields = _fields(source, front_matter.group(1)) if front_matter else {}
    body = markdown_prose(text[front_matter.end() :] if front_matter else text)
    return Extracted(
        text=body,
        title=_line(source, fields, "title") or first_heading(body),
        published=_day(source, fields, "published") or _day(source, fields, "date"),
        url=_line(source, fields, "url"),
        tags=_tags(source, fields.get("tags")),
        id=_line(source, fields, "id"),
    )


def markdown_prose(text: str) -> str:
    """The clean text of Markdown, formatted as :mod:`corpus.formats.markup` describes."""
    tree = html_tree(_parser().render(text))
    return "" if tree is None else clean_text(prose(tree))


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


def _fields(
    source: str, front_matter: str
) -> dict[str, Any]:  # Any: the values of the YAML are checked field by field
    import yaml

    try:
        # BaseLoader keeps every scalar as the string that was written, and creates no objects.
        fields = yaml.load(front_matter, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise DocumentError(source, f"the front matter is not YAML: {_first_problem(exc)}") from exc
    if fields in (None, ""):
        return {}
    if not isinstance(fields, dict):
        raise DocumentError(source, "the front matter must consist of lines like 'title: A title'")
    return fields


def _first_problem(exc: Exception) -> str:
    mark = getattr(exc, "problem_mark", None)
    problem = getattr(exc, "problem", None) or "it cannot be read"
    # The YAML starts on line 2 of the file, and its lines count from 0.
    return f"{problem} (line {mark.line + 2})" if mark else str(problem)


def _line(source: str, fields: dict[str, Any], name: str) -> str | None:  # Any: checked here
    value = fields.get(name)
    if value is None or (isinstance(value, str) and value in _NULLS):
        return None
    if not isinstance(value, str):
        raise DocumentError(
            source, f"the front matter's {name} must be one line of text, not a {_kind(value)}"
        )
    return value


def _day(source: str, fields: dict[str, Any], name: str) -> date | None:  # Any: checked here
    value = _line(source, fields, name)
    if value is None:
        return None
    try:
        return iso_day(value)
    except ValueError as exc:
        reason = f"the front matter's {name} {value[:40]!r} is not a date; write it as 2025-11-07"
        raise DocumentError(source, reason) from exc


def _tags(source: str, value: Any) -> tuple[str, ...]:  # Any: checked here
    if isinstance(value, str):
        value = [] if value in _NULLS else value.split(",")
    if not isinstance(value or [], list) or not all(isinstance(tag, str) for tag in value or []):
        raise DocumentError(
            source, "the front matter's tags must be a list of strings, or one string with commas"
        )
    return tuple(tag.strip() for tag in value or [] if tag.strip())


def _kind(value: object) -> str:
    return "list" if isinstance(value, list) else "mapping"
