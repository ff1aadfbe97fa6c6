"""What a service acknowledged while documents were changed, and the next change to ask of it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A request that changes documents.

    :param texts: the text of each document after it, by id; None where the document is gone
    """

    method: str
    path: str
    body: object
    texts: Mapping[str, str | None]


@dataclass(slots=True)
class Acknowledged:
    """What the service has acknowledged.

    :param sentences: what new texts are made of
    :param texts: the text of each document that exists, by id
    :param deleted: ids of documents that were deleted
    :param pending: the request that has not been answered yet
    """

    random: random.Random
    sentences: list[str]
    texts: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    pending: ChangeRequest | None = None
    texts_made: int = 0

    def new_text(self) -> str:
        """A text that no document has had."""
        self.texts_made += 1
        return f"{self.random.choice(self.sentences)} This is text number {self.texts_made}."

    def settle(self, texts: Mapping[str, str | None]) -> None:
        """Record the documents of a request that was carried out."""
        for document_id, text in texts.items():
            if text is None:
                self.texts.pop(document_id, None)
                self.deleted.add(document_id)
            else:
                self.texts[document_id] = text
        self.pending = None


def _add(acknowledged: Acknowledged) -> ChangeRequest:
    texts = {
        f"document-{acknowledged.texts_made + 1}": acknowledged.new_text()
        for _ in range(acknowledged.random.randint(1, _MOST_AT_ONCE))
    }
    documents = [{"id": document_id, "text": text} for document_id, text in texts.items()]
    return ChangeRequest("POST", "/v1/documents", {"documents": documents}, texts)


def _update(acknowledged: Acknowledged) -> ChangeRequest:
    document_id = acknowledged.random.choice(sorted(acknowledged.texts))
    text = acknowledged.new_text()
    path = f"/v1/documents/{document_id}"
    return ChangeRequest("PUT", path, {"text": text}, {document_id: text})


def _delete(acknowledged: Acknowledged) -> ChangeRequest:
    document_id = acknowledged.random.choice(sorted(acknowledged.texts))
    return ChangeRequest("DELETE", f"/v1/documents/{document_id}", None, {document_id: None})


OPERATIONS: dict[str, Callable[[Acknowledged], ChangeRequest]] = {
    "add": _add,
    "update": _update,
    "delete": _delete,
}
"""Each makes a request from the documents that exist."""
