"""A source on the other side of a network, with a cache on this one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hayakoe_engine.errors import SourceNotFound, SourceOffline
from hayakoe_engine.sources.cache import DownloadCache
from hayakoe_engine.sources.names import check_prefix
from hayakoe_engine.sources.persistence import persist

if TYPE_CHECKING:
    from pathlib import Path

    from hayakoe_engine.sources.access import SourceAccess
    from hayakoe_engine.sources.remote import Remote


class CachedSource:
    """Fetches from the cache, and into it what is not there yet.

    Args:
        remote: The other side.
        access: How it may be used.
    """

    def __init__(self, remote: Remote, access: SourceAccess) -> None:
        self._remote = remote
        self._access = access

    @property
    def uri(self) -> str:
        """The one form of the URI by which the cache knows the source."""
        return self._remote.uri

    def fetch(self, prefix: str) -> Path:
        """As for ``Source``; nobody is asked for what is complete, unless an update is wanted."""
        check_prefix(prefix)
        cache = DownloadCache(self._access.cache)
        folder = cache.find(self._remote.uri, prefix)
        if folder is None or not cache.is_enough(folder, self._access):
            self._check_online(f"{prefix} is not in {self._access.cache}")
            folder = cache.bring(self._remote, prefix, self._access)
        return cache.path_of(folder)

    def list_files(self, prefix: str) -> frozenset[str]:
        """As for ``Source``."""
        check_prefix(prefix)
        self._check_online(f"what is there under {prefix} is not known")
        try:
            listing = persist(
                partial(self._remote.list_files, prefix),
                self._access,
                self._remote.uri,
                limit_s=self._access.patience.answer_s,
            )
        except SourceNotFound:
            return frozenset()
        return frozenset(file.path for file in listing.files)

    def upload(self, prefix: str, local_dir: Path) -> None:
        """As for ``Source``."""
        check_prefix(prefix)
        self._check_online("it cannot be published there")
        persist(
            partial(self._remote.upload, prefix, local_dir),
            self._access,
            self._remote.uri,
        )

    def _check_online(self, otherwise: str) -> None:
        if self._access.offline:
            raise SourceOffline(
                f"{self._remote.uri}: {otherwise}, and the network is not to be used",
                hint="run `wyoming-hayakoe install` once without --offline",
            )
