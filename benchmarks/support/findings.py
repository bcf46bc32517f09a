"""What servers did in the same tests, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Finding:
    """What one server did in one test.

    Attributes:
        what: The row of the table.
        measured: As people read it.
        samples: All measurements, in ``unit``.
        unit: Of the samples.
    """

    what: str
    measured: str
    samples: tuple[float, ...] = ()
    unit: str = "s"


def table(found: Mapping[str, Sequence[Finding]]) -> list[str]:
    """Lines of a Markdown table with a column for each server.

    Args:
        found: The same findings in the same order, by the name of the server.
    """
    return [
        "| | " + " | ".join(found) + " |",
        "|---" * (1 + len(found)) + "|",
        *(
            f"| {row[0].what} | " + " | ".join(each.measured for each in row) + " |"
            for row in zip(*found.values(), strict=True)
        ),
    ]
