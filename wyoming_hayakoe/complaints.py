"""What is said about settings that are wrong."""

from __future__ import annotations

import difflib
import reprlib
from typing import TYPE_CHECKING, Final, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

_EXPECTED: Final = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a group of settings",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "model_type": "must be a group of settings",
    "string_type": "must be text",
}
"""What pydantic's error types mean to people."""

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 200


def explain(error: ErrorDetails, tree: type[BaseModel]) -> str:
    """One line about a value that is wrong in a tree of settings."""
    is_name = error["loc"][-1:] == ("[key]",)
    *parents, name = (str(part) for part in error["loc"] if part != "[key]")
    key = ".".join([*parents, name])
    kind = error["type"]
    if kind == "extra_forbidden":
        return no_such_setting(name, _fields_of(parents, tree), parents)
    if kind == "missing":
        return f"{key}: this setting is required"
    if kind == "value_error":
        return f"{key}: {error['msg'].removeprefix('Value error, ')}"
    if is_name:
        return (
            f"{key}: a {parents[0].removesuffix('s')}'s name has 1 to 64 letters a-z, digits, "
            "'_', '.' and '-', and begins with a letter or a digit; a number must be in quotes"
        )
    message = _EXPECTED.get(kind)
    if message is None:
        message = error["msg"].removeprefix("Input ").removeprefix("String ")
        message = message.replace("should", "must", 1)
    return f"{key}: {message}, not {_show(error['input'])}"


def no_such_setting(name: str, fields: Mapping[str, object], parents: Iterable[str] = ()) -> str:
    """One line about a key that does not exist, with those that do."""
    close = difflib.get_close_matches(name, fields, 1)
    guess = f"did you mean {close[0]!r}? The" if close else "the"
    return (
        f"{'.'.join([*parents, name])}: there is no such setting; {guess} settings here are "
        + ", ".join(fields)
    )


def _show(value: object) -> str:
    return "empty" if value is None else _SHORT.repr(value)


def _fields_of(parents: list[str], tree: type[BaseModel]) -> Mapping[str, object]:
    """The settings of a group; where its name is one that people choose, those of every one."""
    model = tree
    for parent in parents:
        field = model.model_fields.get(parent)
        if field is not None:
            kinds = (field.annotation, *get_args(field.annotation))
            model = next(
                (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)),
                model,
            )
    return model.model_fields
