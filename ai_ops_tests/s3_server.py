"""An object store on this machine: a moto server on a free port."""

import logging
from collections.abc import Iterator

import pytest


def serve_s3() -> Iterator[str]:
    """The address of an S3 server, until the caller is done."""
    moto_server = pytest.importorskip("moto.server", reason="moto is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
