"""The command line."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import ConfigError, HayakoeError, RequestError
from hayakoe_engine.options import RANGES
from wyoming_hayakoe import (
    __version__,
    cache_commands,
    commands,
    convert_command,
    dictionary_commands,
    prerender_command,
    published_voices,
    render_command,
)
from wyoming_hayakoe.commands import FAILED, INTERRUPTED, USAGE, complain

if TYPE_CHECKING:
    from collections.abc import Sequence


_EPILOG = """\
examples:
  wyoming-hayakoe serve                        speak for Home Assistant on port 10200
  wyoming-hayakoe say "お風呂が沸きました。"       speak through the loudspeaker
  wyoming-hayakoe say -o bath.wav < bath.txt   speak into a file
  wyoming-hayakoe read "室温は23.5度です。"      show how a text is read
  wyoming-hayakoe doctor                       find out why something does not work

settings come from, each overriding the one before: defaults, the YAML file given with --config
(or HAYAKOE_CONFIG), environment variables (HAYAKOE_WYOMING__URI=...), and flags. Every setting is
described in docs/configuration.md; `--set KEY=VALUE` sets any of them.
"""

_EXIT_STATUS: Final = """
exit status: 0 done, 1 it did not work, 2 a wrong argument or setting, 130 interrupted.
"""

_EXAMPLES: Final = {
    "serve": (
        "serve",
        "serve --config hayakoe.yaml",
        "serve --uri tcp://127.0.0.1:10200 --no-zeroconf",
    ),
    "say": (
        'say "お風呂が沸きました。"',
        'say -o bath.mp3 --speed 1.2 "お風呂が沸きました。"',
        "say -o - < bath.txt | aplay",
        'say -o cold.wav -- "-3度です。"    (-- comes before a text that begins with -)',
    ),
    "prerender": (
        'prerender "起きる時間です。"',
        'prerender --voice jvnv-F1-jp "起きる時間です。" "夕食ができました。"',
        "prerender --file announcements.txt",
    ),
    "render": (
        "render announcements.jsonl announcements",
        "render --config hayakoe.yaml --voice jvnv-F1-jp --format opus book.jsonl book",
        "render --cluster auto book.parquet /share/book",
    ),
    "read": ('read "今日は晴れです。"', 'read --details "今日は晴れです。"', "read < notes.txt"),
    "voices": ("voices", "voices --config hayakoe.yaml --json", "voices --available"),
    "dictionary": (
        'dictionary add "Home Assistant" ホームアシスタント --accent 7',
        'dictionary update "Home Assistant" --accent 6',
        "dictionary list",
        "dictionary import words.csv",
    ),
    "install": (
        "install jvnv-F1-jp",
        "install --config hayakoe.yaml",
        "install --config hayakoe.yaml --update",
    ),
    "cache": ("cache list", "cache verify --repair", "cache remove jvnv-F1-jp", "cache prune"),
    "convert": (
        "convert Hana_e100_s9000.safetensors voices/hana",
        "convert hana.safetensors voices/hana --config-json training/config.json",
        'convert hana.safetensors voices/hana --report hana.html --text "お風呂が沸きました。"',
    ),
    "publish": (
        "publish voices/hana hf://me/my-voices --licence 'CC BY 4.0' --credit Hana",
        "publish hana.aivmx s3://my-bucket/voices",
        "publish training /share/voices --name hana --yes",
    ),
    "bench": ("bench", "bench --config hayakoe.yaml --voice jvnv-F1-jp"),
    "doctor": ("doctor", "doctor --config hayakoe.yaml"),
}

_OPTION_HELP: Final = {
    "speed": "speaking rate, 1 is normal, larger is faster",
    "pitch_scale": "factor of the pitch, where the voice can",
    "intonation_scale": "scale of the pitch movement, where the voice can",
    "volume": "linear gain",
    "pause_scale": "scale of the pauses",
    "style_weight": "how strong the style is, 0 is the voice's mean",
    "sdp_ratio": "liveliness of a neural voice's rhythm",
    "noise": "liveliness of a neural voice's sound",
    "noise_w": "liveliness of what --sdp-ratio mixes in",
    "speaker_id": "number of the speaker, in a voice of several",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except HayakoeError as error:
        complain(str(error), error.hint)
        status = USAGE if isinstance(error, ConfigError | RequestError) else FAILED
    except UnicodeEncodeError as error:
        complain(f"standard output cannot take the text: {error}", "set PYTHONUTF8=1")
        status = FAILED
    except OSError as error:
        # A broken pipe is no trouble: whoever read our output has had enough.
        if not isinstance(error, BrokenPipeError):
            where = f"{error.filename}: " if error.filename else ""
            complain(where + (error.strerror or str(error)))
        status = FAILED
    _drop_unwritable_output()
    return status


def _drop_unwritable_output() -> None:
    """What could not be written would be tried again, and complained about, at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wyoming-hayakoe",
        description="Japanese text to speech for Home Assistant.",
        epilog=_EPILOG + _EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wyoming-hayakoe {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)

    serve = _add_command(
        subparsers,
        "serve",
        "run the Wyoming server",
        "Run the Wyoming server until SIGTERM or Ctrl-C; that is exit status 0.",
    )
    serve.add_argument(
        "--uri",
        help="where to listen: tcp://HOST:PORT, unix:///PATH or stdio:// "
        "(default tcp://0.0.0.0:10200; tcp://[::]:10200 is IPv6 as well)",
    )
    _add_voice(serve, "the default voice: for clients that ask for none")
    serve.add_argument(
        "--zeroconf",
        action=argparse.BooleanOptionalAction,
        help="announce the server so that Home Assistant finds it (default: yes)",
    )
    serve.add_argument("--zeroconf-name", metavar="NAME", help="name to announce it under")
    serve.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        help="least severity of what is logged on standard error (default: info)",
    )
    serve.add_argument(
        "--log-format", choices=("text", "json"), help="json is one object a line (default: text)"
    )
    serve.add_argument(
        "--cluster",
        metavar="auto|HOST:PORT",
        help="have neural voices speak on the Ray cluster of this machine, or on that one "
        "(see docs/cluster.md)",
    )
    _add_offline(serve)
    _add_settings(serve)
    serve.set_defaults(run=commands.run_serve)

    say = _add_command(
        subparsers,
        "say",
        "speak a text",
        "Speak a text through the loudspeaker or into a file. The text is an argument or comes\n"
        "from standard input.",
    )
    say.add_argument("text", nargs="?", help="what to say; standard input if absent or -")
    say.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write .wav, .flac, .ogg, .opus, .mp3 or .aac; - is a WAV stream on standard output",
    )
    _add_voice(say, "who speaks")
    for option, help_text in _OPTION_HELP.items():
        low, high = RANGES[option]
        say.add_argument(
            "--" + option.replace("_", "-"),
            type=int if option == "speaker_id" else float,
            metavar="N" if option == "speaker_id" else "X",
            help=f"{help_text} ({low:g} to {high:g})",
        )
    say.add_argument("--style", help="one of the voice's styles")
    say.add_argument("--ssml", action="store_true", help="the text is SSML (see docs/ssml.md)")
    _add_offline(say)
    _add_settings(say)
    say.set_defaults(run=commands.run_say)

    _add_prerender(subparsers)
    _add_render(subparsers)
    read = _add_command(
        subparsers,
        "read",
        "show how a text is read",
        "Print one katakana reading for each line of the text, an empty one where there is\n"
        "nothing to speak. The text is an argument or comes from standard input.",
    )
    read.add_argument("text", nargs="?", help="what to read; standard input if absent or -")
    read.add_argument(
        "--details", action="store_true", help="show words, their place in the text, and accents"
    )
    _add_settings(read)
    read.set_defaults(run=commands.run_read)

    voices = _add_command(subparsers, "voices", "list the voices", "List voices and presets.")
    voices.add_argument(
        "--available",
        action="store_true",
        help="list the neural voices that are known to be published, with their terms",
    )
    voices.add_argument("--json", action="store_true", help="as JSON")
    _add_offline(voices)
    _add_settings(voices)
    voices.set_defaults(run=commands.run_voices)

    dictionary = _add_command(
        subparsers,
        "dictionary",
        "say how words are read",
        "List and change the words of your own. A running server takes a change over within\n"
        "seconds. The format of the file is described in docs/dictionary.md.",
    )
    _add_settings(dictionary)
    dictionary_commands.add_parsers(dictionary)
    dictionary.set_defaults(run=commands.run_dictionary)

    _add_install(subparsers)
    _add_cache(subparsers)
    _add_convert(subparsers)
    _add_publish(subparsers)

    _add_bench(subparsers)
    doctor = _add_command(
        subparsers,
        "doctor",
        "check the installation",
        "Check the installation, the voices, the port and the network, and say what to do.\n"
        "Exits with 1 if something does not work.",
    )
    _add_settings(doctor)
    doctor.set_defaults(run=commands.run_doctor)
    return parser


