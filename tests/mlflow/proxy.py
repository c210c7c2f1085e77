"""Stands between a client and an MLflow server: counts requests, may be down, and checks signatures as AWS would."""

import hmac
import json
import ssl
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

API = "/api/2.0/mlflow"
_OWN = frozenset({"host", "connection", "content-length", "transfer-encoding"})


class Proxy:
    """Forwards to a server what has the path `prefix`, which the server does not see, and the header `authorization` if
    that is given. `by_operation` counts requests by the run that they name, by its id or as it is made by its
    name, and by operation. With a `secret`, a request whose signature is wrong gets status 403, and `signed` has the
    region, service and further headers of those that are right."""

    def __init__(
        self, target: str, secret: str | None = None, *, prefix: str = "", authorization: str | None = None
    ) -> None:
        self._target, self._secret = urlsplit(target), secret
        self._prefix, self.authorization = prefix, authorization
        self.requests: Counter[str] = Counter()
        self.by_operation: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.signed: list[tuple[str, Mapping[str, str]]] = []
        self.is_down = False
        self.url = ""

    @property
    def about(self) -> Counter[str]:
        """How many requests name each run."""
        return Counter({run: found.total() for run, found in self.by_operation.items()})

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """What the server answers, 503 while it is down, or 401."""
        if not path.startswith(self._prefix):
            return 404, b"<html>nothing is here</html>"
        path = path.removeprefix(self._prefix)
        self.requests[_kind(method, path)] += 1
        self.by_operation[_run(body)][_kind(method, path)] += 1
        if self.is_down:
            return 503, b""
        if self.authorization not in (None, headers.get("authorization")):
            return 401, b"You are not authenticated."
        if self._secret is not None:
            try:
                scope = signed_for(method, path, headers, body, self._secret)
            except (AssertionError, KeyError, ValueError) as error:
                return 403, f"signature: {error!r}".encode()
            self.signed.append((scope, headers))
        given = {name: value for name, value in headers.items() if name not in _OWN}
        return self._forwarded(method, path, given, body)

    def _forwarded(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        with closing(HTTPConnection(str(self._target.netloc), timeout=120)) as connection:
            connection.request(method, path, body or None, dict(headers))
            found = connection.getresponse()
            return found.status, found.read()


def _kind(method: str, path: str) -> str:
    """What a request asks for, without names and ids."""
    name = urlsplit(path).path.removeprefix(f"{API}/")
    if method == "PUT":
        return "artifact"
    return name if name.count("/") <= 1 and not name.startswith("logged-models/m-") else name.partition("/")[0]


def _run(body: bytes) -> str:
    """The run that a request names in its body; empty if it names none there."""
    try:
        asked = json.loads(body)
    except ValueError:
        return ""
    return str(asked.get("run_id") or asked.get("source_run_id") or asked.get("run_name") or "")


def signed_for(method: str, path: str, headers: Mapping[str, str], body: bytes, secret: str) -> str:
    """Region and service that a request is signed for with Signature Version 4, computed from what AWS documents; names
    of headers are in lower case. Raises AssertionError if the signature is wrong."""
    scheme, *parts = headers["authorization"].replace(",", "").split()
    given = dict(part.split("=", 1) for part in parts)
    names = given["SignedHeaders"].split(";")
    assert scheme == "AWS4-HMAC-SHA256"
    assert names == sorted(names)
    assert {"host", "x-amz-date"} <= set(names)
    digest = sha256(body).hexdigest()
    assert headers.get("x-amz-content-sha256", digest) == digest
    where, _, query = path.partition("?")
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query, keep_blank_values=True))
    canonical = [method, where, "&".join("=".join(each) for each in pairs)]
    canonical += [f"{name}:{' '.join(headers[name].split())}" for name in names]
    canonical += ["", ";".join(names), digest]
    _, day, region, service, end = given["Credential"].split("/")
    hashed = sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join([scheme, headers["x-amz-date"], f"{day}/{region}/{service}/{end}", hashed])
    key = f"AWS4{secret}".encode()
    for each in (day, region, service, end):
        key = hmac.new(key, each.encode(), sha256).digest()
    assert hmac.new(key, text.encode(), sha256).hexdigest() == given["Signature"], "does not match"
    return f"{region}/{service}"


@contextmanager
def through(proxy: Proxy, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """The proxy while it listens, at an address without its prefix."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else b""
            given = {name.lower(): value for name, value in self.headers.items()}
            status, content = proxy.answer(self.command, self.path, given, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 as http.server names them

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy.url = f"http{'' if tls is None else 's'}://localhost:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
