import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "pacing.py"


def test_the_simulation_shows_every_machine_and_length(tmp_path):
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--texts", "2"],
        capture_output=True,
        cwd=tmp_path,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("A simulation: nothing is synthesised.")
    lines = done.stdout.splitlines()
    rows = lines[lines.index(next(line for line in lines if line.startswith("RTF  "))) + 1 :]
    assert len(rows) == 32
    assert all(row.count(" none") == 3 for row in rows[:8]), "fast machines have no gaps"
    slow = next(row for row in rows if row.startswith("2.6  Pi 4, estimate       2 s"))
    assert slow.count(" none") == 1, "held as long as needed there is none"
