"""Give a target bytes that atheris thinks up; ends at the first that it does not survive."""

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent

with atheris.instrument_imports(include=["hayakoe_engine", "wyoming_hayakoe"]):
    import targets


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in targets.TARGETS:
        sys.exit(f"usage: script/fuzz TARGET; the targets are {', '.join(targets.TARGETS)}")
    name = sys.argv.pop(1)
    corpus = HERE / "corpus" / name
    atheris.Setup([*sys.argv, str(corpus)], lambda data: targets.survive(name, data))
    atheris.Fuzz()


main()
