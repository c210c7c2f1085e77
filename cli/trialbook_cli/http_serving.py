"""HTTP for the stand-ins, in threads of this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from weakref import WeakSet


class Handler(BaseHTTPRequestHandler):
    """A handler whose connections stay open, as boto3 and slack_sdk use them, and that says nothing."""

    protocol_version = "HTTP/1.1"
    # Headers and body go out as one segment each; with Nagle's algorithm the second would wait for 40 ms.
    disable_nagle_algorithm = True
    wbufsize = 65_536

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's name
        """Says nothing: the stand-ins keep the calls."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        self.connections: WeakSet[socket.socket] = WeakSet()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        """Ends what is open too: a thread that waits for a client's next request keeps all that it knows."""
        super().server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(handler: type[Handler], host: str, port: int) -> Iterator[str]:
    """Serves within the block; gives the server's URL."""
    server = _Server((host, port), handler)
    # The end of the block waits for one interval.
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
