"""A page that shows the OpenAPI document to people; made here, so that it needs no script."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from aiohttp import web

from wyoming_hayakoe.http.access import open_to_all
from wyoming_hayakoe.http.openapi import DOCUMENT, without_null

if TYPE_CHECKING:
    from wyoming_hayakoe.http.openapi import Json

_STYLE: Final = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
details { border-bottom: 1px solid #8884; padding: 0.4rem 0; }
summary { cursor: pointer; }
code { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid #8884; padding: 0.2rem 0.5rem 0.2rem 0; text-align: left;
  vertical-align: top; }
"""


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.get("/docs", page), web.get("/docs.css", style)]


@open_to_all
async def page(request: web.Request) -> web.Response:
    """The page."""
    return web.Response(text=_page(request.app[DOCUMENT].content), content_type="text/html")


@open_to_all
async def style(_: web.Request) -> web.Response:
    """How it looks."""
    return web.Response(text=_STYLE, content_type="text/css")


def _page(document: Json) -> str:
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        "<title>Hayakoe – HTTP API</title><link rel=stylesheet href=docs.css><main>",
        "<h1>Hayakoe – HTTP API</h1>",
        f"<p>Version {html.escape(document['info']['version'])}. For programs: ",
        "<a href=openapi.json>openapi.json</a>.</p>",
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{html.escape(tag['name'])}</h2>")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    parts.append(_section(path, method, operation, document))
    return "".join(parts) + "</main></html>"


def _section(path: str, method: str, operation: Json, document: Json) -> str:
    parts = [
        f"<details><summary><code><b>{method.upper()}</b> {html.escape(path)}</code> ",
        f"{html.escape(operation['summary'])}</summary>",
        f"<p>{_prose(operation.get('description', ''))}</p>",
    ]
    rows = [
        (one["name"], one["schema"], one["required"], one.get("description", ""))
        for one in operation.get("parameters", [])
    ]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body: <code>{html.escape(media_type)}</code></p>")
        schema = _resolved(content.get("schema", {}), document)
        rows += [
            (name, value, name in schema.get("required", ()), value.get("description", ""))
            for name, value in schema.get("properties", {}).items()
        ]
    if rows:
        parts.append("<table><tr><th>Field<th>Value<th>Meaning</tr>")
        for name, schema, is_required, description in rows:
            mark = " *" if is_required else ""
            parts.append(
                f"<tr><td><code>{html.escape(name)}</code>{mark}"
                f"<td>{html.escape(_kind(schema, document))}<td>{_prose(description)}</tr>"
            )
        parts.append("</table>")
    answers = ", ".join(
        f"{status} {html.escape(next(iter(one.get('content', {})), ''))}"
        for status, one in operation["responses"].items()
        if int(status) < 400
    )
    return "".join(parts) + f"<p>Answer: {answers}</p></details>"


def _resolved(schema: Json, document: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Json = document["components"]["schemas"].get(name, schema)
    return found


def _kind(schema: Json, document: Json) -> str:
    """What a field may hold, in words."""
    schema = without_null(_resolved(schema, document))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "items" in schema:
        return f"list of {_kind(schema['items'], document)}"
    words = str(schema.get("type", "any"))
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        words += f", {low:g} to {high:g}"
    if "maxLength" in schema:
        words += f", at most {schema['maxLength']} characters"
    return words


def _prose(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
