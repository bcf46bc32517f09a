"""Many texts to audio files, by Ray Data."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import ray.data

from hayakoe_engine.errors import HayakoeError, VoiceError
from wyoming_hayakoe.cluster.joining import join, leave
from wyoming_hayakoe.cluster.pool import actor_options
from wyoming_hayakoe.render_items import Item
from wyoming_hayakoe.rendering import Rendered, open_renderer
from wyoming_hayakoe.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from wyoming_hayakoe.rendering import Results

_BLOCK_ITEMS: Final = 16
"""Items that go to a worker at a time, and are done again if it is lost."""
_MAX_BLOCKS: Final = 10_000
_SECRETS: Final = {"hf_token", "http"}
"""Settings that no other machine needs."""


def render_on_cluster(
    settings: Settings, names: Collection[str] | None, items: Iterable[Item]
) -> Results:
    """Render items with replicas of the first pool, in any order; the files come here.

    Raises:
        SourceError: The cluster cannot be joined.
        VoiceError: A voice is not there.
    """
    (pool, *_) = settings.cluster.pools.values()
    join(settings.cluster.address or "auto")
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        rows = [{"item": item.to_json()} for item in items]
        blocks = min(_MAX_BLOCKS, math.ceil(len(rows) / _BLOCK_ITEMS))
        values = settings.model_dump(exclude=_SECRETS)
        values["threads"] = math.ceil(pool.cpus)
        values["neural"]["device"] = pool.device
        results = ray.data.from_items(rows, override_num_blocks=blocks).map(
            _Worker,
            fn_constructor_args=(values, None if names is None else sorted(names)),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool.max_replicas),
            **actor_options(pool),
        )
        for row in results.iter_rows():
            item = Item.from_json(row.pop("item"))
            yield item, Rendered(**row)
    except HayakoeError:
        raise
    except Exception as error:
        raise VoiceError(f"the cluster cannot render: {_cause(error)}") from error
    finally:
        leave()


class _Worker:
    """An engine on a node.

    Args:
        values: Of the settings.
        names: Neural voices that it needs; None is all.
    """

    def __init__(self, values: dict[str, Any], names: Collection[str] | None) -> None:
        self._stack = ExitStack()  # it stays open as long as the worker lives
        self._renderer = self._stack.enter_context(open_renderer(Settings(**values), names))

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        rendered = self._renderer.render(Item.from_json(row["item"]))
        return {**row, **asdict(rendered)}


def _cause(error: Exception) -> str:
    """What was wrong on the node, without the way that it came here."""
    cause = getattr(error, "cause", None) or error
    return f"{cause}".strip().splitlines()[-1]
