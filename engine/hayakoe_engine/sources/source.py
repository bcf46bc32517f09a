"""A place that voices come from, chosen by its URI."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from hayakoe_engine.errors import SourceError, SourceNotFound, SourceOffline
from hayakoe_engine.sources.access import SourceAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

DEFAULT_SOURCE: Final = "hf://lemondouble/hayakoe"
"""Where a neural voice comes from, and the language model, unless something else is said."""

_SECRET: Final = re.compile(r"(?<=://)[^/]*@")
"""A user or a token, with or without a password, before the first name of a URI."""


class Source(Protocol):
    """Where folders of published files can be had, and where they can be published.

    A prefix is the path of a folder below the source's root, with slashes:
    ``onnx/speakers/jvnv-F1-jp``. The empty prefix is the root itself.
    """

    def fetch(self, prefix: str) -> Path:
        """A local folder with everything that lies under this prefix.

        What has been brought here before is used as it is, without asking the other side.

        Raises:
            SourceNotFound: Nothing lies there.
            SourceUnauthorized: A token or a key is missing, or is not good for this.
            SourceUnreachable: The other side does not answer.
            SourceOffline: It would have to be brought, which is not allowed now.
            SourceChecksumMismatch: Something else arrives than was published.
            SourceError: It cannot be had for another reason, such as a full disk.
        """
        ...

    def list_files(self, prefix: str) -> frozenset[str]:
        """The paths, below it, of what lies under this prefix now; none if nothing does.

        Raises:
            SourceError: That cannot be found out; the narrower types are those of ``fetch``.
        """
        ...

    def upload(self, prefix: str, local_dir: Path) -> None:
        """Publish every file of a folder under this prefix.

        Files of the same name are replaced; other files that lie there stay.

        Raises:
            SourceError: It cannot be done; the narrower types are those of ``fetch``.
        """
        ...


def open_source(uri: str, access: SourceAccess | None = None) -> Source:
    """The source that a URI names; nothing is read, nobody is asked.

    ================================================  ==============================================
    ``hf://USER/REPO``, ``hf://USER/REPO@REVISION``   a repository of the Hugging Face hub
    ``https://huggingface.co/USER/REPO``              the same; also with ``/tree/REVISION``
    ``s3://BUCKET``, ``s3://BUCKET/PREFIX``           a bucket of S3, or of what speaks like it
    ``file:///PATH``, or a path                       a folder, used in place
    ================================================  ==============================================

    Args:
        uri: The URI.
        access: How it may be used; None is with the user's cache folder and nothing special.

    Raises:
        SourceError: No source is written like this.
    """
    access = access or SourceAccess()
    scheme, separator, _ = uri.partition("://")
    if not separator:
        return _open_path(uri, access)
    if _SECRET.search(uri):
        # It would be in the log, in the cache, and in what the server tells of its voices.
        raise SourceError(
            f"{_SECRET.sub('…@', uri)}: keys and tokens are no part of a source but settings of "
            "their own; a revision comes last, as in hf://USER/REPO@REVISION"
        )
    opener = _SCHEMES.get(scheme.lower())
    if opener is None:
        raise SourceError(
            f"{uri}: unknown kind of source; known are hf://USER/REPO, "
            "https://huggingface.co/USER/REPO, s3://BUCKET/PREFIX, file:///PATH and a path"
        )
    return opener(uri, access)


def fetch_first(uris: Sequence[str], prefix: str, access: SourceAccess) -> Path:
    """What all voices share, which lies under a prefix in the first of these sources that has it.

    What is on this machine already counts more than the order, so that nobody is asked whether an
    earlier source has by now what it had not.

    Raises:
        SourceNotFound: None has it.
        SourceError: As for ``Source.fetch``; sources after one that fails are not tried. The
            message names those that do not have it.
    """
    if not access.update:
        here = replace(access, offline=True)
        for uri in uris:
            with suppress(SourceOffline, SourceNotFound):
                return open_source(uri, here).fetch(prefix)
    *earlier, last = uris
    for uri in earlier:
        with suppress(SourceNotFound):
            return open_source(uri, access).fetch(prefix)
    try:
        return open_source(last, access).fetch(prefix)
    except SourceError as error:
        if not earlier:
            raise
        message = f"{error}; nor is {prefix} in {' or '.join(earlier)}"
        elsewhere = "if it is elsewhere, say so with bert_source"
        hint = f"{error.hint}; {elsewhere}" if error.hint else elsewhere
        raise type(error)(message, hint=hint) from error


def _open_path(path: str, _: SourceAccess) -> Source:
    from hayakoe_engine.sources.local import LocalSource  # noqa: PLC0415

    return LocalSource(path)


def _open_file(uri: str, _: SourceAccess) -> Source:
    from hayakoe_engine.sources.local import LocalSource  # noqa: PLC0415

    return LocalSource.of_uri(uri)


def _open_hub(uri: str, access: SourceAccess) -> Source:
    from hayakoe_engine.sources.cached import CachedSource  # noqa: PLC0415
    from hayakoe_engine.sources.huggingface import HubRemote  # noqa: PLC0415

    return CachedSource(HubRemote.of_uri(uri, access), access)


def _open_s3(uri: str, access: SourceAccess) -> Source:
    from hayakoe_engine.sources.cached import CachedSource  # noqa: PLC0415
    from hayakoe_engine.sources.s3 import S3Remote  # noqa: PLC0415

    return CachedSource(S3Remote.of_uri(uri), access)


_SCHEMES: Final[Mapping[str, Callable[[str, SourceAccess], Source]]] = {
    "file": _open_file,
    "hf": _open_hub,
    "https": _open_hub,
    "s3": _open_s3,
}
"""One line for each kind of source."""
