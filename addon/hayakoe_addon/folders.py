"""Where things are in the container."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders that the container is given, and the one that it brings.

    Attributes:
        data: What is kept: the options, downloads, what is made for this machine. Of all of these
            only this one must be writable, and even that only to keep something.
        config: For the user, to be edited: the dictionary, voices.
        share: For the user and other add-ons: voices.
        baked: Voices that are part of the image.
        run: In memory, for what is not to be kept.
    """

    data: Path = Path("/data")
    config: Path = Path("/config")
    share: Path = Path("/share/hayakoe")
    baked: Path = Path("/opt/hayakoe/voices")
    run: Path = Path("/dev/shm")  # noqa: S108 - the container's own, and its processes' alone

    @property
    def options(self) -> Path:
        """What the user has entered in Home Assistant; there is no such file without it."""
        return self.data / "options.json"

    @property
    def settings(self) -> Path:
        """What is made of the options for the server; with its secrets no part of a backup."""
        return self.run / "hayakoe.yaml"

    @property
    def cache(self) -> Path:
        """Downloads, installed voices, and what is adapted to this machine's processor."""
        return self.data / "cache"

    @property
    def dictionary(self) -> Path:
        """Words of the user's own."""
        return self.config / "dictionary.yaml"

    @property
    def custom_voices(self) -> tuple[Path, ...]:
        """Where the user puts voices."""
        return (self.share, self.config / "voices")
