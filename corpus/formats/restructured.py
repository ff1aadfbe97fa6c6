"""reStructuredText (rst): what docutils makes of it, without its markup."""

import re
from datetime import date
from typing import Any

from corpus.dates import day_of
from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats.clean import clean_text
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import EMPTY, first_heading
from corpus.formats.markup import html_tree, prose
from corpus.formats.text import decode

REVISION = 1
"""Raised when another text is extracted from these files, so that synced files are read again."""

# Sphinx, which most of these files are written for, has roles and directives that docutils lacks.
# A role begins where no other name ends, so that a long row of colons is tried only once.
_ROLE = re.compile(r"(?<![\w:.+-]):[A-Za-z][\w:.+-]*:`[!~]?([^`<\n]+?)(?:\s*<[^`<>]*>)?`")
_DIRECTIVE = re.compile(r"^ *\.\. ([a-z][a-z0-9:_-]*)::", re.MULTILINE)
_WITHOUT_TEXT = frozenset({"toctree", "index", "currentmodule", "highlight", "module"})
_KNOWN_ROLES = ("sub", "sup", "subscript", "superscript", "math")

_SETTINGS: dict[str, Any] = {  # Any: values of many types
    # No file but this one is read, and no markup of another language is passed on.
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    # Faults of the markup, such as the directives of Sphinx, are no part of the text.
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "input_encoding": "unicode",
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "math_output": "LaTeX",
    "syntax_highlight": "none",
    "doctitle_xform": True,
    "initial_header_level": 2,
    "toc_backlinks": False,
    "sectnum_xform": True,
}


def read_rst(source: str, data: bytes) -> Extracted:
    """The text of a reStructuredText file. Files that it includes are not read.

    :raises DocumentError: the bytes are not text, or the markup is nested too deeply
    """
    text = clean_text(decode(source, data))
    tree = html_tree(_markup(source, text))
    body = None if tree is None else tree.find(".//main")
    written = EMPTY if tree is None else prose(tree if body is None else body)
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=first_heading(written),
        published=_stated(text),
        published_from=DateSource.STATED,
        notes=_notes(text),
    )


def _markup(source: str, text: str) -> str:
    from docutils.core import publish_parts
    from docutils.utils import SystemMessage

    for name in set(_DIRECTIVE.findall(text)):
        _register(name)
    text = _ROLE.sub(_shown, text)
    try:
        parts = publish_parts(text, writer="html5", settings_overrides=_SETTINGS)
    except (RecursionError, SystemMessage) as exc:
        raise DocumentError(source, "nests its markup too deeply") from exc
    except (ValueError, LookupError, AttributeError, TypeError, AssertionError) as exc:
        raise DocumentError(source, "is damaged: docutils cannot read it") from exc
    return str(parts["html_body"])


def _shown(role: re.Match[str]) -> str:
    """A role of Sphinx as what it shows; one of docutils stays."""
    is_known = role[0].split(":")[1] in _KNOWN_ROLES
    return role[0] if is_known else role[1].rpartition(".")[2] if "~" in role[0] else role[1]


def _register(name: str) -> None:
    """Let docutils read a directive that it does not know as its argument and its content."""
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives
    from docutils.parsers.rst.languages import en

    if name in en.directives:
        return

    class AnyOption(dict[str, Any]):  # Any: functions that check the value of an option
        def __missing__(self, key: str) -> Any:
            return directives.unchanged

    class Plain(Directive):  # type: ignore[misc]  # docutils ships no types
        has_content = True
        optional_arguments = 1
        final_argument_whitespace = True
        option_spec = AnyOption()

        def run(self) -> list[Any]:
            if name in _WITHOUT_TEXT:
                return []
            shown = [nodes.paragraph("", each) for each in self.arguments]
            inner = nodes.container()
            self.state.nested_parse(self.content, self.content_offset, inner)
            return [*shown, *inner.children]

    directives.register_directive(name, Plain)


def _stated(text: str) -> date | None:
    """The date in a field such as ``:date: 2025-11-07`` near the start."""
    for line in text[:4_000].split("\n"):
        if line.lower().startswith(":date:"):
            return day_of(line[6:].strip())
    return None


def _notes(text: str) -> tuple[str, ...]:
    names = ("include::", "literalinclude::", "csv-table::\n   :file:")
    if any(f".. {name}" in text for name in names):
        return ("Files that it includes are left out.",)
    return ()
