"""Buckets of S3, and of everything that speaks like it.

Keys, the region and the endpoint come from the environment as for other programs:
``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, ``AWS_ENDPOINT_URL_S3``;
``AWS_SKIP_SIGNATURE=true`` is for a bucket that is open to everybody.

What S3 says of a file's content is its ETag, which is its MD5 if it was uploaded in one piece. So
``upload`` adds a file ``SHA256SUMS``, as the program sha256sum writes it, and files that it names
are checked against it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from hayakoe_engine.disk import sha256_of
from hayakoe_engine.errors import SourceError, SourceNotFound, SourceUnauthorized
from hayakoe_engine.sources.local import files_below
from hayakoe_engine.sources.names import is_safe_path, name_neighbours
from hayakoe_engine.sources.remote import (
    Body,
    Checksum,
    ContentChanged,
    Listing,
    RemoteFile,
    TryAgain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obstore import GetOptions, ObjectMeta
    from obstore.store import S3Store

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SUMS: Final = "SHA256SUMS"
_MAX_SUMS_BYTES: Final = 1 << 20
_SUM: Final = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<path>.+)")
_MD5_ETAG: Final = re.compile(r'"?([0-9a-f]{32})"?')
_CHUNK_BYTES: Final = 1 << 16
_STATUS: Final = re.compile(r"status code: (\d{3})")
_TRANSIENT: Final = frozenset({"408", "429", "500", "502", "503", "504"})
_METADATA_SERVICE: Final = "169.254.169.254"
"""Where obstore looks for keys when there are none: a virtual machine's own."""


