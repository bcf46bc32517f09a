"""Environments with one engine or server each, and how much disk they take."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

RIVAL: Final = "hayakoe==1.3.1"
PIPER: Final = "wyoming-piper==2.5.2"
NOT_IN_IMAGE: Final = frozenset({"sudachidict_core"})
"""What the container image leaves out of the packages."""

_PROJECT: Final = Path(__file__).resolve().parents[2]


def rival_environment(folder: Path) -> Path:
    """An environment with hayakoe and nothing else, made once; returns its interpreter."""
    return _environment_with(folder, RIVAL)


def piper_environment(folder: Path) -> Path:
    """An environment with wyoming-piper and nothing else, made once; returns its interpreter."""
    return _environment_with(folder, PIPER)


def own_environment(folder: Path) -> Path:
    """An environment with this project as it is now and nothing else; returns its interpreter."""
    target = folder / "wyoming-hayakoe"
    _install(target, str(_PROJECT), "--constraint", str(_PROJECT / "constraints.txt"))
    return _python(target)


def installed_bytes(python: Path, without: Container[str] = ()) -> int:
    """Size of all files of the packages of an environment.

    Args:
        python: Its interpreter.
        without: Folders that do not count.
    """
    base = str(python.parents[1])
    where = {"base": base, "platbase": base}
    schemes = (sysconfig.get_path(kind, "venv", where) for kind in ("purelib", "platlib"))
    return sum(
        path.lstat().st_size
        for folder in {Path(scheme).resolve() for scheme in schemes}
        for path in folder.rglob("*")
        if not path.is_dir() and path.relative_to(folder).parts[0] not in without
    )


def _environment_with(folder: Path, package: str) -> Path:
    """It runs on our versions of ONNX Runtime and NumPy."""
    target = folder / package.replace("==", "-")
    if not (target / "complete").exists():
        same = (f"{each}=={version(each)}" for each in ("onnxruntime", "numpy"))
        _install(target, package, *same)
        (target / "complete").touch()
    return _python(target)


def _install(target: Path, *arguments: str) -> None:
    print(f"installing into {target} ...", file=sys.stderr)
    # Without pip, so that nothing is there but the engine.
    venv.create(target, clear=True, with_pip=False)
    pip = (sys.executable, "-m", "pip", "--python", str(_python(target)))
    quiet = ("--quiet", "--disable-pip-version-check", "--no-warn-script-location")
    subprocess.run([*pip, "install", *quiet, *arguments], check=True, stdout=sys.stderr)


def _python(target: Path) -> Path:
    return target / "bin" / "python"
