"""The OpenAPI document, made of what handlers say of themselves."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiohttp import web
from pydantic.json_schema import models_json_schema

from wyoming_hayakoe import __version__
from wyoming_hayakoe.http.access import is_open, open_to_all
from wyoming_hayakoe.http.documented import documentation_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from wyoming_hayakoe.http.documented import Content, Documentation

Json: TypeAlias = dict[str, Any]


class ApiDocument:
    """The document of an application, made when somebody asks for it.

    Args:
        app: With all its routes.
    """

    def __init__(self, app: web.Application) -> None:
        self._app = app

    @cached_property
    def content(self) -> Json:
        """The document."""
        return build_document(self._app)


DOCUMENT: Final = web.AppKey("openapi", ApiDocument)

_REFERENCES: Final = "#/components/schemas/{model}"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_ERRORS: Final = {
    400: "The request cannot be understood",
    401: "A key is needed",
    403: "Whoever asks may not",
    404: "There is nothing of this name",
    408: "The request did not come whole in time",
    409: "It cannot be done in the state that things are in",
    413: "It is too much",
    415: "The body is of another type than is asked for",
    422: "A field is wrong; the message says which and what is allowed",
    429: "Too many requests; `Retry-After` says when to ask again",
    500: "Speaking failed",
    502: "The publisher of a voice gives none",
    503: "There is too much to do; `Retry-After` says when to ask again",
    504: "It took too long",
}
_ERROR_SCHEMA: Final[Json] = {
    "type": "object",
    "description": "What went wrong; compatible interfaces have the shape of what they are "
    "compatible with.",
}


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.get("/openapi.json", document)]


@open_to_all
async def document(request: web.Request) -> web.Response:
    """The document."""
    return web.json_response(request.app[DOCUMENT].content)


def build_document(app: web.Application) -> Json:
    """The document for all documented routes of an application."""
    documented = list(_documented(app))
    models = {
        content
        for _, _, documentation, _ in documented
        for content in (documentation.body, documentation.query, *documentation.responses.values())
        if isinstance(content, type)
    }
    ordered = sorted(models, key=lambda model: (model.__name__, model.__module__))
    references, definitions = models_json_schema(
        [(model, "validation") for model in ordered], ref_template=_REFERENCES
    )
    schemas = {model: references[model, "validation"] for model in ordered}
    components: Json = definitions.get("$defs", {})
    paths: dict[str, Json] = {}
    for path, method, documentation, needs_key in documented:
        paths.setdefault(path, {})[method] = _operation(
            path, documentation, schemas, components, needs_key=needs_key
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hayakoe",
            "version": __version__,
            "description": "日本語の音声合成: Japanese text to speech.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for _, _, one, _ in documented)],
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": _ERROR_SCHEMA},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _documented(app: web.Application) -> Iterator[tuple[str, str, Documentation, bool]]:
    """Path, method and documentation of each route, and whether it may need a key."""
    for route in app.router.routes():
        documentation = documentation_of(route.handler)
        if documentation is None or route.method == "HEAD" or route.resource is None:
            continue
        path = route.resource.canonical
        yield path, route.method.lower(), documentation, not is_open(route.handler)


def _operation(
    path: str,
    documentation: Documentation,
    schemas: Mapping[type[BaseModel], Json],
    components: Json,
    *,
    needs_key: bool,
) -> Json:
    operation: Json = {"summary": documentation.summary, "tags": [documentation.tag]}
    if documentation.description:
        operation["description"] = documentation.description
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]
    if documentation.query is not None:
        parameters += _query(documentation.query, schemas, components)
    if parameters:
        operation["parameters"] = parameters
    if documentation.body is not None:
        content = _content(documentation.body, schemas)
        operation["requestBody"] = {"required": True, "content": content}
    if needs_key:
        operation["security"] = [{}, {"bearer": []}, {"header": []}]
    operation["responses"] = _responses(documentation, schemas)
    return operation


def _query(
    model: type[BaseModel], schemas: Mapping[type[BaseModel], Json], components: Json
) -> Iterator[Json]:
    schema = components[schemas[model]["$ref"].rpartition("/")[2]]
    for name, value in schema.get("properties", {}).items():
        parameter: Json = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": without_null(value),
        }
        if "description" in value:
            parameter["description"] = value["description"]
        yield parameter


def without_null(schema: Json) -> Json:
    """What an address can say: it has no null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**rest, **kinds[0]}


def _content(content: Content, schemas: Mapping[type[BaseModel], Json]) -> Json:
    if isinstance(content, type):
        return {"application/json": {"schema": schemas[content]}}
    return {media_type: {} for media_type in (content or "").split(", ")}


def _responses(
    documentation: Documentation, schemas: Mapping[type[BaseModel], Json]
) -> dict[str, Json]:
    error = {"application/json": {"schema": {"$ref": _REFERENCES.format(model="Error")}}}
    responses: dict[str, Json] = {
        str(status): {"description": text, "content": error} for status, text in _ERRORS.items()
    }
    for status, content in documentation.responses.items():
        described: Json = {"description": "Done" if status < 400 else "Not now"}
        if content is not None:
            described["content"] = _content(content, schemas)
            if documentation.is_list and isinstance(content, type):
                schema = {"type": "array", "items": schemas[content]}
                described["content"] = {"application/json": {"schema": schema}}
        responses[str(status)] = described
    return dict(sorted(responses.items()))
