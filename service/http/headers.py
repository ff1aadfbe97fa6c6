"""The headers of every response. They keep pages of other origins from embedding it."""

from collections.abc import Mapping

COMMON_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    # For browsers that do not know frame-ancestors.
    "X-Frame-Options": "DENY",
}

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of responses that are not pages."""

DOCS_POLICY = "; ".join(
    (
        "default-src 'none'",
        # The page of the API description starts its script inline, and draws its icons inline.
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""The Content-Security-Policy of pages that do not bring their own."""


def content_security_policy(media_type: str) -> str:
    """The policy of a response that does not bring its own."""
    return DOCS_POLICY if media_type.lower().startswith("text/html") else DATA_POLICY
