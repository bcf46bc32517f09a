"""What a voice can do on this machine."""

from __future__ import annotations

import json

from wyoming_hayakoe.bench_command import Result, lines
from wyoming_hayakoe.settings import load_settings
from wyoming_hayakoe.voices import Choice


def expectations(*, ttfa_ms=100, rtf=0.1, cpu_rtf=0.1):
    choice = Choice("mei", "メイ", None, None)
    results = [
        Result(text, audio_s, ttfa_ms, rtf, cpu_rtf, worst_gap_s=0.0)
        for text, audio_s in (("short", 2.0), ("medium", 8.0), ("long", 25.0))
    ]
    text = "\n".join(lines(choice, results, load_settings()))
    return text.partition("what to expect:\n")[2]


def test_it_measures_and_says_what_to_expect(run):
    status, out, err = run("bench", "--voice", "mei")
    assert (status, err) == (0, "")
    said = out.decode()
    assert said.startswith("voice mei, the median of 5 times each:\n")
    assert [line.split()[0] for line in said.splitlines()[2:5]] == ["short", "medium", "long"]
    assert "what to expect:\n  An announcement begins after " in said


def test_for_programs(run):
    status, out, _ = run("bench", "--json")
    assert status == 0
    said = json.loads(out)
    assert said["voice"] == "mei"
    assert [one["text"] for one in said["results"]] == ["short", "medium", "long"]
    assert all(one["audio_s"] > 1 for one in said["results"])
    assert said["peak_rss_mb"] >= said["rss_mb"] > 50


def test_a_fast_voice_does_not_stutter():
    said = expectations(rtf=0.25)
    assert "made 4.0 times as fast as it is said" in said
    assert "stutter; about" in said


def test_of_a_slow_voice_it_is_said_what_helps():
    said = expectations(rtf=2.0, ttfa_ms=2500)
    assert "To be said without a gap, a text of 25 s would have to be held 2" in said
    assert "`prerender`" in said
    assert "begins later than fallback.deadline_s (1.5 s)" in said


def test_a_voice_that_does_not_exist(run):
    status, _, err = run("bench", "--voice", "flute")
    assert status == 2
    assert "flute" in err
