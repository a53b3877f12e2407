"""Why a request is not answered as asked, with the HTTP status that says so."""

import math
from collections.abc import Sequence

from appliance.errors import ApplianceError
from runtimes.errors import EngineError


class RefusalError(Exception):
    """A request that gets an error instead of its answer.

    Attributes:
        status: HTTP status code.
        code: a stable cause code, dotted and lower case, such as `request.too-large`.
        message: what is wrong and what to do about it, for the person who wrote the client.
        parameter: the part of the request at fault, None where it is the whole.
        retry_after: seconds after which the same request may work; None where it will not.
        allow: the methods that would be right, where the method is wrong.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        parameter: str | None = None,
        retry_after: float | None = None,
        allow: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.parameter = parameter
        self.retry_after = retry_after
        self.allow = allow

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that belong to the error response."""
        headers = []
        if self.retry_after is not None:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(self.retry_after))))
        if self.allow:
            headers.append((b"allow", ", ".join(self.allow).encode()))
        return headers


class ClientGoneError(Exception):
    """The client hung up before it had its answer; there is nobody left to tell."""

    code = "client.gone"


def bad_request(message: str, *, parameter: str | None = None, code: str = "request.invalid") -> RefusalError:
    return RefusalError(400, code, message, parameter=parameter)


def too_large(message: str, *, parameter: str | None = None) -> RefusalError:
    return RefusalError(413, "request.too-large", message, parameter=parameter)


def timed_out(message: str) -> RefusalError:
    return RefusalError(504, "request.timeout", message)


STATUS_OF_CODE = {
    "context.overflow": 400,
    "deployment.unknown": 404,
    "request.cancelled": 503,
    "request.failed": 500,
    "request.timeout": 504,
    "request.too-large": 413,
}
STATUS_OF_FAMILY = {"deployment": 503, "request": 400, "worker": 503}
RETRY_SECONDS = 2.0


def refusal_of(error: EngineError | ApplianceError) -> RefusalError:
    """Tell an error of the box as an HTTP status.

    The family decides (`worker.died`: 503, come back; `request.datatype`: 400, do not) unless the code
    itself is listed. Any other family is 500: the request was right and the box failed.
    """
    family, _, _ = error.code.partition(".")
    status = STATUS_OF_CODE.get(error.code) or STATUS_OF_FAMILY.get(family, 500)
    message = f"{error.what} {error.remedy}".strip()
    return RefusalError(status, error.code, message, retry_after=RETRY_SECONDS if status == 503 else None)
