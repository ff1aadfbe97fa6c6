"""Titles: which of the names that a file offers is the title of its document.

Programs write much into the title of a file that nobody chose: the name of a template, a path, or
the name of the site.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import PurePosixPath

from corpus.blocks import Block, BlockKind
from corpus.document import shortened


class TitleKind(StrEnum):
    """How far the title that a file states is to be trusted.

    A title that a person wrote as the title, as in front matter or in the subject of a message, is
    ``CHOSEN``. A ``PAGE`` may add the name of its site. Programs fill in a ``PROPERTY``, so it must
    occur in the text.
    """

    CHOSEN = "chosen"
    PAGE = "page"
    PROPERTY = "property"


_PRINTER_PREFIX = re.compile(
    r"\A(?:Microsoft (?:Office )?(?:Word|PowerPoint|Excel)|Print|Full page print) - ", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"""(?:
        (?:new\ )?(?:untitled|document|doc|presentation|workbook|book|spreadsheet|sheet|slide|page|
            layout|draft|scan|scanned\ document|image|file|article|template|text|print|copy|report)
        |(?:microsoft\ )?(?:word|powerpoint|excel)(?:\ (?:document|presentation|worksheet|file))?
        |name|title|your\ title(?:\ here)?|click\ to\ (?:add|edit)\ .{0,40}|insert\ title.{0,20}
        |index|home|home\ ?page|main\ page|welcome|default|start|startseite|accueil|inicio
        |anonymous|unknown|none|null|n/?a|tbd|todo|test|pdf|html|body|main|menu|navigation|search
        |table\ of\ contents|contents|synopsis|cover|cover\ page|title\ page|blank|empty|readme
        |upload|download|attachment|tmp|temp|slide\ title|sheet\ ?\d*|chapter|section|part
        |abstract|introduction|preface|foreword|summary|overview
        )[\s._()\[\]#-]*\d{0,4}[\s)\]]*""",
    re.IGNORECASE | re.VERBOSE,
)
_FILE_NAME = re.compile(
    r"\S.{0,200}\.(?:docx?|docm|dotx?|xlsx?|xlsm|pptx?|pdf|indd|qxd|tex|dvi|ps|rtf|odt|ods|odp|html?|"
    r"txt|md|pages|pub|wpd|tmp|eps|ai|cdr|fm|xml)",
    re.IGNORECASE,
)
_PATH = re.compile(r"[A-Za-z]:\\.*|\\\\.*|(?:file|https?)://.*|/[^\s/]+/\S*")
_HEX = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{20,}|(?=.*\d)[0-9a-f]{12,}|[0-9a-f]{32,}", re.IGNORECASE)
_CODE = re.compile(
    r"(?:img|dsc|scan|doc|file|image|pic|document|page|p)?[\W_]*\d[\d\W_]*", re.IGNORECASE
)
_SEPARATOR = re.compile(r" (?:[–—»·:-]|::) | ?\| ?")
_JOINS = re.compile(r"%20|[_+\s]")
_WORDS = re.compile(r"[^\W_]+")
_NOT_A_WORD = re.compile(r"[\W_]+")
_ADDRESS = re.compile(r"\Awww|(?:com|org|net|edu|gov|info|eu|uk|de|fr|io)\Z")
_SHARE_IN_TEXT = 0.6
_SEARCHED = 200_000
_MAX_STATED = 2_000
_MAX_TITLE_LINE = 120
_MAX_HEADING = 300
_HEADINGS_TRIED = 3


