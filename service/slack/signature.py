"""Verifies that a request comes from Slack."""

from collections.abc import Mapping

from slack_sdk.signature import SignatureVerifier


class RequestVerifier:
    """Checks signatures with one signing secret."""

    def __init__(self, secret: str) -> None:
        self._verifier = SignatureVerifier(secret)

    def is_valid(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether Slack signed a request within the last five minutes.

        :param headers: their names in lower case
        """
        try:
            return self._verifier.is_valid(
                body,
                timestamp=headers.get("x-slack-request-timestamp"),
                signature=headers.get("x-slack-signature"),
            )
        except (ValueError, TypeError, OverflowError):
            # slack_sdk raises these for headers and bodies that Slack never sends: a time stamp
            # that is not a number, a signature that is not ASCII, a body that is not UTF-8.
            return False
