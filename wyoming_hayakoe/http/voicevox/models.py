"""What clients of VOICEVOX send and get, under the names that they know."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

__all__ = [
    "AccentPhrase",
    "AccentPhrases",
    "AudioQueries",
    "AudioQuery",
    "KanaProblem",
    "Manners",
    "Mora",
    "Preset",
    "SpeakerInfo",
    "SpeakerInfoStyle",
    "SpeakerOf",
    "Style",
    "UserDictWord",
    "Waves",
]

MAX_PHRASES: Final = 2000
MAX_PHRASE_MORAS: Final = 200
MAX_LENGTH_S: Final = 30.0

Seconds = Annotated[float, Field(ge=0.0, le=MAX_LENGTH_S)]


class _Sent(BaseModel):
    """Fields that are not listed are ignored: clients know more of them than we do."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Mora(_Sent):
    """One mora, or a pause."""

    text: str = Field(max_length=4)
    """Katakana; 、 for a pause."""
    consonant: str | None = Field(None, max_length=4)
    """What comes before the vowel."""
    consonant_length: Seconds | None = None
    """In seconds at normal speed."""
    vowel: str = Field(max_length=4)
    """The vowel, `N` for ン, `cl` for ッ, `pau` for a pause; a capital vowel is whispered."""
    vowel_length: Seconds
    """In seconds at normal speed."""
    pitch: float = Field(ge=0.0, le=10.0)
    """Logarithm of the pitch in Hz; 0 where there is none."""

    @property
    def is_devoiced(self) -> bool:
        """Whether its vowel is whispered."""
        return self.vowel in {"A", "I", "U", "E", "O"}


class AccentPhrase(_Sent):
    """Moras spoken under one accent."""

    moras: tuple[Mora, ...] = Field(min_length=1, max_length=MAX_PHRASE_MORAS)
    """What is spoken."""
    accent: int = Field(ge=0, le=MAX_PHRASE_MORAS)
    """The mora after which the pitch falls, from 1; the last one if it does not."""
    pause_mora: Mora | None = None
    """The pause after it."""
    is_interrogative: bool = False
    """Whether it is the end of a question."""


class AccentPhrases(RootModel[Annotated[tuple[AccentPhrase, ...], Field(max_length=MAX_PHRASES)]]):
    """Accent phrases."""


class Manners(_Sent):
    """How something is spoken, as queries and presets say it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    speed_scale: float = Field(1.0, gt=0.0, le=100.0)
    """Factor of the speed; what is done is within 0.25 to 4."""
    pitch_scale: float = Field(0.0, ge=-10.0, le=10.0)
    """0.1 is 6.6 semitones up; what is done is within an octave up or down."""
    intonation_scale: float = Field(1.0, ge=0.0, le=100.0)
    """Factor of how far the pitch moves; what is done is within 0 to 2."""
    volume_scale: float = Field(1.0, ge=0.0, le=100.0)
    """Factor of the loudness; what is done is within 0 to 2."""
    pre_phoneme_length: Seconds = 0.1
    """Silence before it."""
    post_phoneme_length: Seconds = 0.1
    """Silence after it."""
    pause_length: Seconds | None = None
    """Length of all pauses, instead of their own."""
    pause_length_scale: float = Field(1.0, ge=0.0, le=100.0)
    """Factor of all pauses."""


class AudioQuery(Manners):
    """A text, ready to be spoken."""

    accent_phrases: tuple[AccentPhrase, ...] = Field(alias="accent_phrases", max_length=MAX_PHRASES)
    """What is spoken."""
    output_sampling_rate: int = Field(44_100, ge=8000, le=192_000)
    """In Hz; more than 48000 is 48000."""
    output_stereo: bool = False
    """Whether it has two channels, which are the same."""
    kana: str | None = Field(None, max_length=100_000)
    """How the text is read; only told, not asked for."""


class AudioQueries(
    RootModel[Annotated[tuple[AudioQuery, ...], Field(min_length=1, max_length=1000)]]
):
    """Queries to be spoken one by one."""


class Waves(RootModel[Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]]):
    """WAV files in base64."""


class Preset(Manners):
    """A style of a voice, and how it is spoken."""

    id: int = Field(ge=-(2**31), lt=2**31)
    """Its number; a new one is given to it if it is negative or taken."""
    name: str = Field(max_length=200)
    """For people."""
    speaker_uuid: str = Field(alias="speaker_uuid", max_length=100)
    """Whose style it is."""
    style_id: int = Field(alias="style_id", ge=0, lt=2**31)
    """The style."""


class UserDictWord(BaseModel):
    """A word of the user dictionary."""

    surface: str
    priority: int
    context_id: int = 1348
    part_of_speech: str = "名詞"
    part_of_speech_detail_1: str = "固有名詞"
    part_of_speech_detail_2: str = "一般"
    part_of_speech_detail_3: str = "*"
    inflectional_type: str = "*"
    inflectional_form: str = "*"
    stem: str = "*"
    yomi: str
    pronunciation: str
    accent_type: int
    mora_count: int
    accent_associative_rule: str = "*"


class KanaProblem(BaseModel):
    """What is wrong with a reading in kana."""

    text: str
    error_name: str
    error_args: dict[str, str]


class Style(BaseModel):
    """A style of a voice."""

    name: str
    id: int
    type: Literal["talk"] = "talk"


class SpeakerFeatures(BaseModel):
    """What may be done with a voice."""

    permitted_synthesis_morphing: Literal["NOTHING"] = "NOTHING"


class SpeakerInfoStyle(BaseModel):
    """What is to be seen and heard of a style."""

    id: int
    icon: str
    portrait: str | None = None
    voice_samples: tuple[str, ...] = ()


class SpeakerInfo(BaseModel):
    """What is to be seen and heard of a voice, and who may use it for what."""

    policy: str
    portrait: str
    style_infos: tuple[SpeakerInfoStyle, ...]


class SpeakerOf(BaseModel):
    """A voice."""

    name: str
    speaker_uuid: str
    styles: tuple[Style, ...]
    version: str
    supported_features: SpeakerFeatures = SpeakerFeatures()
