"""The engine: the one object a program keeps."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.errors import BadOption, BusyError
from hayakoe_engine.neural_voices import (
    DEVICES,
    PRECISIONS,
    NeuralVoices,
    default_threads,
    resolve_device,
)
from hayakoe_engine.once import Once
from hayakoe_engine.roster import Roster
from hayakoe_engine.scheduler import MAX_STREAMS, Scheduler
from hayakoe_engine.shelf import Shelf
from hayakoe_engine.sources.access import SourceAccess, default_cache
from hayakoe_engine.sources.source import DEFAULT_SOURCE
from hayakoe_engine.speaker import Speaker
from hayakoe_engine.text.text_options import TextOptions
from hayakoe_engine.voices.sbv2.installed import TUNED
from hayakoe_engine.voices.sbv2.phrase_cache import PHRASE_BYTES, PhraseCache, PhraseCacheFigures

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from hayakoe_engine.roster import Origin
    from hayakoe_engine.sources.progress import FetchProgress
    from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary
    from hayakoe_engine.text.reading import AccentPhrase, Reader, Reading
    from hayakoe_engine.voices.sbv2.loader import PrecisionChoice
    from hayakoe_engine.voices.voice import Voice

EMBEDDED_VOICE = "mei"
"""The voice that is always there."""

WARM_UP_TEXT: Final = "はい。"


class TTS:
    """Text to speech with any number of voices. May be used from many threads at once.

    >>> with TTS().load("mei").prepare() as tts:
    ...     audio = tts.speakers["mei"].generate("お風呂が沸きました。")

    Args:
        device: What neural voices run on: "cpu", "cuda", or "auto" for a GPU where there is one.
            "torch-cpu" is what runs on a GPU, on the CPU, slowly, to be tested or debugged.
        cache_dir: Folder for what is downloaded and for what is made of neural voices; None is
            what the environment variable ``HAYAKOE_CACHE`` says, or the user's cache folder.
        tuned_dir: Folder for copies of neural voices made for this machine, for when the cache
            cannot be written; None is in the cache. If this cannot be written either there are
            none, and voices take longer to open and more memory.
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
        compiled: Whether torch compiles neural voices when they are opened, which takes minutes;
            for "cuda" only.
        phrase_cache_mb: Memory for sentences that neural voices have said, to say them again.
        phrase_store_mb: The same on the disk, for the next start and for other processes; 0 is
            none. Sentences from there have the same 16-bit PCM, not the same float32 samples.
        phrase_dir: Folder for that; None is in the cache.

    Raises:
        BadOption: The device or the precision is unknown.
    """

    def __init__(
        self,
        device: str = "cpu",
        *,
        cache_dir: str | os.PathLike[str] | None = None,
        tuned_dir: str | os.PathLike[str] | None = None,
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
        compiled: bool = False,
        phrase_cache_mb: int = PHRASE_BYTES >> 20,
        phrase_store_mb: int = 0,
        phrase_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        _check_choice("device", device, DEVICES)
        _check_choice("precision", precision, PRECISIONS)
        self._device = resolve_device(device)
        threads = threads or default_threads(self._device)
        self._scheduler = Scheduler(threads, max_utterances)
        self._text_options = text or TextOptions()
        cache = Path(cache_dir).expanduser() if cache_dir else default_cache()
        self._access = SourceAccess(
            cache, offline=offline, hf_token=hf_token, on_progress=on_progress
        )
        self._dictionary = Once(
            partial(_open_dictionary, None if dictionary is None else Path(dictionary))
        )
        self._reader = Once(self._make_reader)
        store = None
        if phrase_store_mb:
            from hayakoe_engine.voices.phrase_store import PhraseStore  # noqa: PLC0415

            folder = Path(phrase_dir).expanduser() if phrase_dir else cache / "phrases"
            store = PhraseStore(folder, phrase_store_mb << 20)
        self._phrases = PhraseCache(phrase_cache_mb << 20, store)
        self._neural = NeuralVoices(
            self._device,
            self._access,
            bert_source=bert_source,
            tuned=Path(tuned_dir).expanduser() if tuned_dir else cache / TUNED,
            threads=threads,
            precision=precision,
            max_bytes=None if memory_mb is None else memory_mb << 20,
            phrases=self._phrases,
            compiled=compiled,
        )
        self._shelf = Shelf()
        self._roster = Roster(self._shelf, partial(self._speaker, self._shelf))

    def load(self, name: str, *, source: str | Callable[[], Voice] | None = None) -> Self:
        """Name a voice to be prepared; nothing is read yet.

        A voice of this name that is prepared already stays as it is until ``reload``.

        Args:
            name: What the voice is called from now on, and what its publisher calls it.
            source: Where it comes from, a URI (see ``open_source``) of a repository laid out as the
                official one, or of a local voice itself, its folder or AIVMX file; or what makes
                the voice. None is for the embedded voice and for the official ones.
        """
        if source is None:
            source = _embedded_voice if name == EMBEDDED_VOICE else DEFAULT_SOURCE
        self._roster.name(name, source)
        return self

    def unload(self, name: str) -> Self:
        """Forget a voice and free its memory; what it is speaking it speaks to the end.

        If it is being prepared, what comes of that is dropped.

        Raises:
            VoiceNotFound: There is no voice of this name.
        """
        self._roster.remove(name)
        return self

    def prepare(self, names: Collection[str] | None = None, *, warmup: bool = True) -> Self:
        """Make voices ready to speak that are not ready yet.

        The first time, a neural voice is installed, which takes a minute or more; meanwhile
        everything else can be used. May be called again: after more ``load``, from other threads,
        and after it failed. Voices that can be made are, even if another one fails.

        Args:
            names: Of the voices; None is all that are loaded.
            warmup: Whether every neural voice says a word to nobody, so that its first sentence is
                as fast as its tenth.

        Raises:
            VoiceNotFound: One of these voices has not been loaded.
            VoiceError: A voice could not be made.
            SourceError: Its files cannot be had.
            BusyError: The engine was closed before all voices were ready.
        """
        self._reader.begin()  # beside what speaks: each takes about half of the time
        make = partial(self._make_voice, warmup=warmup, update=False)
        _for_each(self._roster.origins(names), lambda name: self._roster.fill(name, make))
        return self

    def reload(self, name: str, *, update: bool = False, warmup: bool = True) -> Self:
        """Make a voice anew, of what is there now, and let it take the place of the one there is.

        Until then that one speaks, and what it is speaking it speaks to the end. It stays if no
        other can be made.

        Args:
            name: Of the voice; it need not be prepared.
            update: Whether its source is asked for what it has now. Otherwise what has been
                downloaded is used.
            warmup: As for ``prepare``.

        Raises:
            VoiceNotFound: There is no voice of this name.
            HayakoeError: As for ``prepare``.
        """
        self._roster.origins([name])
        self._reader.begin()  # beside what speaks: each takes about half of the time
        make = partial(self._make_voice, warmup=warmup, update=update)
        self._roster.fill(name, make, may_stay=False)
        return self

    def pre_download(
        self,
        device: str | None = None,
        *,
        names: Collection[str] | None = None,
        update: bool = False,
        keep_published: bool = True,
    ) -> Self:
        """Fetch and install voices, so that nothing is left to do but to open them.

        Afterwards ``prepare`` needs no network, and not the packages that installing needs. Voices
        that can be had are, even if another one fails.

        Args:
            device: What the voices will run on, which decides what is fetched; None is what they
                run on here. Without a GPU, the CPU gets ready what "cuda" needs.
            names: Of the voices; None is all that are loaded.
            update: Whether what is here already is compared with what its source has now.
            keep_published: Whether the networks stay in the cache as they were published, too.
                Nothing that runs on the CPU needs them again, until a later version of this program
                installs voices in another way and fetches them once more.

        Raises:
            BadOption: The device is unknown, or needs what is not to be kept.
            VoiceNotFound: One of these voices has not been loaded.
            SourceError: Files of a voice cannot be had.
            VoiceError: They are not a voice.
        """
        _check_choice("device", device or self._device, DEVICES)
        origins = self._roster.origins(names)
        sources = {name: origin for name, origin in origins.items() if isinstance(origin, str)}
        install = partial(
            self._neural.install, device=device, update=update, keep_published=keep_published
        )
        _for_each(sources, lambda name: install(name, sources[name]))
        return self

    @property
    def speakers(self) -> Mapping[str, Speaker]:
        """The voices that are prepared now, by name; an unknown name is a ``VoiceNotFound``.

        The mapping does not change any more. A ``Speaker`` speaks with whatever voice has its name.
        """
        return self._roster.speakers

    @property
    def dictionary(self) -> UserDictionary:
        """Words of the user's own: add, list, change, import and export them.

        A change is written to the file and counts from the next sentence on.
        """
        return self._dictionary.get()

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

        cleaner = Cleaner(self._text_options)
        readings = self._reader.get().read_all(split_sentences(text), cleaner)
        return [reading for reading in readings if not reading.is_silent]

    def read_phrases(
        self,
        phrases: Sequence[AccentPhrase],
        *,
        devoiced: Collection[int] = (),
        is_question: bool = False,
    ) -> Reading:
        """Take accent phrases as a reading; ``Utterance.say`` speaks it.

        Args:
            phrases: At least one.
            devoiced: Numbers of the moras whose vowel is whispered, from 0, all phrases together.
            is_question: Whether it is asked.
        """
        return self._reader.get().read_phrases(phrases, devoiced=devoiced, is_question=is_question)

    @property
    def device(self) -> str:
        """What neural voices run on; never "auto"."""
        return self._device

    @property
    def active_utterances(self) -> int:
        """Utterances that are neither finished nor closed."""
        return self._scheduler.active_streams

    @property
    def phrases(self) -> PhraseCache:
        """What remembers sentences; voices that are made elsewhere may use it, too."""
        return self._phrases

    @property
    def phrase_cache(self) -> PhraseCacheFigures:
        """What has become of the sentences that were to be said again."""
        return self._phrases.figures

    def close(self) -> None:
        """Break off what is being spoken and free everything; the second time does nothing.

        A ``prepare`` in another thread ends with a ``BusyError``: at once if it is downloading,
        otherwise when its voice is made.
        """
        self._access.stop.set()
        self._scheduler.close()
        self._roster.close()
        self._neural.close()
        self._phrases.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_voice(self, name: str, origin: Origin, *, warmup: bool, update: bool) -> Voice:
        voice = origin() if callable(origin) else self._neural.open(name, origin, update=update)
        try:
            self._reader.get()
            if warmup and not callable(origin):
                self._warm_up(name, voice)
        except BaseException:
            voice.close()
            raise
        return voice

    def _warm_up(self, name: str, voice: Voice) -> None:
        shelf = Shelf()
        shelf.put(name, voice)
        with suppress(BusyError):  # then it is warm when somebody has used it
            self._speaker(shelf, name).generate(WARM_UP_TEXT, remember="no")

    def _speaker(self, shelf: Shelf, name: str) -> Speaker:
        return Speaker(
            name, shelf, self._reader.get(), self._scheduler, self._text_options, self._phrases
        )

    def _make_reader(self) -> Reader:
        from hayakoe_engine.text.reading import Reader  # noqa: PLC0415

        return Reader(self._dictionary.get())


def _open_dictionary(path: Path | None) -> UserDictionary:
    from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary  # noqa: PLC0415

    return UserDictionary(path)


def _for_each(names: Iterable[str], action: Callable[[str], None]) -> None:
    """Do it for every name, even if it fails for another one; that failure is raised at the end."""
    failure: Exception | None = None
    for name in names:
        try:
            action(name)
        except Exception as error:  # noqa: BLE001 - raised below, after the other voices
            failure = failure or error
    if failure is not None:
        raise failure


def _check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise BadOption(f"{what} must be one of {', '.join(choices)}, not {value!r}")


def _embedded_voice() -> Voice:
    from hayakoe_engine.voices.openjtalk import OpenJTalkVoice  # noqa: PLC0415

    return OpenJTalkVoice()
