"""The chapter of docs/operations.md on coordinators that come and go, executed line by line under load and kills.

Every `sh` block is run in the order of the page: commands as they stand (addresses are those of the lab), comments as what they ask for.
A mesh of one grows to three and five, shrinks to three, loses a disk, is saved and restored; the clients' history is judged at the end."""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lab import Lab, enter  # noqa: E402

SOURCE = Path(os.environ.get("HL_SOURCE_DIR", Path(__file__).resolve().parents[3]))
BIN = Path(os.environ.get("HL_BIN_DIR", SOURCE / "build/dev/bin"))
TESTS = BIN.parent / "tests"
CHAPTER = "## Coordinators that come and go"
ADDRESS = re.compile(r"(\w+)=10\.0\.4\.\d+:7400")
NAME = re.compile(r"\bc\d\w*\b")


def blocks():
    """(heading, lines) of each sh block of the chapter."""
    chapter = (SOURCE / "docs/operations.md").read_text().split(CHAPTER)[1].split("\n## ")[0]
    for part in chapter.split("\n### ")[1:]:
        heading = part.split("\n", 1)[0]
        for block in re.findall(r"```sh\n(.*?)```", part, re.S):
            yield heading, block.strip().splitlines()


class Members(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hl-members-")
        cls.lab = Lab(cls.folder + "/mesh", BIN, TESTS / "libcluster-faults.so", coordinators=1)
        cls.lab.create(fleet_source=None)
        cls.lab.start_coordinator("c1")
        cls.lab.wait(lambda: cls.lab.is_whole(1), 20, "one coordinator")

    @classmethod
    def tearDownClass(cls):
        cls.lab.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)

    # ---- what lines ask for

    def command(self, line):
        for name in ADDRESS.findall(line):
            self.lab.coordinator_names.append(name)
            self.lab.ports[name] = self.lab.ports["c1"]
            line = ADDRESS.sub(f"{name}={self.lab.host(name)}:7400", line, count=1)
        words = line.split()
        self.assertEqual(words[0], "hlctl")
        if words[1:3] == ["snapshot", "restore"]:
            words[-1] = str(self.lab.dir / words[words.index("--member") + 1] / "data")
            self.restore_words = words
        if words[1:3] == ["snapshot", "save"]:  # under load: what was acknowledged before has to be in it
            self.saved = self.entries()
        # "Try again" is an answer that a person follows, too.
        deadline = time.monotonic() + 30
        while True:
            run = subprocess.run([BIN / "hlctl", *words[1:]], cwd=self.lab.dir, capture_output=True, text=True, timeout=120,
                                 env={**os.environ, "HLCTL_CONFIG": str(self.lab.config_path)})
            if run.returncode == 0:
                return run.stdout
            if time.monotonic() > deadline:
                self.fail(f"{line}: exit {run.returncode}\n{run.stdout}{run.stderr}")
            time.sleep(0.3)

    def by_hand(self, line):
        names = NAME.findall(line)
        if "restart" in line:
            for name in names:
                self.lab.stop_process(name)
                self.lab.start_coordinator(name)
                self.lab.wait(self.lab.leader, 20, "a leader")
        elif line.startswith("# start everybody"):
            for name in self.voters():
                self.lab.start_coordinator(name)
            self.lab.wait(self.lab.leader, 20, "a leader")
        elif line.startswith("# start"):
            (self.lab.dir / names[0] / "data").mkdir(parents=True, exist_ok=True)
            self.lab.configure_coordinator(names[0])
            self.lab.start_coordinator(names[0])
        elif line.startswith("# stop everybody"):
            self.end_clients()
            self.restored = self.voters()
            for name in self.restored:
                self.lab.stop_process(name)
                (self.lab.dir / name / "data").rename(self.lab.dir / name / "aside")
                (self.lab.dir / name / "data").mkdir()
        elif line.startswith("# the same for the others"):
            words = list(self.restore_words)
            at = words.index("--member") + 1
            for name in self.restored:
                if name != words[at]:
                    self.command(" ".join([*words[:at], name, *words[at + 1:]]))
        elif line.startswith("# stop"):
            self.lab.stop_process(names[0])
            self.lab.coordinator_names.remove(names[0])
        else:
            self.fail("nobody knows how to do this: " + line)

    def entries(self):
        """What the clients wrote once and for all, with the revision that it got."""
        return {(s["key"], s["revision"]) for s in self.lab.json("kv", "list", "list/")["items"]}

    def voters(self):
        return [n for n in self.lab.coordinator_names if n in self.lab.member_ids()]

    def lose_a_disk(self, name):
        self.lab.kill(name, signal.SIGKILL)
        self.lab.children.pop(name).wait()
        shutil.rmtree(self.lab.dir / name / "data")
        (self.lab.dir / name / "data").mkdir()
        # Under its old id it is turned away.
        child = self.lab.start_coordinator(name)
        self.assertEqual(child.wait(timeout=30), 1)
        self.assertIn("another disk", self.lab.log(name))
        self.lab.children.pop(name)
        self.lab.coordinator_names.remove(name)

    # ---- load and trouble meanwhile

    def begin_clients(self):
        keys = self.lab.dir / "keys"
        self.clients = subprocess.Popen([TESTS / "cluster-clients", keys / "mesh.json", keys / "operator.key", self.lab.mesh_id, "4"],
                                        stdout=subprocess.PIPE, text=True)

    def end_clients(self):
        if self.clients:
            self.clients.send_signal(signal.SIGTERM)
            verdict = self.clients.communicate(timeout=600)[0].strip()
            print(verdict)
            self.assertEqual(self.clients.returncode, 0, verdict)
            self.clients = None

    def kill_somebody(self):
        """One of three or more, and waits until it is back: a second failure would be one too many for three."""
        names = self.voters()
        if len(names) >= 3:
            name = random.choice(names)
            self.lab.kill(name, signal.SIGKILL)
            self.lab.children.pop(name).wait()
            self.lab.start_coordinator(name)
            self.lab.wait(lambda: self.lab.is_whole(len(names)), 30, "everybody again")

    def test_the_chapter_does_what_it_says(self):
        self.begin_clients()
        try:
            for heading, lines in blocks():
                with self.subTest(heading):
                    print(heading, flush=True)
                    if "lost its disk" in heading:
                        self.lose_a_disk("c3")
                    for line in lines:
                        if line.startswith("#"):
                            self.by_hand(line)
                        else:
                            out = self.command(line)
                    self.kill_somebody()
            self.end_clients()
            self.assertGreater(len(self.saved), 20)
            self.assertLessEqual(self.saved, self.entries(), "acknowledged before the snapshot, and not in it")
        except BaseException:
            for name in self.lab.coordinator_names:
                print(f"--- {name}\n" + "\n".join(self.lab.log(name).splitlines()[-15:]), file=sys.stderr)
            raise
        finally:
            if self.clients:
                self.clients.kill()
                self.clients.wait()


if __name__ == "__main__":
    enter()
    unittest.main(verbosity=2)
