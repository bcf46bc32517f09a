"""Repositories of the Hugging Face hub.

The hub's own client, huggingface_hub, says who asks (tokens, logins, ``HF_TOKEN``), whom
(``HF_ENDPOINT``), what lies there, what an error means, and publishes. It does not download here:
its cache compares no checksum, takes a snapshot for whole although the fetch of one of its folders
was broken off between two files, and asks the network to be sure. What is downloaded here is
checked against the SHA-256 that the hub knows of a large file, or the SHA-1 that git knows of a
small one.
"""

from __future__ import annotations

import re
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

from hayakoe_engine.errors import (
    SourceError,
    SourceNotFound,
    SourceOffline,
    SourceUnauthorized,
    SourceUnreachable,
)
from hayakoe_engine.sources.local import files_below
from hayakoe_engine.sources.names import name_neighbours
from hayakoe_engine.sources.remote import Body, Checksum, Listing, RemoteFile, TryAgain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePosixPath

    from httpx2 import Headers, Response
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoSibling

    from hayakoe_engine.sources.access import SourceAccess

_WEB_HOSTS: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_TOKEN: Final = re.compile(r"[!-~]+")
_MAIN: Final = "main"

_HEADERS: Final = {"user-agent": "hayakoe-engine"}
"""The hub's client would tell versions of everything that is installed."""

_TIMEOUT_S: Final = 30.0
"""Without a byte for so long, a connection is given up."""
_ANSWER_TIMEOUT_S: Final = 10.0
"""And so soon where it is only asked what there is."""

_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})


