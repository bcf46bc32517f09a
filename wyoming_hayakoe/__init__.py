"""A Wyoming server that speaks Japanese."""

from importlib.metadata import version

__version__ = version("wyoming-hayakoe")
