"""What ``describe`` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wyoming.info import Attribution, Info, TtsProgram, TtsVoice, TtsVoiceSpeaker

from wyoming_hayakoe import __version__

if TYPE_CHECKING:
    from wyoming_hayakoe.voices import Choice, VoiceBook

PROGRAM: Final = "Hayakoe"

_DEFAULT_MARK = "★ "
_OTHER_MARK = "・"


def build_info(voices: VoiceBook, *, streaming: bool = True) -> Info:
    """The server and its voices, as they are now.

    All voices are in one program: Home Assistant sees only the first. It sorts them by
    description and takes the first as the default of a new assistant, so the default voice's
    description sorts before all others.

    Args:
        voices: What may be chosen.
        streaming: Whether clients may send text while it comes.
    """
    return Info(
        tts=[
            TtsProgram(
                name=PROGRAM,
                description="日本語の音声合成",
                attribution=Attribution(name="wyoming-hayakoe (Apache-2.0)", url=""),
                installed=True,
                version=__version__,
                voices=[_voice(choice, is_default=choice is voices.default) for choice in voices],
                supports_synthesize_streaming=streaming,
            )
        ]
    )


def _voice(choice: Choice, *, is_default: bool) -> TtsVoice:
    info = choice.speaker.info
    return TtsVoice(
        name=choice.name,
        description=_description(choice.title, is_default=is_default),
        attribution=Attribution(
            name=f"{info.credit} ({info.licence})" if info.credit else info.licence, url=info.url
        ),
        installed=True,
        version=info.version,
        languages=list(info.languages),
        speakers=[TtsVoiceSpeaker(name=style) for style in info.styles] or None,
    )


def _description(title: str, *, is_default: bool) -> str:
    if is_default:
        return _DEFAULT_MARK + title
    sorts_after = title > _DEFAULT_MARK and not title.startswith(_DEFAULT_MARK)
    return title if sorts_after else _OTHER_MARK + title
