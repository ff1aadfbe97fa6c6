"""The scope of a request: what its sender may see."""

from typing import Annotated

from fastapi import Depends

from corpus.document import DEFAULT_COLLECTION
from corpus.errors import QuestionError
from index.filters import EVERYTHING, Scope
from index.store.collections import no_collection


async def scope_of_request() -> Scope:
    """What the sender of a request may see: everything, because there are no keys."""
    # FastAPI would run a plain function in a thread of its own pool, for every request.
    return EVERYTHING


RequestScope = Annotated[Scope, Depends(scope_of_request)]


def written_collection(named: str | None, scope: Scope) -> str | None:
    """The collection that documents are written to; None leaves those that are stored where they
    are, and adds others to the default one.

    :raises NotFoundError: the named one is not in the scope
    :raises QuestionError: none is named, and the default one is not in the scope
    """
    visible = scope.collections
    if visible is None or (named or DEFAULT_COLLECTION) in visible:
        return named
    if named is not None:
        raise no_collection(named)
    if len(visible) != 1:
        listed = ", ".join(sorted(visible)) or "there is none"
        raise QuestionError(f"name one of your collections: {listed}", "collection")
    return next(iter(visible))
