"""Collections over HTTP: create, list and delete them."""

from http import HTTPStatus

from fastapi import APIRouter

from service.http.dependencies import Dependencies
from service.http.schemas import (
    CollectionDeleted,
    CollectionIn,
    CollectionRecord,
    CollectionsResponse,
)
from service.http.scope import RequestScope


def router(deps: Dependencies) -> APIRouter:
    """``/v1/collections``."""
    routes = APIRouter(prefix="/v1/collections", tags=["collections"])
    collection, threads = deps.service.collection, deps.threads

    @routes.post("", status_code=HTTPStatus.CREATED)
    async def create(request: CollectionIn) -> CollectionRecord:
        """Create a collection. Documents are added to it by its name."""
        return CollectionRecord.of(
            await threads.write(
                collection.add_collection,
                request.name,
                request.description,
                request.min_confidence,
            )
        )

    @routes.get("")
    async def list_collections(scope: RequestScope) -> CollectionsResponse:
        """The collections, the default one first, with the numbers of their documents."""
        listed = await threads.read(collection.store.collections, scope)
        return CollectionsResponse(collections=[CollectionRecord.of(each) for each in listed])

    @routes.delete("/{name}")
    async def delete(name: str, scope: RequestScope) -> CollectionDeleted:
        """Remove a collection with all of its documents and the stored answers that show them."""
        removed = await threads.write(collection.remove_collection, name, scope)
        return CollectionDeleted.of(name, removed)

    return routes
