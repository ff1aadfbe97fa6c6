"""The shapes of text that models must not read alone: questions, terms and lead-ins."""

import re

_INTERROGATIVES = "what|how|why|when|where|who|whose|whom|which"
_MAX_QUESTION = 240
"""The longest question that stands above its answer."""

_MAX_TERM = 120

# Each pattern is matched at the start of a block, and its parts have a bounded length.
_MARKED_QUESTION = re.compile(r"(?:Q|Question)[ ]?\d{0,3}[.:)][ \t]+(?=\S)")
_ANSWER_MARK = re.compile(r"(?:A|Answer)[ ]?\d{0,3}[.:)][ \t]+(?=\S)")
_ASKED_FIRST = re.compile(rf"[^.!?\n]{{2,{_MAX_QUESTION}}}\?[\"”’)]?\s+(?=\S)")
# "What is covered" and "How we use your data" ask for the reader of a page. "What Mr Li said" names
# a topic.
_ASKING_WORDS = re.compile(
    rf"(?:{_INTERROGATIVES})(?:['’]s\s+\S"
    r"|\s+(?:is|are|was|were|do|does|did|can|could|should|must|may|might|will|would|has|have|to|if"
    r"|happens|counts|about|i|my|we|our|you|your)\b)",
    re.I,
)
_TERM = re.compile(rf"[^:\n]{{1,{_MAX_TERM}}}:[ \t]+(?=\S)")
_ASKED_TERM = re.compile(rf"(?:{_INTERROGATIVES})\b[^:\n]{{1,{_MAX_TERM}}}:[ \t]+(?=\S)", re.I)
_LEAD_IN_END = (":", "：")
_ANNOUNCES = re.compile(
    r"\b(?:following|as follows|below|these|steps|such as|includ(?:es?|ing))\b", re.I
)
_SENTENCE_END = (".", "!", "?", "…")


def heading_asks(heading: str) -> bool:
    """Whether a heading asks something, with or without a question mark."""
    return heading.endswith("?") or _ASKING_WORDS.match(heading) is not None


def question_end(text: str, start: int, end: int, *, is_defined: bool = False) -> int | None:
    """Where the question ends that a block begins with, or that it consists of; None if it begins
    with none. White space after it belongs to it.

    :param is_defined: whether the block begins with a term, which may be a question without a mark
    """
    marked = _MARKED_QUESTION.match(text, start, end)
    asked = _ASKED_FIRST.match(text, marked.end() if marked else start, end)
    if asked is not None:
        return asked.end()
    if end - start <= _MAX_QUESTION and (marked or text.endswith("?", start, end)):
        return end
    term = _ASKED_TERM.match(text, start, end) if is_defined else None
    return term and term.end()


def answer_start(text: str, start: int, end: int) -> int:
    """Where an answer begins, after its mark ("A:") if it has one."""
    mark = _ANSWER_MARK.match(text, start, end)
    return mark.end() if mark else start


def term_end(text: str, start: int, end: int) -> int:
    """Where the explanation begins in a block that begins with a term; its start without a term."""
    term = _TERM.match(text, start, end)
    return term.end() if term else start


def leads_in(text: str, start: int, end: int, *, before_list: bool) -> bool:
    """Whether a sentence leads into what follows it.

    :param before_list: whether a list follows
    """
    if text.endswith(_LEAD_IN_END, start, end):
        return True
    # "Follow these steps." leads into a list, and so does a line without a full stop.
    return before_list and (
        not text.endswith(_SENTENCE_END, start, end)
        or _ANNOUNCES.search(text, start, end) is not None
    )
