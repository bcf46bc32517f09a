"""How sources may be used: by whom, from where, and who is told about it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from hayakoe_engine.sources.progress import FetchProgress


def default_cache() -> Path:
    """Where downloads are kept if nobody says: ``HAYAKOE_CACHE``, or the user's cache folder."""
    # The one variable that programs and the server have in common, so that they share downloads.
    named = os.environ.get("HAYAKOE_CACHE")  # noqa: TID251
    return Path(named).expanduser() if named else user_cache_path("hayakoe")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a source that does not answer is asked again.

    Attributes:
        attempts: Failures in a row, without anything having arrived in between, that are too many.
        first_delay_s: Pause after the first failure; each further one is twice as long.
        longest_delay_s: The longest pause. A server that asks for a longer one is given up.
        answer_s: Time within which it must have said what it has, unless it asks for a pause. An
            attempt that is under way by then may end.
    """

    attempts: int = 5
    first_delay_s: float = 1.0
    longest_delay_s: float = 60.0
    answer_s: float = 10.0


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """What all sources of one engine share.

    Attributes:
        cache: Folder for what is downloaded.
        offline: Whether the network must not be used.
        update: Whether what is in the cache is compared with what the source has now, and brought
            again if that is something else.
        whole: Whether files that were left out (see ``left_out``) are brought again.
        hf_token: For private repositories of the Hugging Face hub; None is the one that the
            environment (``HF_TOKEN``) or a login on this machine gives.
        hf_endpoint: URL of the hub; None is the one that the environment gives
            (``HF_ENDPOINT``), or https://huggingface.co.
        on_progress: Called in the fetching thread while files arrive. What it raises breaks the
            fetch off; the next one goes on where it stopped.
        patience: With sources that do not answer.
        stop: Set it to have fetches break off; the next one goes on where they stopped.
    """

    cache: Path = field(default_factory=default_cache)
    offline: bool = False
    update: bool = False
    whole: bool = False
    hf_token: str | None = field(default=None, repr=False)
    hf_endpoint: str | None = None
    on_progress: Callable[[FetchProgress], None] | None = None
    patience: Patience = Patience()
    stop: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
