"""Where notifications arrive in tests: a webhook and a mail server that really listen."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

SECRET = "s3cr3t-t0ken"


@dataclass
class Webhook:
    """A webhook that counts what it takes, and answers with ``status``."""

    port: int
    status: int = 200
    got: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its apprise URL, which holds a secret."""
        return f"json://bot:{SECRET}@127.0.0.1:{self.port}/hooks/{SECRET}-path"

    @property
    def taken(self) -> list[str]:
        """The texts that it took."""
        return [f"{one['title']}\n{one['message']}" for one in self.got]


@contextmanager
def webhook(port: int = 0) -> Iterator[Webhook]:
    """A webhook that listens; on a port, if it was there before."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hook.status == 200:
                hook.got.append(json.loads(body))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """A test's output is not the place of an access log."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        hook = Webhook(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mailbox:
    """What a mail server took: the recipients of each mail, and the mail."""

    mails: list[tuple[list[str], Message]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """What aiosmtpd asks for each mail."""
        mail = message_from_bytes(envelope.content, policy=default)
        self.mails.append((list(envelope.rcpt_tos), mail))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, str]]:
    """A mail server that listens, and its apprise URL."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # the server below cannot be asked which port it found
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, f"mailto://127.0.0.1:{port}?from=ai-ops@example.com&mode=insecure"
    finally:
        controller.stop()