def _add_prerender(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    prerender = _add_command(
        subparsers,
        "prerender",
        "make texts ahead",
        "Make the audio of texts ahead, so that a server with the same settings says them at\n"
        "once. Only neural voices need that. Each sentence is kept at least until it has been\n"
        "said once, also over restarts, as far as phrase_cache.disk_mb has place.",
    )
    prerender_command.add_arguments(prerender)
    _add_voice(prerender, "who will speak")
    _add_offline(prerender)
    _add_settings(prerender)
    prerender.set_defaults(run=commands.run_prerender)


def _add_bench(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    bench = _add_command(
        subparsers,
        "bench",
        "measure a voice on this machine",
        "Speak three texts several times, and say how soon and how fast, with how much memory,\n"
        "and what to expect of it. Let the machine do nothing else meanwhile.",
    )
    _add_voice(bench, "who is measured")
    bench.add_argument("--json", action="store_true", help="as JSON")
    _add_offline(bench)
    _add_settings(bench)
    bench.set_defaults(run=commands.run_bench)


def _add_publish(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    publish = _add_command(
        subparsers,
        "publish",
        "publish a neural voice",
        "Publish a neural voice: it is checked, converted if it is a checkpoint, and says a\n"
        "sentence; then it is uploaded with a model card, brought back, compared, and heard again.",
    )
    published_voices.add_publish_arguments(publish)
    _add_settings(publish)
    publish.set_defaults(run=commands.run_publish)


def _add_render(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    render = _add_command(
        subparsers,
        "render",
        "speak many texts into files",
        "Speak many texts into files. A line or row has `text` and, if you like, `id`, `voice`,\n"
        "`style`, `format`, `markup` and `options`. What has been rendered before stays, so a run\n"
        "that was broken off goes on. FOLDER/report.jsonl says what became of each text. Exits\n"
        "with 1 if one could not be spoken.",
    )
    render_command.add_arguments(render)
    _add_voice(render, "who speaks where a text does not say")
    _add_offline(render)
    _add_settings(render)
    render.set_defaults(run=commands.run_render)


def _add_install(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    install = _add_command(
        subparsers,
        "install",
        "make neural voices ready to speak",
        "Download the neural voices of the settings and make them ready to speak. This takes a\n"
        "minute or more for each, but only once; the server does it when it starts if it has not\n"
        "been done before.",
    )
    install.add_argument(
        "voices",
        nargs="*",
        metavar="VOICE",
        help="a voice of the settings, or one of `voices --available`; all of the settings if "
        "absent",
    )
    install.add_argument(
        "--update", action="store_true", help="download what has changed since the last time"
    )
    install.add_argument(
        "--without-published",
        action="store_true",
        help="keep what is made of the networks for the CPU, but not the networks as they were "
        "downloaded; a later version of the program may download them again",
    )
    _add_offline(install)
    _add_settings(install)
    install.set_defaults(run=commands.run_install)


def _add_cache(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cache = _add_command(
        subparsers,
        "cache",
        "look after downloaded voices",
        "List, verify and delete what has been downloaded. Voices that a server has opened go on\n"
        "speaking.",
    )
    _add_settings(cache)
    for action in cache_commands.add_parsers(cache):
        _add_settings(action, of_action=True)
    cache.set_defaults(run=commands.run_cache)


def _add_convert(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    convert = _add_command(
        subparsers,
        "convert",
        "make a neural voice of a checkpoint",
        "Make the folder of a neural voice from a trained Style-Bert-VITS2 JP-Extra checkpoint.\n"
        "Needs torch: pip install 'wyoming-hayakoe[torch]'.",
    )
    convert.add_argument(
        "checkpoint", type=Path, metavar="VOICE.safetensors", help="the trained voice"
    )
    convert.add_argument("folder", type=Path, metavar="FOLDER", help="what is made")
    convert.add_argument(
        "--config-json",
        type=Path,
        metavar="FILE",
        help="config.json of the training (default: beside the checkpoint)",
    )
    convert.add_argument(
        "--style-vectors",
        type=Path,
        metavar="FILE",
        help="style_vectors.npy (default: beside the checkpoint)",
    )
    convert_command.add_convert_arguments(convert)
    _add_offline(convert)
    _add_settings(convert)
    convert.set_defaults(run=commands.run_convert)


def _add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    description: str,
) -> argparse.ArgumentParser:
    examples = "".join(f"  wyoming-hayakoe {example}\n" for example in _EXAMPLES[name])
    return subparsers.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"examples:\n{examples}{_EXIT_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_voice(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--voice", metavar="NAME", help=f"{what} (see `wyoming-hayakoe voices`)")


def _add_offline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--offline",
        action="store_const",
        const=True,
        help="use no network: voices that are not on this machine are missing",
    )


def _add_settings(parser: argparse.ArgumentParser, *, of_action: bool = False) -> None:
    """Add what says where settings come from; what follows an action adds to what precedes it."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS if of_action else None,
        help="YAML file with settings; wins over HAYAKOE_CONFIG",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="action_assignments" if of_action else "assignments",
        help="any setting, for example wyoming.idle_close_s=60; may be repeated",
    )
