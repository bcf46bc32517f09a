import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "wyoming.py"
FIGURES = [
    "cold start to first describe answered",
    "memory (VmRSS), ready",
    "memory, after 4 utterances",
    "memory, after 8 utterances",
    "memory growth from 4 to 8 utterances",
    "first audio, 20 characters",
    "first audio, 200 characters, one sentence",
    "... compared with 20 characters",
    "first audio, 200 characters, 8 sentences",
    "first audio, 200 characters, streamed text",
    "RTF, one client",
    "throughput, 1 client",
    "throughput, 2 clients",
    "throughput, 4 clients",
    "describe while 4 clients hear long texts",
    "time to make one window (engine alone)",
    "server idle again after a client is killed",
    "20 clients at once, half talk nonsense: the others",
    "... first audio of those served",
    "... end of speech of those served",
]


def test_the_wyoming_benchmark_finds_every_figure(tmp_path):
    result = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--quick", "--json", str(result)],
        capture_output=True,
        cwd=tmp_path,  # it must not depend on where it is started
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    written = json.loads(result.read_text(encoding="utf-8"))
    assert [figure["name"] for figure in written["figures"]] == FIGURES
    rows = done.stdout.splitlines()
    for name in FIGURES:
        assert any(row.startswith(name) for row in rows), name
    for line in written["machine"]:
        assert line in rows
