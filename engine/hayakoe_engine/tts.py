"""The engine: the one object a program keeps."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from platformdirs import user_cache_path

from hayakoe_engine.cpus import available_cpus
from hayakoe_engine.errors import BadOption, VoiceNotFound
from hayakoe_engine.scheduler import MAX_STREAMS, Scheduler
from hayakoe_engine.sources.access import SourceAccess
from hayakoe_engine.sources.layout import (
    LANGUAGE_MODEL,
    TOKENIZER,
    language_model_sources,
    voice_prefix,
)
from hayakoe_engine.sources.source import DEFAULT_SOURCE, fetch_first, open_source
from hayakoe_engine.speaker import Speaker
from hayakoe_engine.text.text_options import TextOptions

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Mapping, Sequence

    from hayakoe_engine.sources.progress import FetchProgress
    from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary
    from hayakoe_engine.text.reading import Reader, Reading
    from hayakoe_engine.voices.sbv2.loader import PrecisionChoice, Sbv2Loader
    from hayakoe_engine.voices.voice import Voice

EMBEDDED_VOICE = "mei"
"""The voice that is always there."""

DEVICES: Final = ("cpu",)
PRECISIONS: Final = ("auto", "exact", "balanced", "fast")

WARM_UP_TEXT: Final = "はい。"


class TTS:
    """Text to speech with any number of voices.

    >>> with TTS().load("mei").prepare() as tts:
    ...     audio = tts.speakers["mei"].generate("お風呂が沸きました。")

    Args:
        device: What neural voices run on: "cpu".
        cache_dir: Folder for what is downloaded and for what is made of neural voices; None is the
            user's cache folder.
        bert_source: Where the language model of neural voices comes from; None is where the voice
            comes from, or else where the official voices are.
        hf_token: For private repositories of the Hugging Face hub; None is what the environment
            variable ``HF_TOKEN`` or a login on this machine gives.
        offline: Whether the network must not be used; what is not on this machine is then a
            ``SourceOffline``. It is not used anyway for what is.
        on_progress: Called while files of voices are downloaded, in the thread that does it.
        precision: Of neural voices: "exact", "balanced", "fast", or "auto" for what was found
            good enough for each voice when it was installed.
        memory_mb: Memory that open neural voices may take, about; those that were not used for
            longest are closed, and opened again when they are needed. None is no limit.
        threads: Worker threads; None is one per CPU that this process may use.
        max_utterances: Utterances at once; one more is a ``BusyError``.
        dictionary: File with words of the user's own (see ``dictionary``); None keeps them in
            memory only. It need not exist.
        text: What is done with URLs and emoji; None leaves both out.

    Raises:
        BadOption: The device or the precision is unknown.
    """

    def __init__(
        self,
        device: str = "cpu",
        *,
        cache_dir: str | os.PathLike[str] | None = None,
        bert_source: str | None = None,
        hf_token: str | None = None,
        offline: bool = False,
        on_progress: Callable[[FetchProgress], None] | None = None,
        precision: PrecisionChoice = "auto",
        memory_mb: int | None = None,
        threads: int | None = None,
        max_utterances: int = MAX_STREAMS,
        dictionary: str | os.PathLike[str] | None = None,
        text: TextOptions | None = None,
    ) -> None:
        _check_choice("device", device, DEVICES)
        _check_choice("precision", precision, PRECISIONS)
        self._threads = threads or available_cpus()
        self._scheduler = Scheduler(self._threads, max_utterances)
        self._lock = threading.Lock()
        self._registered: dict[str, str | Callable[[], Voice]] = {}
        self._voices: dict[str, Voice] = {}
        self._speakers = _Speakers()
        self._reader: Reader | None = None
        self._text_options = text or TextOptions()
        self._dictionary_path = None if dictionary is None else Path(dictionary)
        self._dictionary: UserDictionary | None = None
        self._bert_source = bert_source
        self._precision = precision
        self._max_bytes = None if memory_mb is None else memory_mb << 20
        self._cache = Path(cache_dir).expanduser() if cache_dir else user_cache_path("hayakoe")
        self._access = SourceAccess(
            self._cache, offline=offline, hf_token=hf_token, on_progress=on_progress
        )
        self._neural: Sbv2Loader | None = None

    def load(self, name: str, *, source: str | Callable[[], Voice] | None = None) -> Self:
        """Name a voice to be prepared; nothing is read yet.

        Args:
            name: What the voice is called from now on, and what its publisher calls it.
            source: Where it comes from, a URI (see ``open_source``) of a repository laid out as the
                official one, or of a local voice itself, its folder or AIVMX file; or what makes
                the voice. None is for the embedded voice and for the official ones.
        """
        if source is None:
            source = _embedded_voice if name == EMBEDDED_VOICE else DEFAULT_SOURCE
        with self._lock:
            self._registered[name] = source
        return self

    def unload(self, name: str) -> Self:
        """Forget a voice and free its memory; what it is speaking it speaks to the end.

        Raises:
            VoiceNotFound: There is no voice of this name.
        """
        with self._lock:
            if self._registered.pop(name, None) is None:
                raise VoiceNotFound(f"there is no voice {name!r} to unload")
            self._speakers.pop(name, None)
            voice = self._voices.pop(name, None)
        if voice is not None:
            voice.close()
        return self

    def prepare(self, *, warmup: bool = True) -> Self:
        """Make every named voice ready to speak that is not ready yet.

        The first time, a neural voice is installed, which takes a minute or more. May be called
        again: after more ``load``, from other threads, and after it failed. Voices that can be
        made are, even if another one fails.

        Args:
            warmup: Whether every neural voice says a word to nobody, so that its first sentence is
                as fast as its tenth.

        Raises:
            VoiceError: A voice could not be made.
            SourceError: Its files cannot be had.
        """
        failure: Exception | None = None
        with self._lock:
            reader = self._load_reader()
            for name, source in self._registered.items():
                if name in self._speakers:
                    continue
                try:
                    voice = (
                        source()
                        if callable(source)
                        else self._neural_voice(name, source, self._access)
                    )
                    speaker = Speaker(
                        voice, reader, self._scheduler, self._text_options, self._voices
                    )
                    if warmup and not callable(source):
                        speaker.generate(WARM_UP_TEXT)
                except Exception as error:  # noqa: BLE001 - raised below, after the other voices
                    failure = failure or error
                    continue
                self._voices[name] = voice
                self._speakers[name] = speaker
        if failure is not None:
            raise failure
        return self

    def pre_download(
        self,
        device: str = "cpu",
        *,
        names: Collection[str] | None = None,
        update: bool = False,
    ) -> Self:
        """Fetch and install voices, so that nothing is left to do but to open them.

        Afterwards ``prepare`` needs no network, and not the packages that installing needs. Voices
        that can be had are, even if another one fails.

        Args:
            device: What the voices will run on, which decides what is fetched. The device itself is
                not needed.
            names: Of the voices; None is all that are loaded.
            update: Whether what is here already is compared with what its source has now.

        Raises:
            BadOption: The device is unknown.
            SourceError: Files of a voice cannot be had.
            VoiceError: They are not a voice.
        """
        _check_choice("device", device, DEVICES)
        access = replace(self._access, update=update)
        failure: Exception | None = None
        with self._lock:
            self._load_neural()
            sources = {
                name: source
                for name, source in self._registered.items()
                if isinstance(source, str) and (names is None or name in names)
            }
        for name, source in sources.items():
            try:
                self._neural_voice(name, source, access).close()
            except Exception as error:  # noqa: BLE001 - raised below, after the other voices
                failure = failure or error
        if failure is not None:
            raise failure
        return self

    @property
    def speakers(self) -> Mapping[str, Speaker]:
        """The prepared voices by name; an unknown name is a ``VoiceNotFound``."""
        return self._speakers

    @property
    def dictionary(self) -> UserDictionary:
        """Words of the user's own: add, list, change, import and export them.

        A change is written to the file and counts from the next sentence on.
        """
        with self._lock:
            return self._load_dictionary()

    def add_word(
        self, surface: str, reading: str, *, accent: int | None = None, priority: int = 8
    ) -> bool:
        """Say how a word is read; returns whether it was in the dictionary before.

        Args:
            surface: The word as it is written.
            reading: Katakana.
            accent: The mora after which the pitch falls; 0 if it does not, None if unknown.
            priority: 0 to 10; higher wins over longer words of the built-in dictionary.

        Raises:
            BadDictionaryEntry: The message says what is wrong.
            DictionaryUnavailable: It cannot be written; nothing is changed.
        """
        return self.dictionary.add(surface, reading, accent=accent, priority=priority)

    def read(self, text: str) -> list[Reading]:
        """How a text is read, sentence by sentence, without speaking it."""
        from hayakoe_engine.text.clean import Cleaner  # noqa: PLC0415
        from hayakoe_engine.text.split import split_sentences  # noqa: PLC0415

        with self._lock:
            reader = self._load_reader()
        cleaner = Cleaner(self._text_options)
        readings = reader.read_all(split_sentences(text), cleaner)
        return [reading for reading in readings if not reading.is_silent]

    @property
    def active_utterances(self) -> int:
        """Utterances that are neither finished nor closed."""
        return self._scheduler.active_streams

    def close(self) -> None:
        """Break off what is being spoken and free everything; the second time does nothing."""
        self._scheduler.close()
        with self._lock:
            while self._voices:
                self._voices.popitem()[1].close()
            self._speakers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _neural_voice(self, name: str, source: str, access: SourceAccess) -> Voice:
        language_model = language_model_sources(source, self._bert_source)
        return self._load_neural().load(
            name,
            voice=open_source(source, access).fetch(voice_prefix(name)),
            bert=fetch_first(language_model, LANGUAGE_MODEL, access),
            tokenizer=fetch_first(language_model, TOKENIZER, access),
            source=source,
        )

    def _load_neural(self) -> Sbv2Loader:
        if self._neural is None:
            from hayakoe_engine.voices.sbv2.loader import Sbv2Loader  # noqa: PLC0415

            self._neural = Sbv2Loader(
                self._cache,
                threads=self._threads,
                precision=self._precision,
                max_bytes=self._max_bytes,
            )
        return self._neural

    def _load_reader(self) -> Reader:
        if self._reader is None:
            from hayakoe_engine.text.reading import Reader  # noqa: PLC0415

            self._reader = Reader(self._load_dictionary())
        return self._reader

    def _load_dictionary(self) -> UserDictionary:
        if self._dictionary is None:
            from hayakoe_engine.text.dictionary.user_dictionary import (  # noqa: PLC0415
                UserDictionary,
            )

            self._dictionary = UserDictionary(self._dictionary_path)
        return self._dictionary


class _Speakers(dict[str, Speaker]):
    def __missing__(self, name: str) -> Speaker:
        prepared = ", ".join(self) or "none; call prepare() first"
        raise VoiceNotFound(f"there is no voice {name!r}; prepared voices: {prepared}")


def _check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise BadOption(f"{what} must be one of {', '.join(choices)}, not {value!r}")


def _embedded_voice() -> Voice:
    from hayakoe_engine.voices.openjtalk import OpenJTalkVoice  # noqa: PLC0415

    return OpenJTalkVoice()
