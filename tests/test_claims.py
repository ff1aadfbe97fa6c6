"""Claims: two files never become one document."""

import pytest

from corpus.claims import IdClaims, with_unique_ids
from corpus.document import make_document
from corpus.errors import DocumentError
from corpus.load import ParseResult


def test_two_files_cannot_claim_one_id() -> None:
    claims = IdClaims({"a": "one/a.txt"})
    claims.claim("b", "two/a.txt")
    with pytest.raises(
        DocumentError, match=r"two/a\.txt: has the id 'a', which one/a\.txt has too"
    ) as caught:
        claims.claim("a", "two/a.txt")
    assert caught.value.source == "two/a.txt"
    assert (claims.holder("a"), claims.holder("b")) == ("one/a.txt", "two/a.txt")


def test_an_id_that_was_released_is_free() -> None:
    claims = IdClaims({"a": "a.txt"})
    claims.release("a", "a.txt")
    assert claims.holder("a") is None
    claims.claim("a", "b.txt")
    assert claims.holder("a") == "b.txt"


def test_an_id_is_released_by_its_holder_only() -> None:
    claims = IdClaims({"a": "a.txt"})
    claims.release("a", "b.txt")
    claims.release("c", "b.txt")
    assert claims.holder("a") == "a.txt"


def test_one_upload_does_not_claim_its_id_twice() -> None:
    # Two uploads may have the same name, and still are two documents.
    claims = IdClaims()
    claims.claim("a", "a.txt")
    with pytest.raises(DocumentError, match=r"which a\.txt has too"):
        claims.claim("a", "a.txt")


def test_of_two_documents_with_one_id_the_second_becomes_an_error() -> None:
    error = DocumentError("b.pdf", "is encrypted")
    gas = make_document("Gas flows.", document_id="a")
    oil = make_document("Oil flows.", document_id="a")
    results = list(
        with_unique_ids(
            [
                ParseResult("a.txt", gas),
                ParseResult("b.pdf", error=error),
                ParseResult("c.txt", oil),
            ]
        )
    )
    assert results[:2] == [ParseResult("a.txt", gas), ParseResult("b.pdf", error=error)]
    assert (results[2].source, results[2].document) == ("c.txt", None)
    assert str(results[2].error).startswith("c.txt: has the id 'a', which a.txt has too")
