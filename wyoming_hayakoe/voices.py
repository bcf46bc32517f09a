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
        is_ready: Whether that is the voice itself, and not the embedded one until it is ready.
    """

    name: str
    title: str
    speaker: Speaker
    options: SynthesisOptions
    is_ready: bool = True


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
        loading: Voices that are being made ready. Until they are, the embedded one speaks for them.
        is_lenient: Whether what is wrong with presets is only noted.

    Attributes:
        default: The choice for clients that ask for none.
        embedded: The embedded voice, which is always there.
        replaced: Settings that name a missing voice.
        problems: What is wrong with presets, if that is only noted; they speak without it.

    Raises:
        ConfigError: A preset or the default names a voice that does not exist, a preset has the
            name of a voice, or asks for a style or speaker that its voice does not have.
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
        loading: Collection[str] = (),
        is_lenient: bool = False,
    ) -> None:
        self._options = SynthesisOptions(**speech.model_dump())
        self._titles = titles or {}
        self._missing = missing
        self._loading = frozenset(loading) - speakers.keys()
        self._is_lenient = is_lenient
        self.embedded = speakers.get(EMBEDDED_VOICE)
        self._choices = {
            choice.name: choice
            for name, speaker in speakers.items()
            for choice in _voice_and_styles(name, self._titles.get(name), speaker, self._options)
        }
        self._choices.update((name, self._stand_in(name)) for name in sorted(self._loading))
        self.replaced: list[str] = []
        self.problems: list[str] = []
        for name, preset in presets.items():
            if name in self._choices or name in missing:
                raise ConfigError(f"presets.{name}: there is a voice of this name already")
            self._choices[name] = self._preset(name, preset)
        if self._is_missing(default):
            self.replaced.append("voice")
            default = EMBEDDED_VOICE
        try:
            self.default = self.find(default)
        except VoiceNotFound as error:
            self._object(f"voice: {error}")
            self.default = self._choices.get(_voice_of(default)) or self._choices[EMBEDDED_VOICE]
        self._choices.setdefault(self.default.name, self.default)

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
        if choice is None and name is not None and _voice_of(name) in self._loading:
            choice = self._stand_in(name)
        if choice is None:
            raise VoiceNotFound(
                f"there is no voice {name!r}; the voices are {', '.join(self._choices)}"
            )
        if style is None or not choice.is_ready:
            return choice
        style_shares(style, choice.speaker.info)
        options = choice.options.changed(style=style)
        return Choice(choice.name, choice.title, choice.speaker, options)

    def _preset(self, name: str, preset: Preset) -> Choice:
        changes = preset.model_dump(exclude={"voice", "style", "title"}, exclude_none=True)
        if self._is_missing(preset.voice) or f"presets.{preset.voice}" in self.replaced:
            self.replaced.append(f"presets.{name}")
            base = self._choices.get(preset.voice) or self._choices[EMBEDDED_VOICE]
        else:
            base = self._base(name, preset)
        speakers = base.speaker.info.speakers
        if changes.get("speaker_id", 0) >= speakers:
            if base.is_ready and f"presets.{name}" not in self.replaced:
                self._object(
                    f"presets.{name}.speaker_id: voice {base.speaker.info.name} has {speakers} "
                    f"speakers, so it must be from 0 to {speakers - 1}"
                )
            del changes["speaker_id"]
        options = base.options.changed(**changes)
        return Choice(name, preset.title or name, base.speaker, options, base.is_ready)

    def _base(self, name: str, preset: Preset) -> Choice:
        """The voice that a preset changes."""
        try:
            return self.find(preset.voice, preset.style)
        except VoiceNotFound as error:
            self._object(f"presets.{name}.voice: {error}")
        except StyleNotFound as error:
            self._object(f"presets.{name}.style: {error}")
            return self.find(preset.voice)
        return self._choices.get(_voice_of(preset.voice)) or self._choices[EMBEDDED_VOICE]

    def _object(self, problem: str) -> None:
        if not self._is_lenient:
            raise ConfigError(problem)
        self.problems.append(problem)

    def _stand_in(self, name: str) -> Choice:
        """The embedded voice under the name of one that is not ready yet."""
        embedded = self._choices[EMBEDDED_VOICE]
        title = self._titles.get(_voice_of(name), _voice_of(name))
        return Choice(name, f"{title}（準備中）", embedded.speaker, self._options, is_ready=False)

    def _is_missing(self, name: str) -> bool:
        return _voice_of(name) in self._missing


def _voice_of(name: str) -> str:
    """The voice in ``voice:Style``."""
    return name.partition(":")[0]


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
