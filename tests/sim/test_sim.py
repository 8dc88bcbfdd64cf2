"""The simulator in short: schedules, scenarios, replays that do not differ, a few planted bugs, and
some schedules under the sanitizers. `make sim` is the long form."""
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import build  # noqa: E402
import planted  # noqa: E402

SCHEDULES = 2000
SCHEDULES_SANITIZED = 300
REPLAYED = 100
QUICK_PLANTS = ["ack_before_fsync", "compare_and_set_without_compare", "lost_lease", "two_changes",
                "vote_ignores_freshness"]
# Not every path is met in so few schedules; these are.
RARE = ["a conflicting suffix was cut", "a snapshot was installed", "a learner became a voter",
        "a crash between an output and its execution", "a crash tore a write",
        "a follower served a linearizable read", "a report under an old lease was refused",
        "a retried command was answered from the session", "a leader removed itself",
        "a change of members was cut off again", "an install was overtaken by appends",
        "a member that had stopped went on after its upgrade", "histories searched by Wing and Gong"]


def run(program, *args):
    return subprocess.run([program, *map(str, args)], capture_output=True, text=True, timeout=300)


class Simulation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = build.build()

    def test_schedules_keep_every_promise_and_meet_the_rare_paths(self):
        r = run(self.program, "--seeds", f"1..{SCHEDULES}", "--jobs", 2)
        self.assertEqual(r.returncode, 0, r.stdout[-600:] + r.stderr[-600:])
        for path in RARE:
            count = re.search(rf"^mark +{re.escape(path)} +(\d+)$", r.stdout, re.M)
            self.assertTrue(count and int(count[1]) > 0, f"never met: {path}")

    def test_scenarios(self):
        for scenario in sorted((HERE / "scenarios").glob("*.txt")):
            with self.subTest(scenario.stem):
                r = run(self.program, "--scenario", scenario)
                self.assertEqual(r.returncode, 0, r.stdout + r.stderr)

    def test_a_scenario_that_is_not_so_fails(self):
        path = build.BUILD / "wrong.txt"
        path.write_text("0 start 1\n0 start 2\n0 start 3\ncalm 3000\nvalue 0 7\n")
        r = run(self.program, "--scenario", path)
        self.assertEqual(r.returncode, 1)
        self.assertIn(":5:1: member 1 has 0", r.stdout)

    def trace_of(self, program):
        r = run(program, "--seeds", f"1..{REPLAYED}")
        self.assertEqual(r.returncode, 0, r.stdout[-600:])
        return re.search(r"^trace (\w+)$", r.stdout, re.M)[1]

    def test_a_seed_is_a_history(self):
        self.assertEqual(self.trace_of(self.program), self.trace_of(self.program))

    def test_compilers_agree(self):
        if not shutil.which("clang") or not shutil.which("gcc"):
            self.skipTest("needs gcc and clang")
        script = HERE / "build.py"
        traces = set()
        for compiler in ("gcc", "clang"):
            folder = build.BUILD / compiler
            env = dict(os.environ, CC=compiler, HL_SIM_DIR=str(folder), HL_SIM_CFLAGS="-w")
            subprocess.run([sys.executable, "-B", script], env=env, check=True, capture_output=True)
            traces.add(self.trace_of(folder / "hl-sim"))
        self.assertEqual(len(traces), 1)

    def test_a_trace_replays_as_a_scenario(self):
        path = build.BUILD / "replay.txt"
        path.write_text(run(self.program, "--seed", 7, "--trace").stdout)
        r = run(self.program, "--scenario", path)
        self.assertEqual(r.returncode, 0, r.stdout)

    def test_quick_plants_are_found(self):
        self.assertEqual(planted.main(QUICK_PLANTS), 0)

    def test_schedules_under_the_sanitizers(self):
        program = Path(os.environ.get("HL_BIN_DIR", "")) / "hl-sim"
        if not program.exists():
            self.skipTest("hl-sim is not built here")
        r = run(program, "--seeds", f"1..{SCHEDULES_SANITIZED}")
        self.assertEqual(r.returncode, 0, r.stdout[-600:] + r.stderr[-2000:])


if __name__ == "__main__":
    unittest.main()
