"""The inference API as one ASGI application: which path is whose, and what becomes of errors."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from appliance.errors import ApplianceError
from appliance.gateway import oip, openai
from appliance.gateway.exchange import Application, Exchange, Receive, Scope, Send
from appliance.gateway.limits import Limits
from appliance.gateway.refusals import RETRY_SECONDS, ClientGoneError, RefusalError, refusal_of
from appliance.gateway.router import Answered, Router
from runtimes.errors import EngineError

logger = logging.getLogger(__name__)

Handler = Callable[[], Awaitable[None]]


def build_app(router: Router, *, limits: Limits = Limits()) -> Application:  # noqa: B008 - Limits is frozen
    """The gateway as an ASGI application: the Open Inference Protocol below /v2, OpenAI's API below /v1."""
    return Gateway(router, limits)


class Gateway:
    """Routes requests, admits as many as fit, and tells the router of each finished one."""

    def __init__(self, router: Router, limits: Limits) -> None:
        self._router = router
        self._limits = limits
        self._requests = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"the gateway speaks HTTP, not {scope['type']}")
        began = time.perf_counter()
        exchange = Exchange(scope, receive, send, self._limits)
        cause = await self._answer(exchange)
        if exchange.deployment is not None:
            seconds = time.perf_counter() - began
            self._router.answered(Answered(exchange.deployment, seconds, cause, exchange.tokens))

    async def _answer(self, exchange: Exchange) -> str | None:
        """Answer whatever comes; return the cause code of a failure."""
        try:
            await self._handler(exchange)()
            return None
        except ClientGoneError as gone:
            return gone.code
        except RefusalError as error:
            refusal = error
        except (EngineError, ApplianceError) as error:
            refusal = refusal_of(error)
        except asyncio.CancelledError:
            # Only a server that stops cancels a request; nothing above it waits for the cancellation.
            refusal = RefusalError(
                503, "server.stopping", "The server is stopping.", retry_after=RETRY_SECONDS
            )
        except Exception:
            logger.exception("request %s failed inside the gateway", exchange.id)
            refusal = RefusalError(
                500, "internal", f"A fault in the appliance; its log tells of {exchange.id}."
            )
        with suppress(ClientGoneError):
            await self._refuse(exchange, refusal)
        return refusal.code

    def _handler(self, exchange: Exchange) -> Handler:  # noqa: PLR0911 - the table of paths, one line each
        """Who answers this path. Raises RefusalError (404, 405)."""
        x, router, limits = exchange, self._router, self._limits
        match exchange.segments:
            case ("v2",):
                return _get(x, lambda: oip.server_metadata(x))
            case ("v2", "health", "live"):
                return _get(x, lambda: oip.live(x))
            case ("v2", "health", "ready"):
                return _get(x, lambda: oip.ready(x, router))
            case ("v2", "models", name, *rest):
                return self._model_handler(x, name, rest)
            case ("v1", "models"):
                return _get(x, lambda: openai.models(x, router))
            case ("v1", "models", name):
                return _get(x, lambda: openai.model(x, router, name))
            case ("v1", "chat", "completions"):
                return self._post(x, lambda: openai.chat_completions(x, router, limits))
            case ("v1", "completions"):
                return self._post(x, lambda: openai.completions(x, router, limits))
        raise _unknown_path(exchange)

    def _model_handler(self, exchange: Exchange, name: str, rest: list[str]) -> Handler:
        version = None
        if len(rest) >= 2 and rest[0] == "versions":
            version, rest = rest[1], rest[2:]
        x, router, limits = exchange, self._router, self._limits
        match rest:
            case []:
                return _get(x, lambda: oip.model_metadata(x, router, name, version))
            case ["ready"]:
                return _get(x, lambda: oip.model_ready(x, router, name, version))
            case ["infer"]:
                return self._post(x, lambda: oip.infer(x, router, limits, name, version))
        raise _unknown_path(exchange)

    def _post(self, exchange: Exchange, handler: Handler) -> Handler:
        _allow(exchange, "POST")

        async def admitted() -> None:
            with self._admission(exchange):
                await handler()

        return admitted

    @contextmanager
    def _admission(self, exchange: Exchange) -> Iterator[None]:
        """Count a request and its bytes in, or raise RefusalError (503)."""
        length = exchange.declared_length()
        size = min(self._limits.body if length is None else length, self._limits.body)
        if self._requests >= self._limits.concurrent or self._bytes + size > self._limits.bodies:
            raise RefusalError(
                503,
                "server.busy",
                "The appliance is answering as many requests as it can hold; try again shortly.",
                retry_after=RETRY_SECONDS,
            )
        self._requests += 1
        self._bytes += size
        try:
            yield
        finally:
            self._requests -= 1
            self._bytes -= size

    async def _refuse(self, exchange: Exchange, refusal: RefusalError) -> None:
        speaks_openai = exchange.segments[0] == "v1"
        if not exchange.started:
            body = openai.error_body(refusal) if speaks_openai else oip.error_body(refusal)
            await exchange.reply(refusal.status, body, headers=refusal.headers)
        elif speaks_openai:
            await openai.end_with_error(exchange, refusal)


def _get(exchange: Exchange, handler: Handler) -> Handler:
    _allow(exchange, "GET", "HEAD")
    return handler


def _allow(exchange: Exchange, *methods: str) -> None:
    if exchange.method not in methods:
        wanted = " or ".join(methods)
        raise RefusalError(
            405, "request.method", f"Use {wanted} here, not {exchange.method[:16]}.", allow=methods
        )


def _unknown_path(exchange: Exchange) -> RefusalError:
    shown = "/" + "/".join(exchange.segments)[:256]
    return RefusalError(404, "request.path", f"There is nothing at {shown}.")
