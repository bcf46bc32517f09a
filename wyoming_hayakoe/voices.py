"""What clients may choose: voices, their styles and presets, all under one kind of name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hayakoe_engine.errors import ConfigError, StyleNotFound, VoiceNotFound
from hayakoe_engine.options import SynthesisOptions
from hayakoe_engine.tts import EMBEDDED_VOICE
from hayakoe_engine.voices.style_mix import style_shares

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from hayakoe_engine.speaker import Speaker
    from wyoming_hayakoe.settings import Preset, SpeechSettings


@dataclass(frozen=True, slots=True)
class Choice:
    """A voice with the options it speaks with.

    Attributes:
        name: What clients ask for: ``voice``, ``voice:Style`` or the name of a preset.
        title: What people see.
        speaker: Who speaks.
        options: How.
    """

    name: str
    title: str
    speaker: Speaker
    options: SynthesisOptions


class VoiceBook:
    """All choices; looks voices up by name.

    Args:
        speakers: Prepared voices by name.
        speech: Options of every choice that a preset does not change.
        presets: Presets by name.
        default: Name of the choice for clients that ask for none.
        titles: What people see instead of what a voice calls itself, by name of the voice.
        missing: Voices that are not there now but may be another time. The embedded voice takes
            their place where a preset or the default names one.

    Attributes:
        default: The choice for clients that ask for none.
        replaced: Settings that name a missing voice.

    Raises:
        ConfigError: A preset or the default names a voice that does not exist, a preset has the
            name of a voice, or asks for a speaker that its voice does not have.
    """

    def __init__(
        self,
        speakers: Mapping[str, Speaker],
        speech: SpeechSettings,
        presets: Mapping[str, Preset],
        default: str,
        *,
        titles: Mapping[str, str] | None = None,
        missing: Collection[str] = (),
    ) -> None:
        options = SynthesisOptions(**speech.model_dump())
        self._missing = missing
        self._choices = {
            choice.name: choice
            for name, speaker in speakers.items()
            for choice in _voice_and_styles(name, (titles or {}).get(name), speaker, options)
        }
        self.replaced: list[str] = []
        for name, preset in presets.items():
            if name in self._choices or name in missing:
                raise ConfigError(f"presets.{name}: there is a voice of this name already")
            self._choices[name] = self._preset(name, preset)
        if self._is_missing(default):
            self.replaced.append("voice")
            default = EMBEDDED_VOICE
        try:
            self.default = self._choices[default]
        except KeyError:
            raise ConfigError(f"voice: {self._no_voice(default)}") from None

    def __iter__(self) -> Iterator[Choice]:
        yield self.default
        yield from (choice for choice in self._choices.values() if choice is not self.default)

    def find(self, name: str | None, style: str | None = None) -> Choice:
        """The choice of this name, or the default one without a name.

        Raises:
            VoiceNotFound: There is no such voice.
            StyleNotFound: The voice has no such style.
        """
        choice = self.default if name is None else self._choices.get(name)
        if choice is None:
            raise VoiceNotFound(self._no_voice(name))
        if style is None:
            return choice
        style_shares(style, choice.speaker.info)
        options = choice.options.changed(style=style)
        return Choice(choice.name, choice.title, choice.speaker, options)

    def _preset(self, name: str, preset: Preset) -> Choice:
        changes = preset.model_dump(exclude={"voice", "style", "title"}, exclude_none=True)
        if self._is_missing(preset.voice) or f"presets.{preset.voice}" in self.replaced:
            self.replaced.append(f"presets.{name}")
            base = self._choices.get(preset.voice) or self._choices[EMBEDDED_VOICE]
            changes.pop("speaker_id", None)
        else:
            try:
                base = self.find(preset.voice, preset.style)
            except VoiceNotFound as error:
                raise ConfigError(f"presets.{name}.voice: {error}") from error
            except StyleNotFound as error:
                raise ConfigError(f"presets.{name}.style: {error}") from error
            speakers = base.speaker.info.speakers
            if changes.get("speaker_id", 0) >= speakers:
                raise ConfigError(
                    f"presets.{name}.speaker_id: voice {base.speaker.info.name} has {speakers} "
                    f"speakers, so it must be from 0 to {speakers - 1}"
                )
        return Choice(name, preset.title or name, base.speaker, base.options.changed(**changes))

    def _is_missing(self, name: str) -> bool:
        return name.partition(":")[0] in self._missing

    def _no_voice(self, name: str | None) -> str:
        return f"there is no voice {name!r}; the voices are {', '.join(self._choices)}"


def _voice_and_styles(
    name: str, title: str | None, speaker: Speaker, options: SynthesisOptions
) -> Iterator[Choice]:
    title = title or speaker.info.title
    if options.speaker_id >= speaker.info.speakers:
        options = options.changed(speaker_id=0)
    yield Choice(name, title, speaker, options)
    if len(speaker.info.styles) > 1:
        for style in speaker.info.styles:
            yield Choice(
                f"{name}:{style}", f"{title}・{style}", speaker, options.changed(style=style)
            )