def document_title(
    stated: str | None,
    kind: TitleKind,
    *,
    site: str | None = None,
    text: str,
    blocks: Iterable[Block],
    file_name: str,
) -> str | None:
    """The title of a document: the one that its file states if that is one, else its first heading,
    else its first line if that stands like a heading, else the name of its file made readable. None
    if none of them is a title.

    :param stated: the title that the file states
    :param site: the name of the site that a page is from, if it is known
    """
    stated = " ".join((stated or "")[:_MAX_STATED].split())
    if stated and kind is TitleKind.CHOSEN:
        return stated
    headings = [heading for heading in _headings(text, blocks) if _is_title(heading, site)]
    stated = _PRINTER_PREFIX.sub("", stated)
    if kind is TitleKind.PAGE:
        stated = _without_site(stated, site, headings)
    # A single word in capitals is the name of an institution, or a field that nobody filled in.
    is_word_in_capitals = stated.isupper() and len(stated.split()) == 1
    is_usable = not is_word_in_capitals and _is_title(stated, site)
    if is_usable and (kind is TitleKind.PAGE or _occurs(stated, text)):
        return shortened(stated, _MAX_HEADING)
    candidates = (*headings[:1], _title_line(text), readable_name(file_name))
    usable = (each for each in candidates if each and _is_title(each, site))
    # A title that does not occur in the text is better than none.
    return next(usable, shortened(stated, _MAX_HEADING) if is_usable else None)


def readable_name(file_name: str) -> str | None:
    """The name of a file as a title: without its suffix, and with spaces between its words. None if
    it says nothing.
    """
    stem = PurePosixPath(file_name.replace("\\", "/")).name
    suffix = PurePosixPath(stem).suffix
    stem = stem.removesuffix(suffix) if len(suffix) <= 6 else stem
    if _HEX.fullmatch(stem) or _CODE.fullmatch(stem):
        return None
    name = " ".join(_JOINS.sub(" ", stem).split())
    if " " not in name:
        name = name.replace("-", " ").replace(".", " ").strip()
    name = name[:1].upper() + name[1:]
    return name if sum(map(str.isalpha, name)) > 2 and not _PLACEHOLDER.fullmatch(name) else None


def _is_title(text: str, site: str | None) -> bool:
    """Whether a heading or another name can be the title of a document."""
    return not (
        sum(map(str.isalpha, text)) < 2
        or _PLACEHOLDER.fullmatch(text)
        or _FILE_NAME.fullmatch(text)
        or _PATH.fullmatch(text)
        or _HEX.fullmatch(text)
        or _CODE.fullmatch(text)
        or _is_same(text, site)
    )


def _headings(text: str, blocks: Iterable[Block]) -> Iterator[str]:
    tried = 0
    for block in blocks:
        if block.kind is BlockKind.HEADING:
            yield shortened(" ".join(text[block.start : block.end].split()), _MAX_HEADING)
            tried += 1
            if tried == _HEADINGS_TRIED:
                return


def _title_line(text: str) -> str | None:
    """The first line if it stands alone, as a heading does, and is no sentence."""
    first, _, rest = text.partition("\n")
    first = " ".join(first.lstrip("#").split())
    is_sentence = first.endswith((".", "!", ";", ":", ",")) or " | " in first
    stands_alone = rest.startswith("\n") or len(rest) > 2 * len(first)
    return first if len(first) <= _MAX_TITLE_LINE and stands_alone and not is_sentence else None


def _without_site(title: str, site: str | None, headings: list[str]) -> str:
    """The title without the name of its site, where that is known or where the rest of the title is
    a heading of the page. Empty if nothing else is left.
    """
    parts = [part.strip() for part in _SEPARATOR.split(title) if part.strip()]
    if len(parts) < 2:
        return title
    for part in parts:
        if any(_is_same(part, heading) for heading in headings):
            return part
    for position in (-1, 0):
        if _is_same(parts[position], site):
            rest = title[len(parts[0]) :] if position == 0 else title[: -len(parts[-1])]
            return rest.strip(" \t|–—»·:-")
    # "Home | Harbour Museum" says nothing but the name of the site.
    return title if any(_is_title(part, site) for part in parts[:-1]) else ""


def _is_same(text: str, other: str | None) -> bool:
    """Whether two names are the same but for capitals and punctuation. A site may be known by its
    address only.
    """
    one, two = (_NOT_A_WORD.sub("", each or "").casefold() for each in (text, other))
    two = _ADDRESS.sub("", two) if other and "." in other and " " not in other else two
    return bool(one) and one == two


def _occurs(title: str, text: str) -> bool:
    """Whether most words of a title occur in the text."""
    words = {word.casefold() for word in _WORDS.findall(title) if len(word) > 2}
    present = {word.casefold() for word in _WORDS.findall(text[:_SEARCHED])}
    return not words or len(words & present) >= _SHARE_IN_TEXT * len(words)
