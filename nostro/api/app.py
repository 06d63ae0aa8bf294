"""The HTTP application: authentication, limits, parsing, idempotency headers, and answers in Stripe's shape.

Handlers know none of this: they get a `Call` and return a reply. Everything a client can get wrong is refused here
or by the parameters' specification, in bounded time and before anything is changed.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import falcon
import falcon.asgi
import msgspec
from falcon.asgi import Request, Response

from nostro.api import errors, expand, openapi, versions
from nostro.api.answers import answer
from nostro.api.echo import echo
from nostro.api.errors import ApiError
from nostro.api.notifications import Door
from nostro.api.operation import Call, Operation, by_path
from nostro.api.parameters import form_refused, parse
from nostro.api.public_log import PublicLog
from nostro.api.whole_body import cut_off, whole_or_refused
from nostro.events.emit import Origin
from nostro.idempotency.model import Request as KeyRequest
from nostro.kernel.errors import CommitUnknown, Overloaded, Unavailable
from nostro.kernel.ids import Mint
from nostro.merchants.model import Identity
from nostro.payments.service import Merchant
from nostro.wire.form import Form, FormError, decode

BODY_BYTES_MAX = 1_000_000
# A body that is too large is read on to here, unkept, so that its sender gets to read the answer.
DISCARDED_BYTES_MAX = 16_000_000
KEY_LENGTH_MAX = 255
FORM = "application/x-www-form-urlencoded"
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,254}")
# A ledger account's code has colons.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_:.-]{0,254}")
log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_JSON = [(b"content-type", b"application/json")]


class Resource:
    """Everything that can be done at one path."""

    def __init__(self, holder: Holder, operations: Mapping[str, Operation]) -> None:
        self._holder, self._operations = holder, operations

    @property
    def _services(self) -> Any:
        return self._holder.services

    async def on_get(self, request: Request, response: Response, **path: str) -> None:
        await self._serve(request, response, path)

    async def on_post(self, request: Request, response: Response, **path: str) -> None:
        await self._serve(request, response, path)

    async def on_delete(self, request: Request, response: Response, **path: str) -> None:
        await self._serve(request, response, path)

    async def on_options(self, request: Request, response: Response, **path: str) -> None:
        await self._serve(request, response, path)

    async def _serve(self, request: Request, response: Response, path: Mapping[str, str]) -> None:
        services = self._services
        request_id = Mint(services.entropy.bytes(16), 0, services.clock.system()).new("req")
        headers = {"Request-Id": request_id, "Cache-Control": "no-cache, no-store"}
        try:
            operation = self._operations.get(request.method)
            if operation is None:
                raise errors.unknown_url(request.method, request.path)
            status, body = await self._answer(request, operation, path, request_id, headers)
        except ApiError as error:
            status, body = error.status, _encode(errors.to_body(error))
            headers.update(error.headers)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a typed answer
            refusal = _infrastructure(error, request_id)
            status, body = refusal.status, _encode(errors.to_body(refusal))
            headers.update(refusal.headers)
        response.status = status
        response.content_type = "application/json"
        response.data = body
        response.set_headers(headers)

    async def _answer(
        self,
        request: Request,
        operation: Operation,
        path: Mapping[str, str],
        request_id: str,
        headers: dict[str, str],
    ) -> tuple[int, bytes]:
        identity = await self._authenticate(request)
        version = versions.parse(request.get_header("stripe-version"), identity.account.api_version)
        headers["Stripe-Version"] = versions.rendered(version)
        _refuse_what_is_no_id(operation, path)
        form = await _form(request)
        params = parse(operation.spec, form)
        paths = expand.parse(
            params.get("expand") or (), operation.returns, operation.listed, version
        )
        key = self._key(request, headers)
        merchant = self._merchant(request, identity, form, key, request_id)
        call = Call(
            self._services, merchant, params, path, version, identity, paths, operation.show
        )
        reply = await operation.handler(call)
        return await answer(call, reply, headers)

    async def _authenticate(self, request: Request) -> Identity:
        plain = _secret_key(request)
        identity: Identity | None = await self._services.merchants.authenticate(plain)
        if identity is None:
            raise errors.invalid_api_key(plain)
        other = request.get_header("stripe-account")
        if other is not None and other != identity.account.account:
            raise errors.forbidden(
                f"The provided key '{errors.masked_key(plain)}' does not have access to account "
                f"'{echo(other)}' (or that account does not exist)."
            )
        return identity

    def _key(self, request: Request, headers: dict[str, str]) -> str | None:
        key: str | None = request.get_header("idempotency-key")
        if request.method != "POST" or not key:
            return None
        if len(key) > KEY_LENGTH_MAX:
            raise errors.idempotency_key_too_long(KEY_LENGTH_MAX)
        if not key.isprintable() or not key.isascii():
            raise errors.invalid_request("An idempotency key is made of printable ASCII.")
        headers["Idempotency-Key"] = key
        headers["Original-Request"] = headers["Request-Id"]
        return key

    def _merchant(
        self, request: Request, identity: Identity, form: Form, key: str | None, request_id: str
    ) -> Merchant:
        account = identity.account.account
        origin = Origin(
            account, identity.live, request_id, key, identity.key_id, request.remote_addr
        )
        if key is None:
            return Merchant(identity.book, origin, identity.account.fee)
        endpoint = f"{request.method} {request.path}"
        guard = KeyRequest(
            f"{account}/{key}",
            endpoint,
            self._services.fingerprint.of(endpoint, form, account),
            request_id,
        )
        return Merchant(identity.book, origin, identity.account.fee, guard)


def _refuse_what_is_no_id(operation: Operation, path: Mapping[str, str]) -> None:
    """What cannot be an id never reaches the database: it is answered as one that does not exist."""
    for name, identifier in path.items():
        if not (_CODE if name == "code" else _ID).fullmatch(identifier):
            raise errors.no_such(operation.returns, identifier)


def _secret_key(request: Request) -> str:
    header = request.get_header("authorization")
    if not header:
        raise errors.no_api_key()
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return str(value.strip())
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            raise errors.invalid_api_key("") from None
    raise errors.no_api_key()


async def _form(request: Request) -> Form:
    try:
        if request.method != "POST":
            return _query(request)
        body = await _body(request)
        if request.query_string:
            raise errors.invalid_request("Parameters of a POST belong in its body.")
        return decode(body) if body else {}
    except FormError as refusal:
        raise form_refused(refusal) from None


def _query(request: Request) -> Form:
    try:
        return decode(request.query_string.encode())
    except FormError as refusal:
        told = refusal.message.replace("The request body", "The query")
        raise FormError(told, refusal.param) from None


async def _body(request: Request) -> bytes:
    length = request.content_length
    if length is not None and length > BODY_BYTES_MAX:
        await _discard(request)
        raise _too_large()
    body: bytes = await request.stream.read(BODY_BYTES_MAX + 1)
    if length is not None and len(body) < length:
        raise cut_off()
    if len(body) > BODY_BYTES_MAX:
        await _discard(request)
        raise _too_large()
    kind = (request.content_type or FORM).partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise errors.invalid_request(
            f"Invalid request (check that your POST content type is {FORM})."
        )
    return body


async def _discard(request: Request) -> None:
    discarded = 0
    async for chunk in request.stream:
        discarded += len(chunk)
        if discarded > DISCARDED_BYTES_MAX:
            return


def _too_large() -> ApiError:
    return ApiError(
        413, "invalid_request_error", f"The body is larger than {BODY_BYTES_MAX} bytes."
    )


def _infrastructure(error: Exception, request_id: str) -> ApiError:
    """Infrastructure failures are typed too, and an unknown outcome is never reported as a failure."""
    if isinstance(error, Overloaded):
        return errors.rate_limited("book-queue")
    if isinstance(error, CommitUnknown):
        return errors.outcome_unconfirmed()
    if isinstance(error, Unavailable):
        return errors.unavailable()
    log.exception("request %s failed", request_id)
    return errors.internal_error(request_id)


class Application(falcon.asgi.App[Request, Response]):
    """Falcon's application, told when a body was cut off."""

    async def __call__(  # type: ignore[override]  # its WSGI parent is called otherwise
        self, scope: Any, receive: Any, send: Any
    ) -> None:
        """One connection's event loop, as the ASGI server calls it."""
        watched = whole_or_refused(receive) if scope["type"] == "http" else receive
        try:
            await super().__call__(scope, watched, send)
        except ApiError as error:  # before the request was anybody's: its first bytes were no body
            body = _encode(errors.to_body(error))
            start = {"type": "http.response.start", "status": error.status, "headers": _JSON}
            await send(start)
            await send({"type": "http.response.body", "body": body})


