"""Query parameters that a route does not have are refused: a misspelt one would be ignored."""

from fastapi import Request
from fastapi.routing import APIRoute

from corpus.errors import QuestionError

API = "/v1/"


async def refuse_unknown_parameters(request: Request) -> None:
    """A dependency of every route of the API.

    The page's own addresses are left alone, since mail programs and chats add parameters to links.

    :raises QuestionError: the query string has a parameter that the route does not have
    """
    route = request.scope["route"]
    if not isinstance(route, APIRoute) or not request.url.path.startswith(API):
        return
    known = [field.alias for field in route.dependant.query_params]
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        listed = f"; there are {', '.join(known)}" if known else ""
        raise QuestionError(f"{unknown}: there is no such query parameter{listed}", unknown)
