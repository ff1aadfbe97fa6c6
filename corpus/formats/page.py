"""The part of a web page that is its document: what is left without navigation, cookie notices and
the frame that every page of a site has.

An element counts as such a part only by what it says about itself: its tag, its role, its class
and its id. Text is never dropped for its looks, because nobody would notice.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from corpus.formats.markup import is_hidden

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]  # lxml ships no types

_NAVIGATION_ROLES = frozenset(
    "navigation search menu menubar toolbar tablist dialog alertdialog tooltip doc-toc".split()
)
_FRAME_ROLES = frozenset({"banner", "contentinfo", "complementary"})
_NAVIGATION = frozenset(
    """breadcrumb breadcrumbs consent cookie cookies gdpr menu menubar nav navbar navigation
    navlinks newsletter offcanvas pager pagination share sharing sitenav skip skiplink skiplinks
    social subnav toc tocwrapper""".split()
)
"""Words in a class or an id that mark navigation and notices, wherever they stand."""
_FRAME = frozenset(
    """ad ads advert advertisement banner comments footer masthead promo recommended related
    sidebar sponsored teaser teasers widget widgets""".split()
)
"""Words in a class or an id that mark the frame of a page, outside its main part."""
_CONTAINERS = frozenset("div section aside ul ol dl header footer form table p span".split())
_SECTIONS = frozenset({"article", "main", "section", "aside", "blockquote", "dialog"})
_MAIN_IDS = frozenset("content main maincontent main-content bodycontent article".split())
_WORDS = re.compile(r"[A-Za-z][a-z]*+|[A-Z]++")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CONTROLS = frozenset({"a", "button", "input", "select"})
_ELEMENTS_READ = 1_000
_MAIN_SHARE = 0.5
"""The least share of a page's words that its main part holds. One that holds less is not clear."""


def main_part(body: "HtmlElement") -> "HtmlElement":
    """The element that holds the document of a page, without what is not part of it.

    It is the page's main element if that is clear, else the whole page, so that no heading or list
    is lost. Elements are removed from the tree in place.
    """
    words = _length(body)
    for element in list(_outermost(body, _is_navigation)):
        if _length(element) <= words / 2:
            element.drop_tree()
    main = _main_element(body)
    if main is not None and _length(main) >= _MAIN_SHARE * _length(body):
        return main
    for element in list(_outermost(body, _is_frame)):
        if element is not main and _length(element) <= _length(body) / 2:
            _drop_but_headings(element)
    return body


def _main_element(body: "HtmlElement") -> "HtmlElement | None":
    """The one element that says it is the main part, None if none or several do."""
    for elements in (
        body.xpath(".//main|.//*[@role='main']"),
        body.xpath(".//article[not(ancestor::article)]"),
        [each for each in body.iter("div") if (each.get("id") or "").lower() in _MAIN_IDS],
    ):
        if len(elements) == 1:
            return elements[0]
    return None


def _outermost(
    element: "HtmlElement", matches: "Callable[[HtmlElement], bool]"
) -> "Iterator[HtmlElement]":
    stack = [element]
    while stack:
        for child in stack.pop():
            if not isinstance(child.tag, str):
                continue
            if matches(child):
                yield child
            else:
                stack.append(child)


def _is_navigation(element: "HtmlElement") -> bool:
    return (
        element.tag == "nav"
        or is_hidden(element)
        or element.get("role") in _NAVIGATION_ROLES
        or (
            element.tag in _CONTAINERS
            and not _NAVIGATION.isdisjoint(_labels(element))
            and not _is_about_its_label(element)
        )
    )


def _is_about_its_label(element: "HtmlElement") -> bool:
    """Whether the heading of a section repeats its class or id: a section with the id
    ``file-menu`` and the heading "File menu" describes a menu. A list of links is no such section.
    """
    heading = next((child for child in element if child.tag in _HEADINGS), None)
    if heading is None:
        return False
    words = {word.lower() for word in _WORDS.findall(" ".join(heading.itertext()))}
    names = [*(element.get("class") or "").split(), element.get("id") or ""]
    labels = [{word.lower() for word in _WORDS.findall(name)} for name in names]
    if not all(label <= words for label in labels if not _NAVIGATION.isdisjoint(label)):
        return False
    linked = prose = 0
    # Sections may be nested deeply, so only the beginning of each is read.
    for part in islice(element.iterdescendants(), _ELEMENTS_READ):
        # The tag of a comment is a function.
        length = len((part.text or "").strip()) if isinstance(part.tag, str) else 0
        prose += len((part.tail or "").strip())
        if part.tag in _CONTROLS or part.getparent().tag in _CONTROLS:
            linked += length
        elif part is not heading:
            prose += length
    return prose > linked


def _is_frame(element: "HtmlElement") -> bool:
    """Whether an element outside the main part belongs to the frame of the page. The header of an
    article is not one.
    """
    if element.tag in ("header", "footer"):
        return next(element.iterancestors(*_SECTIONS), None) is None
    if element.get("role") in _FRAME_ROLES:
        return True
    return element.tag in _CONTAINERS and not _FRAME.isdisjoint(_labels(element))


def _drop_but_headings(element: "HtmlElement") -> None:
    """Remove an element. Its first heading stays, because it may be the title of the page."""
    heading = next(element.iter("h1"), None)
    if heading is not None:
        heading.tail = None
        element.addprevious(heading)
    element.drop_tree()


def _labels(element: "HtmlElement") -> set[str]:
    """The words of an element's class and id, in lower case."""
    return {
        word.lower()
        for name in (element.get("class"), element.get("id"))
        for word in _WORDS.findall(name or "")
    }


def _length(element: "HtmlElement") -> int:
    """The number of characters of text in an element."""
    return sum(len(text.strip()) for text in element.itertext() if text)