OpenServices = Callable[[], AbstractAsyncContextManager[Any]]


class Holder:
    """Where the handlers find their services, from the server's start to its end."""

    services: Any = None


class Lifespan:
    """Opens the object graph when the server starts and closes it when the server stops."""

    def __init__(self, open_services: OpenServices, holder: Holder) -> None:
        self._context = open_services()
        self._holder = holder

    async def process_startup(self, scope: Any, event: Any) -> None:
        """Called by the ASGI server before the first request."""
        graph = await self._context.__aenter__()
        self._holder.services = graph.services

    async def process_shutdown(self, scope: Any, event: Any) -> None:
        """Called after the last."""
        await self._context.__aexit__(None, None, None)


def build(open_services: OpenServices, operations: list[Operation]) -> Application:
    """The ASGI application that serves these operations."""
    holder = Holder()
    app = Application(middleware=[Lifespan(open_services, holder)])
    app.req_options.strip_url_path_trailing_slash = True
    for path, methods in by_path(operations).items():
        app.add_route(path, Resource(holder, methods))
    app.add_route("/health", Health(holder))
    app.add_route("/openapi.json", Document(operations))
    app.add_route("/nostro/v1/notifications/{acquirer}", Notifications(holder))
    app.add_route("/nostro/v1/log/{book}/{what:path}", LogFiles(holder))
    app.add_sink(_unknown_url, "/")
    app.add_error_handler(Exception, _our_mistake)
    app.add_error_handler(falcon.HTTPError, _http_error)
    return app


