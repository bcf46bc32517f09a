"""An S3 on the loopback interface: moto's, which does what a test tells it to do wrong."""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass
from urllib.parse import unquote

import boto3
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        on: Pattern of the paths that are meant, which have no query.
        status: Answer this instead.
        cut_after: Send so many bytes of the body, and hang up.
        flip: Change the byte with this number, counted from where the body begins.
    """

    on: str = ""
    status: int | None = None
    cut_after: int | None = None
    flip: int | None = None


class S3Server:
    """An S3 that listens as soon as it is made; a context manager.

    Attributes:
        url: What AWS_ENDPOINT_URL_S3 should be.
        requests: Method, path and first byte of everything that was asked.
        client: A client of another make.
    """

    def __init__(self):
        self.requests = []
        self.faults = deque()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Handler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id="k",
            aws_secret_access_key="s",
            region_name="us-east-1",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def put(self, bucket, files, **options):
        """Add or change files; makes the bucket if there is none."""
        self.client.create_bucket(Bucket=bucket)
        for key, content in files.items():
            self.client.put_object(Bucket=bucket, Key=key, Body=content, **options)

    def put_many(self, bucket, keys):
        """Add many small files without asking for each."""
        (account,) = get_backend("s3").values()
        for key in keys:
            account["aws"].put_object(bucket, key, b"{}")

    def reset(self):
        """Forget everything."""
        self.faults.clear()
        self.requests.clear()
        get_backend("s3").reset()

    def go_wrong(self, **fault):
        """Let the next request that the fault is for go wrong."""
        self.faults.append(Fault(**fault))

    def read(self, key):
        """The first bytes of the requests for a key."""
        return [start for method, path, start in self.requests if (method, path) == ("GET", key)]

    def _answer(self, environ, start_response):
        path = unquote(environ["PATH_INFO"].encode("latin-1").decode())
        match = re.match(r"bytes=(\d+)-", environ.get("HTTP_RANGE", ""))
        self.requests.append((environ["REQUEST_METHOD"], path, int(match[1]) if match else 0))
        fault = next((one for one in self.faults if re.search(one.on, path)), None)
        if fault is None:
            return self._app(environ, start_response)
        self.faults.remove(fault)
        if fault.status is not None:
            start_response(f"{fault.status} Wrong", [("Content-Length", "0")])
            return []
        body = bytearray(b"".join(self._app(environ, start_response)))
        if fault.flip is not None:
            body[fault.flip] ^= 1
        if fault.cut_after is not None:
            del body[fault.cut_after :]
        return [bytes(body)]


class _Handler(MotoRequestHandler):
    def log(self, *_):
        pass
