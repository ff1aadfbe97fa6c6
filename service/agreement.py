"""Equal answers: what several places say alike is one answer with several citations."""

from collections.abc import Iterable

from service.reader.span import Span

_EDGES = " \t\n.,;:!?…\"'“”‘’«»()[]"


def same_answer(quote: str) -> str:
    """A key that equal answers share: letter case, white space and punctuation at the ends do not count."""
    return " ".join(quote.casefold().split()).strip(_EDGES)


def grouped(spans: Iterable[Span]) -> list[list[Span]]:
    """Spans by equal answer; groups in the order of their first span, spans in the order given."""
    groups: dict[str, list[Span]] = {}
    for span in spans:
        groups.setdefault(same_answer(span.quote), []).append(span)
    return list(groups.values())
