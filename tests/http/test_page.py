"""The files of the page."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STATIC = files("wyoming_hayakoe.http") / "static"
NAMES = sorted(file.name for file in STATIC.iterdir())
AA = 4.5
"""Least contrast of text, by WCAG."""


async def test_everything_is_served_and_nothing_comes_from_elsewhere(serve):
    server = await serve(api_keys=["correct-horse-battery"])
    for name in NAMES:
        path = "/" if name == "index.html" else f"/static/{name}"
        async with server.client.get(path) as response:
            assert response.status == 200
            text = await response.text()
            policy = response.headers["Content-Security-Policy"]
        outside = set(re.findall(r"(?:https?:)?//[a-z][\w.-]+\.\w+", text))
        assert outside <= {"http://www.w3.org"}, "names of XML"
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


async def test_an_unchanged_file_is_not_sent_again(serve):
    server = await serve()
    async with server.client.get("/static/main.js") as response:
        etag = response.headers["ETag"]
        assert response.content_type == "text/javascript"
    async with server.client.get("/static/main.js", headers={"If-None-Match": etag}) as response:
        assert response.status == 304


@pytest.mark.parametrize("path", ["/static/", "/static/../page.py", "/static/%2e%2e/page.py"])
async def test_only_the_page_itself_is_served(serve, path):
    server = await serve()
    async with server.client.get(path) as response:
        assert response.status == 404


def test_the_policy_needs_no_exception():
    html = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", html)
    assert not re.search(r'(?:src|href)="/', html), "addresses are relative"


def test_every_text_is_there_in_both_languages():
    table = (STATIC / "texts.js").read_text("utf-8")
    entries = re.findall(r"^  (\w+): \{(.*?)\},?$", table, re.MULTILINE | re.DOTALL)
    known = {key for key, _ in entries}
    for key, languages in entries:
        assert re.search(r"\ben: \"", languages), key
        assert re.search(r"\bja: \"", languages), key
    html = (STATIC / "index.html").read_text("utf-8")
    code = "".join((STATIC / name).read_text("utf-8") for name in NAMES if name.endswith(".js"))
    used = set(re.findall(r'data-(?:text|label|title)="(\w+)"', html))
    used |= set(re.findall(r'\bsay\("(\w+)"', code))
    assert used <= known
    assert len(known) > 80


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("ink", "paper"),
        ("ink", "card"),
        ("ink", "field"),
        ("ink", "pitch-soft"),
        ("soft", "paper"),
        ("soft", "card"),
        ("accent", "card"),
        ("accent", "accent-soft"),
        ("accent-ink", "accent"),
        ("bad", "bad-soft"),
    ],
)
def test_text_can_be_told_from_its_ground(theme, ink, paper):
    css = (STATIC / "base.css").read_text("utf-8")
    colours = re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css)
    half = len(colours) // 2
    palette = dict(colours[theme * half : (theme + 1) * half])
    lighter, darker = sorted((luminance(palette[ink]), luminance(palette[paper])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= AA


def luminance(colour):
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
