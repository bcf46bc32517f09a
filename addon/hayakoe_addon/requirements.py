"""Prints what pip is to install for the program: ``requirements.py [--only] EXTRA...``."""

import sys
import tomllib
from pathlib import Path

_PREFIX = "wyoming-hayakoe["

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
only, *extras = sys.argv[1:] if "--only" in sys.argv else ["", *sys.argv[1:]]
lines = [] if only else list(project["dependencies"])
while extras:
    for line in project["optional-dependencies"][extras.pop(0)]:
        if line.startswith(_PREFIX):  # an extra of extras
            extras += line.removeprefix(_PREFIX).rstrip("]").split(",")
        else:
            lines.append(line)
sys.stdout.write("\n".join(lines) + "\n")