class S3Remote:
    """A bucket, or what lies under a prefix of it.

    Args:
        bucket: Its name.
        root: The prefix; empty for the whole bucket.
    """

    def __init__(self, bucket: str, root: str = "") -> None:
        self._bucket = bucket
        self._root = root

    @classmethod
    def of_uri(cls, uri: str) -> Self:
        """The bucket that ``s3://BUCKET/PREFIX`` names.

        Raises:
            SourceError: None is written like this.
        """
        parts = urlsplit(uri)
        root = parts.path.strip("/")
        is_path = not root or is_safe_path(root)
        if not _BUCKET.fullmatch(parts.netloc) or not is_path or parts.query or parts.fragment:
            raise SourceError(f"{uri}: a bucket is written s3://BUCKET or s3://BUCKET/PREFIX")
        return cls(parts.netloc, root)

    @property
    def uri(self) -> str:
        """``s3://BUCKET`` or ``s3://BUCKET/PREFIX``."""
        return f"s3://{self._bucket}/{self._root}".rstrip("/")

    def list_files(self, prefix: str) -> Listing:
        """As for ``Remote``. The revision is the time of the last change."""
        above = self._key(prefix)
        below = f"{above}/" if above else ""
        with self._errors_explained():
            import obstore  # noqa: PLC0415

            objects = {
                found["path"].removeprefix(below): found
                for batch in obstore.list(self._store, prefix=above or None)
                for found in batch
            }
            folders = {str(folder) for path in objects for folder in PurePosixPath(path).parents}
            for marker in folders | {above}:
                objects.pop(marker, None)
        if not objects:
            raise SourceNotFound(f"{self.uri}: there is no {prefix}", hint=self._neighbours(prefix))
        sums = self._sums(f"{below}{_SUMS}") if _SUMS in objects else {}
        return Listing(
            revision=max(found["last_modified"] for found in objects.values()).isoformat(),
            files=tuple(
                _remote_file(path, found, sums.get(path)) for path, found in objects.items()
            ),
        )

    @contextmanager
    def read(
        self,
        prefix: str,
        listing: Listing,  # noqa: ARG002 - what an ETag says is enough
        file: RemoteFile,
        start: int,
    ) -> Iterator[Body]:
        """As for ``Remote``."""
        options: GetOptions = {}
        if start:
            options["range"] = {"offset": start}
        if file.version:
            options["if_match"] = file.version
        yield Body(start, self._get(self._key(prefix, file.path), options))

    def upload(self, prefix: str, local_dir: Path) -> None:
        """As for ``Remote``; ``SHA256SUMS`` comes last."""
        paths = [str(path) for path in files_below(local_dir) if str(path) != _SUMS]
        sums = "".join(f"{sha256_of(local_dir / path)}  {path}\n" for path in paths)
        with self._errors_explained():
            import obstore  # noqa: PLC0415

            for path in paths:
                obstore.put(self._store, self._key(prefix, path), local_dir / path)
            obstore.put(self._store, self._key(prefix, _SUMS), sums.encode())

    def _key(self, *parts: str) -> str:
        return "/".join(part for part in (self._root, *parts) if part)

    @cached_property
    def _store(self) -> S3Store:
        from obstore.store import S3Store  # noqa: PLC0415

        return S3Store(
            self._bucket,
            client_options={
                "allow_http": True,  # an endpoint of one's own may be at home
                "connect_timeout": "5s",
                "read_timeout": "30s",
                "timeout": "12h",  # for a whole file
                "user_agent": "hayakoe-engine",
            },
            retry_config={"max_retries": 0},  # whoever asks does that
        )

    def _get(self, key: str, options: GetOptions) -> Iterator[bytes]:
        with self._errors_explained():
            import obstore  # noqa: PLC0415

            try:
                result = obstore.get(self._store, key, options=options)
                for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
                    yield bytes(chunk)
            except (FileNotFoundError, obstore.exceptions.PreconditionError) as error:
                raise ContentChanged(key) from error

    def _sums(self, key: str) -> dict[str, str]:
        """The SHA-256 of files by their paths."""
        text = b""
        for chunk in self._get(key, {}):
            text += chunk
            if len(text) > _MAX_SUMS_BYTES:
                raise SourceError(f"{self.uri}: {key} is too large to be what it says it is")
        lines = text.decode(errors="replace").splitlines()
        return {match["path"]: match["digest"] for line in lines if (match := _SUM.fullmatch(line))}

    def _neighbours(self, prefix: str) -> str | None:
        above = self._key(prefix.rpartition("/")[0])
        with self._errors_explained():
            import obstore  # noqa: PLC0415

            found = obstore.list_with_delimiter(self._store, prefix=above or None)
        below = f"{above}/" if above else ""
        folders = (folder.removeprefix(below) for folder in found["common_prefixes"])
        return name_neighbours("", (f"{folder}/" for folder in folders))

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Say what is wrong in the words of this package.

        Raises:
            TryAgain: It may work another time.
            SourceError: It will not.
        """
        try:
            from obstore.exceptions import BaseError  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise SourceError(
                f"{self.uri}: S3 needs {error.name}", hint="pip install 'wyoming-hayakoe[s3]'"
            ) from error
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise self._explain(str(error).partition("\n")[0]) from error

    def _explain(self, message: str) -> TryAgain | SourceError:
        """What obstore's message means, which alone names the status."""
        found = _STATUS.search(message)
        status = found[1] if found is not None else None
        if _METADATA_SERVICE in message:
            return SourceUnauthorized(
                f"{self.uri}: there are no keys",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or AWS_SKIP_SIGNATURE=true for a bucket that is open to everybody",
            )
        if status in {"401", "403"}:
            return SourceUnauthorized(
                f"{self.uri}: it answers {status}",
                hint="check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
            )
        if status == "404":
            return SourceNotFound(f"{self.uri}: there is no such bucket")
        if "region" in message:
            return SourceError(f"{self.uri}: it is in another region", hint="set AWS_REGION")
        if status is None or status in _TRANSIENT:
            return TryAgain(f"it answers {status}" if status else "it does not answer")
        return SourceError(f"{self.uri}: {message}")


def _remote_file(path: str, found: ObjectMeta, sha256: str | None) -> RemoteFile:
    etag = found["e_tag"] or ""
    checksum: Checksum | None = None
    if sha256 is not None:
        checksum = Checksum("sha256", sha256)
    elif (md5 := _MD5_ETAG.fullmatch(etag)) is not None:
        checksum = Checksum("md5", md5[1])
    return RemoteFile(path, found["size"], etag, checksum)