class HubRemote:
    """A repository of models at a revision.

    Args:
        repository: ``USER/REPO``.
        revision: A branch, a tag or a commit.
        token: As in ``SourceAccess``.
        endpoint: As in ``SourceAccess``.

    Raises:
        SourceError: The token cannot be one.
    """

    def __init__(
        self,
        repository: str,
        revision: str = _MAIN,
        *,
        token: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        if token is not None and not _TOKEN.fullmatch(token):
            raise SourceError("the token for the Hugging Face hub has spaces or foreign characters")
        self._repository = repository
        self._revision = revision
        self._token = token
        self._endpoint = endpoint

    @classmethod
    def of_uri(cls, uri: str, access: SourceAccess) -> Self:
        """The repository that ``hf://…`` or ``https://huggingface.co/…`` names.

        Raises:
            SourceError: None is written like this.
        """
        is_web = uri.lower().startswith("https:")
        repository, revision = _split_web(uri) if is_web else _split_hf(uri)
        user, _, name = repository.partition("/")
        if not (_NAME.fullmatch(user) and _NAME.fullmatch(name) and _REVISION.fullmatch(revision)):
            raise SourceError(
                f"{uri}: a repository is written hf://USER/REPO or hf://USER/REPO@REVISION"
            )
        return cls(repository, revision, token=access.hf_token, endpoint=access.hf_endpoint)

    @property
    def uri(self) -> str:
        """``hf://USER/REPO@REVISION``."""
        return f"hf://{self._repository}@{self._revision}"

    def list_files(self, prefix: str) -> Listing:
        """As for ``Remote``. One answer of the hub names the commit and everything in it."""
        with self._errors_explained():
            try:
                info = self._api().model_info(
                    self._repository,
                    revision=self._revision,
                    files_metadata=True,
                    timeout=_ANSWER_TIMEOUT_S,
                )
            except (KeyError, TypeError, ValueError) as error:
                raise SourceUnreachable(f"{self.uri}: no hub answers like this: {error}") from error
        below = f"{prefix}/" if prefix else ""
        siblings = info.siblings or []
        files = tuple(
            self._remote_file(sibling, sibling.rfilename.removeprefix(below))
            for sibling in siblings
            if sibling.rfilename.startswith(below)
        )
        if not files or not info.sha:
            raise SourceNotFound(
                f"{self.uri}: there is no {prefix}",
                hint=name_neighbours(prefix, (sibling.rfilename for sibling in siblings)),
            )
        return Listing(info.sha, files)

    @contextmanager
    def read(self, prefix: str, listing: Listing, file: RemoteFile, start: int) -> Iterator[Body]:
        """As for ``Remote``: from the listed commit, whatever the branch is by now."""
        with self._errors_explained():
            from huggingface_hub import get_session, hf_hub_url  # noqa: PLC0415
            from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # noqa: PLC0415

            url = hf_hub_url(
                self._repository,
                _join(prefix, file.path),
                revision=listing.revision,
                endpoint=self._endpoint,
            )
            headers = build_hf_headers(token=self._token, headers=dict(_HEADERS))
            headers["accept-encoding"] = "identity"
            if start:
                headers["range"] = f"bytes={start}-"
            # The session keeps the token to itself where it is sent on to another host.
            with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S) as response:
                if response.is_error:
                    raise self._explain(response)
                yield Body(_first_byte(response), response.iter_bytes())

    def upload(self, prefix: str, local_dir: Path) -> None:
        """As for ``Remote``: one commit. A repository that is not there is made, and is private."""
        paths = files_below(local_dir)
        with self._errors_explained():
            from huggingface_hub import CommitOperationAdd  # noqa: PLC0415

            api = self._api()
            if not api.repo_exists(self._repository):
                api.create_repo(self._repository, private=True, exist_ok=True)
            files = [CommitOperationAdd(_join(prefix, path), local_dir / path) for path in paths]
            try:
                with _bars_on_terminals():
                    api.create_commit(
                        self._repository,
                        files,
                        commit_message=f"Publish {prefix}" if prefix else "Publish",
                        revision=self._revision,
                    )
            except (ConnectionError, TimeoutError) as error:
                # Of what its client uploads large files with, which has a client of its own.
                raise TryAgain(f"its storage does not answer: {error}") from error
            except RuntimeError as error:  # in which the client wraps errors of its threads
                raise error.__cause__ or SourceError(f"{self.uri}: {error}") from None

    def _api(self) -> HfApi:
        from huggingface_hub import HfApi  # noqa: PLC0415

        return HfApi(endpoint=self._endpoint, token=self._token, headers=dict(_HEADERS))

    def _remote_file(self, sibling: RepoSibling, path: str) -> RemoteFile:
        size_bytes, blob_id = sibling.size, sibling.blob_id
        if size_bytes is None or blob_id is None:
            raise SourceUnreachable(f"{self.uri}: it does not say what {path} is")
        checksum = (
            Checksum("git-sha1", blob_id)
            if sibling.lfs is None
            else Checksum("sha256", sibling.lfs.sha256)
        )
        return RemoteFile(path, size_bytes, blob_id, checksum)

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Say what is wrong in the words of this package.

        Raises:
            TryAgain: It may work another time.
            SourceError: It will not.
        """
        try:
            import httpx2  # noqa: PLC0415
            from huggingface_hub import constants  # noqa: PLC0415
            from huggingface_hub.errors import (  # noqa: PLC0415
                HfHubHTTPError,
                HFValidationError,
                OfflineModeIsEnabled,
            )
        except ModuleNotFoundError as error:
            raise SourceError(
                f"{self.uri}: the Hugging Face hub needs {error.name}",
                hint="pip install 'wyoming-hayakoe[hub]'",
            ) from error
        # Otherwise the client asks for a list of programs that might be using it, to tell the hub.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        try:
            yield
        except OfflineModeIsEnabled as error:
            raise SourceOffline(
                f"{self.uri}: the network is not to be used", hint="unset HF_HUB_OFFLINE"
            ) from error
        except HfHubHTTPError as error:
            raise self._explain(error.response) from error
        except httpx2.TransportError as error:
            raise TryAgain(f"it does not answer: {error or type(error).__name__}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, HFValidationError) as error:
            raise SourceError(f"{self.uri}: {error}") from error

    def _explain(self, response: Response) -> TryAgain | SourceError:
        status = response.status_code
        answer = f"it answers {status} {response.reason_phrase}".rstrip()
        if status in _TRANSIENT:
            return TryAgain(answer, after_s=_retry_after_s(response.headers))
        if response.history and status in {400, 401, 403}:
            # A storage where the hub has sent us does not like the hub's signature any more.
            return TryAgain(f"its storage answers {status}")
        has_token = "authorization" in response.request.headers
        kind: type[SourceError] = SourceError
        what, hint = answer, None
        match response.headers.get("x-error-code"), status:
            case "GatedRepo", _:
                kind, what = SourceUnauthorized, "only those are let in who agreed to its terms"
                hint = f"agree at https://huggingface.co/{self._repository}, and give your token"
            case "RevisionNotFound", _:
                kind, what = SourceNotFound, f"there is no revision {self._revision}"
            case _, 401 if not has_token:
                kind, what = SourceUnauthorized, "there is no such repository, or it is private"
                hint = "a private repository needs a token: HF_TOKEN, or the setting hf_token"
            case _, 401 | 403:
                kind, hint = SourceUnauthorized, "the token is not valid, or not for this"
            case "RepoNotFound", _:
                kind, what = SourceNotFound, "there is no such repository"
                hint = "or the token is not for it" if has_token else None
            case _, 404:
                kind, what = SourceNotFound, f"{answer} to {response.request.url.path}"
        return kind(f"{self.uri}: {what}", hint=hint)


def _join(prefix: str, path: str | PurePosixPath) -> str:
    return f"{prefix}/{path}" if prefix else str(path)


def _bars_on_terminals() -> AbstractContextManager[object]:
    """Has the hub's client draw its progress nowhere else, unless the environment says so."""
    from huggingface_hub.constants import HF_HUB_DISABLE_PROGRESS_BARS  # noqa: PLC0415
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # noqa: PLC0415

    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    if is_terminal or HF_HUB_DISABLE_PROGRESS_BARS is not None:
        return nullcontext()
    return disable_progress_bars()


def _split_hf(uri: str) -> tuple[str, str]:
    repository, at, revision = uri.partition("://")[2].partition("@")
    return repository.removesuffix("/"), revision if at else _MAIN


def _split_web(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    if parts.hostname not in _WEB_HOSTS:
        raise SourceError(
            f"{uri}: of web addresses only those of https://huggingface.co are sources"
        )
    user, _, rest = parts.path.strip("/").partition("/")
    name, _, rest = rest.partition("/")
    kind, _, revision = rest.partition("/")
    if rest and (kind != "tree" or "/" in revision or not revision):
        raise SourceError(
            f"{uri}: give the address of the repository, or of a revision: "
            "https://huggingface.co/USER/REPO/tree/REVISION"
        )
    return f"{user}/{name}", unquote(revision) or _MAIN


def _first_byte(response: Response) -> int:
    """The number of the first byte in a response, which may be more than was asked for.

    Raises:
        TryAgain: It does not say.
    """
    if response.status_code != 206:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    if match is None:
        raise TryAgain("it answers with a range that it does not name")
    return int(match[1])


def _retry_after_s(headers: Headers) -> float | None:
    """The pause that a server asks for."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        match = re.search(r"r=0;\s*t=(\d+)", headers.get("ratelimit", ""))
        return float(match[1]) if match else None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
