"""A report on a voice as one page of HTML that needs nothing else, and asks nobody for anything."""

from __future__ import annotations

import base64
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.audio import Audio
from hayakoe_engine.voices.sbv2.agreement import log_mel_db
from hayakoe_engine.voices.sbv2.png import heat_map
from hayakoe_engine.voices.sbv2.rehearsal import GREATEST_LOG_MEL_DB, LEAST_SNR_DB
from hayakoe_engine.voices.sbv2.report import CHECKPOINT

if TYPE_CHECKING:
    from hayakoe_engine.voices.sbv2.agreement import Agreement
    from hayakoe_engine.voices.sbv2.report import QualityReport, Rendition

_RANGE_DB: Final = 80.0
"""What is quieter than the loudest by more is black."""

_MEANINGS: Final = {
    "exact": "the language model in 8 bits as published, all else in float32",
    "balanced": "the flow in 8 bits, too",
    "fast": "also the widest stages of the decoder",
}

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --good: #2a8a4a; --bad: #c0392b; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .5rem .8rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { display: block; opacity: .7; }
audio { width: 16rem; height: 2.2rem; vertical-align: middle; }
img { display: block; width: 100%; min-width: 16rem; height: 6rem; border-radius: 4px; }
.good { color: var(--good); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; }
.sentence th:nth-child(1) { width: 6rem; } .sentence th:nth-child(2) { width: 13rem; }
.sentence th:nth-child(3) { width: 17rem; }
"""


def quality_page(report: QualityReport) -> str:
    """The page."""
    sentences = "".join(
        f'<h2 lang="ja">{escape(text)}</h2>\n'
        '<div class="scroll"><table class="sentence">\n'
        "<tr><th>Version</th><th>Against the checkpoint</th><th>Listen</th>"
        "<th>Spectrogram</th></tr>\n"
        + "".join(_row(rendition, report.sample_rate_hz) for rendition in renditions)
        + "</table></div>\n"
        for text, renditions in report.sentences
    )
    name = escape(report.name)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'">
<title>Quality of {name}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Quality of {name}</h1>
<p>What the converted voice says in each precision, against what its checkpoint says in torch, with
the same noise. SNR is the power of the checkpoint's sound over that of the difference; the log-mel
distance is the root mean square difference of the spectrograms as one hears them. A precision is
good enough if its SNR is at least {LEAST_SNR_DB:g} dB and its distance at most
{GREATEST_LOG_MEL_DB:g} dB. Unless another is asked for, this voice speaks in
<strong>{escape(report.best)}</strong>, the fastest that the install step found good enough.</p>
{_summary(report)}
{sentences}</body>
</html>
"""


def _summary(report: QualityReport) -> str:
    rows = "".join(
        f"<tr><th>{version}</th><td>{_MEANINGS[version]}</td>"
        f"<td class=number>{_decibels(worst.snr_db)}</td>"
        f"<td class=number>{worst.log_mel_distance_db:.3f} dB</td></tr>\n"
        for version, worst in report.worst()
    )
    return (
        '<div class="scroll"><table>\n<tr><th>Precision</th><th>What it computes with</th>'
        f"<th>Lowest SNR</th><th>Greatest log-mel distance</th></tr>\n{rows}</table></div>"
    )


def _row(rendition: Rendition, rate_hz: int) -> str:
    audio = Audio(rendition.samples, rate_hz)
    player = (
        f'<audio controls preload="metadata" src="data:audio/wav;base64,'
        f'{base64.b64encode(audio.to_bytes()).decode()}"></audio>'
    )
    return (
        f"<tr><th>{escape(rendition.version)}</th>"
        f"<td class=number>{_verdict(rendition)}</td>"
        f"<td>{player}<small>{audio.duration_s:.2f} s</small></td>"
        f"<td>{_spectrogram(rendition, rate_hz)}</td></tr>\n"
    )


def _verdict(rendition: Rendition) -> str:
    found = rendition.agreement
    if rendition.version == CHECKPOINT:
        return "–"
    if found is None:
        return '<span class="bad">speaks at another pace</span>'
    kind = "good" if _is_good(found) else "bad"
    return (
        f'<span class="{kind}">SNR {_decibels(found.snr_db)}</span>'
        f"<small>log-mel distance {found.log_mel_distance_db:.3f} dB</small>"
    )


def _decibels(ratio_db: float) -> str:
    return f"{ratio_db:.1f} dB" if isfinite(ratio_db) else "∞ (the same)"


def _is_good(found: Agreement) -> bool:
    return found.snr_db >= LEAST_SNR_DB and found.log_mel_distance_db <= GREATEST_LOG_MEL_DB


def _spectrogram(rendition: Rendition, rate_hz: int) -> str:
    bands = log_mel_db(rendition.samples, rate_hz).T[::-1]
    loudest_db = float(np.max(bands))
    picture = base64.b64encode(heat_map(bands, loudest_db - _RANGE_DB, loudest_db)).decode()
    label = f"Spectrogram of {escape(rendition.version)}"
    return f'<img alt="{label}" src="data:image/png;base64,{picture}">'
