"""Slack's errors, by what the bot does next: try again, or give up."""

from collections.abc import Mapping
from typing import Any

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_DEFAULT_WAIT_S = 30.0
_MAX_WAIT_S = 3_600.0
_TEMPORARY = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
# An administrator can fix these while the work waits.
_FIXABLE = {
    "account_inactive",
    "ekm_access_denied",
    "invalid_auth",
    "missing_scope",
    "no_permission",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
    "token_expired",
    "token_revoked",
}


class SlackError(Exception):
    """Slack did not do what it was asked to."""


class RetryableError(SlackError):
    """Slack cannot do it now, or could not be reached: try again later.

    :param wait_s: how long Slack asks every call to wait, None where it does not
    :param unconfirmed: Slack may have done it all the same
    """

    def __init__(
        self, reason: str, *, wait_s: float | None = None, unconfirmed: bool = False
    ) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.unconfirmed = unconfirmed


class RefusedError(SlackError):
    """Slack refuses, and would refuse again.

    :param code: Slack's name of the error
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def error_of(status: int, headers: Mapping[str, Any], code: str, method: str) -> SlackError:
    """The error for a failed call.

    :param headers: of the response; a rate limit has ``Retry-After`` in seconds
    :param code: Slack's name of the error, empty where there is none
    :param method: what was called, for the message
    """
    if status == _TOO_MANY_REQUESTS or code in ("ratelimited", "rate_limited"):
        return RetryableError(f"{method}: rate limited", wait_s=_retry_after_s(headers))
    if status >= _SERVER_ERROR or code in _TEMPORARY or not code:
        return RetryableError(f"{method}: {code or status}", unconfirmed=True)
    return RetryableError(f"{method}: {code}") if code in _FIXABLE else RefusedError(code)


def _retry_after_s(headers: Mapping[str, Any]) -> float:
    lower_case = {str(name).lower(): value for name, value in headers.items()}
    value = lower_case.get("retry-after", "")
    try:
        # slack_sdk gives some headers as lists of values.
        wait_s = float(value[0] if isinstance(value, list) and value else value)
    except (TypeError, ValueError):
        return _DEFAULT_WAIT_S
    return min(wait_s, _MAX_WAIT_S) if wait_s >= 0 else _DEFAULT_WAIT_S
