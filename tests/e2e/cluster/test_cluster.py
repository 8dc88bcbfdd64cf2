"""Rounds of random faults on three real coordinators, under clients whose history is judged at the end.

    HL_ROUNDS=300 tests/e2e/cluster/test_cluster.py      (12 in the suite; HL_SEED repeats a course of faults)

Checked: no acknowledged write is lost and the history is linearizable; after kill -9 of the leader there is a new one within
two seconds at p99; a disk whose every flush takes 200 ms, and one that stalls for 5 s, cause no election; every fault heals."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lab import Lab, enter  # noqa: E402

SOURCE = Path(os.environ.get("HL_SOURCE_DIR", Path(__file__).resolve().parents[3]))
BIN = Path(os.environ.get("HL_BIN_DIR", SOURCE / "build/dev/bin"))
TESTS = BIN.parent / "tests"
ROUNDS = int(os.environ.get("HL_ROUNDS", "12"))
SEED = int(os.environ.get("HL_SEED", "0")) or random.randrange(1, 1 << 30)
CLIENTS = 8
SANITIZER = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "assertion failed")


class Cluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hl-cluster-")
        cls.lab = Lab(cls.folder + "/mesh", BIN, TESTS / "libcluster-faults.so")
        cls.lab.create(fleet_source=None)
        for name in cls.lab.coordinator_names:
            cls.lab.start_coordinator(name)
        cls.lab.wait(cls.lab.is_whole, 20, "three coordinators")

    @classmethod
    def tearDownClass(cls):
        cls.lab.heal()
        for name in cls.lab.coordinator_names:
            cls.lab.thaw(name)
        cls.lab.stop()
        findings = [f"{n}: {line}" for n in cls.lab.coordinator_names for line in cls.lab.log(n).splitlines() if any(s in line for s in SANITIZER)]
        if findings:
            print("\n".join(findings), file=sys.stderr)
        shutil.rmtree(cls.folder, ignore_errors=True)
        assert not findings, "a sanitizer spoke"

    # ---- what a round does; each returns how long to hold it

    def kill_leader(self, leader, others):
        term, begin = self.lab.term(), time.monotonic()
        self.lab.kill(leader, signal.SIGKILL)
        self.lab.wait(lambda: self.lab.term() > term and any(r[0] == "leader" and r[1] > term for r in self.lab.roles().values()),
                      10, "a new leader", 0.005)
        self.gaps.append(time.monotonic() - begin)
        return 0.2

    def kill_follower(self, leader, others):
        self.lab.kill(self.random.choice(others), signal.SIGKILL)
        return 0.5

    def kill_everybody(self, leader, others):
        for name in (leader, *others):
            self.lab.kill(name, signal.SIGKILL)
        return 0.3

    def pause_leader(self, leader, others):
        self.lab.freeze(leader)
        return self.random.uniform(0.3, 3)

    def pause_follower(self, leader, others):
        self.lab.freeze(self.random.choice(others))
        return self.random.uniform(0.3, 3)

    def cut_off_leader(self, leader, others):
        self.lab.partition(leader)
        return self.random.uniform(0.5, 3)

    def cut_off_follower(self, leader, others):
        self.lab.partition(self.random.choice(others))
        return self.random.uniform(0.5, 3)

    def lose_one_way(self, leader, others):
        a, b = self.random.sample((leader, *others), 2)
        self.lab.lose(a, b)
        return self.random.uniform(0.5, 3)

    def part_three_ways(self, leader, others):
        for name in (leader, *others):
            self.lab.partition(name)
        return self.random.uniform(0.5, 2)

    def slow_disks(self, leader, others):
        for name in self.random.choice(((leader,), others, (leader, *others))):
            self.lab.faults[name].set("sync_ms", 200)
        return self.hold_without_election(4)

    def stalled_disk(self, leader, others):
        self.lab.faults[self.random.choice((leader, *others))].stall(5)
        return self.hold_without_election(6)

    def full_disk(self, leader, others):
        self.lab.faults[self.random.choice((leader, *others))].set("full", 1)
        return self.random.uniform(1, 3)

    def clock_jumps(self, leader, others):
        self.lab.faults[self.random.choice((leader, *others))].set("wall_ms", self.random.choice((-3600000, 3600000)))
        return self.hold_without_election(1)

    def hold_without_election(self, seconds):
        before = self.lab.elections()
        time.sleep(seconds)
        self.assertEqual(self.lab.elections(), before, "an election because of a disk or a clock")
        return 0

    # ---- rounds

    def mend(self):
        self.lab.heal()
        for name in self.lab.coordinator_names:
            self.lab.thaw(name)
            if not self.lab.is_running(name):
                self.lab.children.pop(name).wait()
                self.lab.start_coordinator(name)
        status = self.lab.wait(self.lab.is_whole, 30, "three coordinators again")
        leader = next(c["name"] for c in status["coordinators"] if c["state"] == "leader")
        return leader, tuple(n for n in self.lab.coordinator_names if n != leader)

    def test_random_faults_lose_nothing(self):
        self.random, self.gaps = random.Random(SEED), []
        faults = [self.kill_leader, self.kill_leader, self.kill_follower, self.kill_everybody, self.pause_leader, self.pause_follower,
                  self.cut_off_leader, self.cut_off_follower, self.lose_one_way, self.lose_one_way, self.part_three_ways,
                  self.slow_disks, self.stalled_disk, self.full_disk, self.clock_jumps]
        keys = self.lab.dir / "keys"
        clients = subprocess.Popen([TESTS / "cluster-clients", keys / "mesh.json", keys / "operator.key", self.lab.mesh_id, str(CLIENTS)],
                                   stdout=subprocess.PIPE, text=True)
        counts = {}
        try:
            order = []
            for number in range(ROUNDS):
                order = order or self.random.sample(faults, len(faults))
                fault = order.pop()
                counts[fault.__name__] = counts.get(fault.__name__, 0) + 1
                leader, others = self.mend()
                if os.environ.get("HL_VERBOSE"):
                    print(f"round {number} {fault.__name__} leader={leader}", flush=True)
                time.sleep(fault(leader, others))
                self.assertIsNone(clients.poll(), "the clients gave up")
            self.mend()
        except BaseException:
            print(f"HL_SEED={SEED} round {number} {fault.__name__}", file=sys.stderr)
            for name in self.lab.coordinator_names:
                print(f"--- {name}\n" + "\n".join(self.lab.log(name).splitlines()[-15:]), file=sys.stderr)
            raise
        finally:
            clients.send_signal(signal.SIGTERM)
            verdict = clients.communicate(timeout=600)[0].strip()
        gaps = sorted(self.gaps) or [0]
        p99 = gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))]
        print(f"seed {SEED}: {ROUNDS} rounds, " + ", ".join(f"{n} {c}" for n, c in sorted(counts.items())))
        print(f"new leader after kill -9: median {gaps[len(gaps) // 2] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, worst {gaps[-1] * 1000:.0f} ms")
        print(verdict)
        self.assertEqual(clients.returncode, 0, f"HL_SEED={SEED}: {verdict}")
        self.assertLess(p99, 2.0)


if __name__ == "__main__":
    enter()
    unittest.main(verbosity=2)
