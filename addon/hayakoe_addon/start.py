"""The container's entry point: from options to a running server.

It becomes the server, so that stop signals reach it and its end is the container's. In the add-on
it starts as root, because only root may write to the folders that the Supervisor makes; it gives
them to a user without rights, and goes on as that one.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from hayakoe_addon.discovery import SUPERVISOR, announce
from hayakoe_addon.folders import Folders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LOG = logging.getLogger(__name__)

USER_ID: Final = 10001
"""Of the user without rights; the image has an entry for it."""

_PROGRAM: Final = (sys.executable, "-P", "-m", "wyoming_hayakoe")
"""Not by its name: by that one, people who are in the container call this entry point."""
_TOKENS: Final = ("SUPERVISOR_TOKEN", "HASSIO_TOKEN")
_TEMPORARY: Final = "/tmp"  # noqa: S108 - where Python puts temporary files


def main(
    arguments: Sequence[str] = (),
    *,
    folders: Folders | None = None,
    supervisor: str = SUPERVISOR,
) -> NoReturn:
    """Become the program.

    Args:
        arguments: Of its command line; none are those of the server.
        folders: Where things are, if not where the image has them.
        supervisor: Address of the Supervisor.
    """
    folders = folders or Folders()
    environment = dict(os.environ)  # noqa: TID251 - this is where the container's comes in
    token = next((environment[name] for name in _TOKENS if environment.get(name)), None)
    for name in _TOKENS:
        environment.pop(name, None)
    if os.geteuid() == 0:
        _give_up_root(folders)
        environment["HOME"] = str(folders.data)
    if not os.access(_TEMPORARY, os.W_OK):  # the disk is read-only
        environment.setdefault("TMPDIR", str(folders.run))
    serves = not arguments or arguments[0] == "serve"
    if serves:
        _set_up_logging()
        if token is not None:
            _run_aside(partial(announce, token, supervisor=supervisor))
    if not serves and os.access(folders.settings, os.R_OK):
        environment["HAYAKOE_CONFIG"] = str(folders.settings)  # of the server beside it
    else:
        environment |= _prepare(folders, environment)
    sys.stderr.flush()
    os.execve(_PROGRAM[0], [*_PROGRAM, *(arguments or ["serve"])], environment)  # noqa: S606


def _prepare(folders: Folders, environment: Mapping[str, str]) -> dict[str, str]:
    """Set the program up; returns what its environment needs."""
    # Late, because discovery, which has been started by now, does without all of this.
    from hayakoe_addon import options, words  # noqa: PLC0415

    if folders.options.exists():
        entered = options.read_options(folders.options)
        words.take_words(options.words_of(entered), folders.dictionary, folders.data)
        settings = options.settings_of(entered, folders)
        settings["cache"] = str(_fill(folders.cache, folders))
    else:
        own = _own_settings(environment)
        if own is None:
            return {}
        settings = own
        cache = environment.get("HAYAKOE_CACHE") or settings.get("cache")
        filled = _fill(Path(cache) if isinstance(cache, str) else folders.cache, folders)
        settings.setdefault("cache", str(filled))
        settings.setdefault("dictionary", str(folders.data / "dictionary.yaml"))
        voices = settings.get("voices") or {}
        if isinstance(voices, dict):
            settings["voices"] = options.baked_settings(folders) | voices
    _write_private(folders.settings, settings)
    return {"HAYAKOE_CONFIG": str(folders.settings)}


def _own_settings(environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What the user's configuration file says; None if it is wrong, as the server will tell."""
    file = environment.get("HAYAKOE_CONFIG")
    if not file:
        return {}
    try:
        settings = yaml.safe_load(Path(file).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if settings is None:
        return {}
    return settings if isinstance(settings, dict) else None


def _fill(cache: Path, folders: Folders) -> Path:
    """Give the cache what the image has; returns what the server is to use."""
    from hayakoe_addon.baked import link_baked  # noqa: PLC0415

    try:
        cache.mkdir(parents=True, exist_ok=True)
        link_baked(folders.baked, cache)
    except OSError as error:
        # Nothing is kept then, but what is part of the image speaks all the same.
        _LOG.info("%s cannot be written, so nothing is kept there: %s", cache, error.strerror)
        return folders.baked
    return cache


def _write_private(file: Path, settings: dict[str, Any]) -> None:
    """Write the settings so that only the server reads them; tokens are among them."""
    with suppress(FileNotFoundError):
        file.unlink()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        yaml.safe_dump(settings, opened, allow_unicode=True, sort_keys=False)


def _give_up_root(folders: Folders) -> None:
    """Give what is written to to the user without rights, and become that one."""
    with suppress(OSError):  # read-only; who writes there will say so
        folders.cache.mkdir(parents=True, exist_ok=True)
    for path in (folders.config, folders.data, *folders.data.rglob("*")):
        with suppress(OSError):
            if path.lstat().st_uid == 0:
                os.chown(path, USER_ID, USER_ID, follow_symlinks=False)
    with suppress(PermissionError):  # root without rights of its own, as after --cap-drop ALL
        os.setgroups([])
        os.setgid(USER_ID)
        os.setuid(USER_ID)


def _run_aside(task: Callable[[], object]) -> None:
    """Run something in a process of its own that nobody has to wait for.

    Its parent becomes process 1, not the server: the server would have to reap it.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            task()
    finally:
        os._exit(0)


def _set_up_logging() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