class Health:
    """Whether this process can reach its database."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    async def on_get(self, request: Request, response: Response) -> None:
        """200 or 503."""
        try:
            await self._holder.services.reader.fetch("SELECT 1")
            response.media = {"status": "ok"}
        except Unavailable:
            response.status = 503
            response.media = {"status": "database unavailable"}


class LogFiles:
    """A book's public log, for anybody: hashes and signatures."""

    def __init__(self, holder: Holder) -> None:
        self._log = PublicLog(holder)

    async def on_head(self, request: Request, response: Response, book: str, what: str) -> None:
        """What a GET would answer, without the file."""
        await self.on_get(request, response, book, what)

    async def on_get(self, request: Request, response: Response, book: str, what: str) -> None:
        """The file, or 404 in the wire's shape."""
        try:
            if not await self._log.serve(response, book, what):
                _refuse(response, errors.unknown_url(request.method, request.path))
        except Unavailable:
            _refuse(response, errors.unavailable())


class Notifications:
    """What acquirers tell us unasked. No key opens it: the signature does."""

    def __init__(self, holder: Holder) -> None:
        self._door = Door(holder)

    async def on_post(self, request: Request, response: Response, acquirer: str) -> None:
        """200 when it is kept, 400 when it is not theirs, 503 when it should come again."""
        try:
            refusal = await self._door.take(request, acquirer)
        except (Unavailable, CommitUnknown, Overloaded):
            refusal = errors.unavailable()
        except ApiError as error:
            refusal = error
        if refusal is None:
            response.media = {"received": True}
        else:
            _refuse(response, refusal)


class Document:
    """What this API takes and answers, for anybody: it names nothing of ours."""

    def __init__(self, operations: list[Operation]) -> None:
        self._bytes = _encode(openapi.document(operations))

    async def on_get(self, request: Request, response: Response) -> None:
        """The OpenAPI document."""
        response.content_type = "application/json"
        response.data = self._bytes


async def _unknown_url(req: Request, resp: Response | None, **_: Any) -> None:
    assert resp is not None
    _refuse(resp, errors.unknown_url(req.method, req.path))


async def _http_error(
    request: Request, response: Response | None, error: falcon.HTTPError, params: dict[str, Any]
) -> None:
    assert response is not None
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        _refuse(response, errors.unknown_url(request.method, request.path))
        return
    _refuse(response, errors.invalid_request(error.title or "Invalid request."))


async def _our_mistake(
    request: Request, response: Response | None, error: Exception, params: dict[str, Any]
) -> None:
    assert response is not None
    if isinstance(error, ApiError):
        _refuse(response, error)
        return
    log.error("%s %s failed", request.method, echo(request.path), exc_info=error)
    _refuse(response, errors.internal_error())


def _refuse(response: Response, error: ApiError) -> None:
    response.status = error.status
    response.content_type = "application/json"
    response.data = _encode(errors.to_body(error))
    response.set_headers(error.headers)
