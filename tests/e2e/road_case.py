"""What the end-to-end tests share: a mesh in a temporary folder that is stopped whatever happens."""
import os
import re
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(os.environ.get("HL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BIN = Path(os.environ.get("HL_BIN_DIR", SOURCE / "build/dev/bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
from mesh import Mesh, MeshError, git  # noqa: E402,F401

SANITIZER = re.compile(r"ERROR: (Address|Leak|Undefined)|runtime error:|WARNING: ThreadSanitizer|assertion failed|out of memory")


class MeshCase(unittest.TestCase):
    """One mesh for all tests of the class; a sanitizer's finding in any log fails the class."""
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hl-e2e-")
        cls.mesh = Mesh(cls.folder + "/mesh", BIN, base_port=20000 + os.getpid() % 12000, **cls.options)
        try:
            cls.prepare()
            cls.mesh.start()
        except Exception:
            cls.finish(keep=True)
            raise

    @classmethod
    def prepare(cls):
        cls.mesh.create()

    @classmethod
    def tearDownClass(cls):
        cls.finish(keep=False)

    @classmethod
    def finish(cls, keep):
        cls.mesh.stop()
        findings = []
        for log in Path(cls.folder).glob("mesh/*/log"):
            text = log.read_text(errors="replace")
            if SANITIZER.search(text):
                findings.append(f"{log.parent.name}:\n" + "\n".join(text.splitlines()[-60:]))
            if keep:
                print(f"--- {log.parent.name}\n" + "\n".join(text.splitlines()[-15:]), file=sys.stderr)
        shutil.rmtree(cls.folder, ignore_errors=True)
        if findings:
            raise AssertionError("a sanitizer spoke:\n" + "\n".join(findings))

    def push(self, subject="change"):
        """Commits, pushes and sends the webhook; returns (commit, time of the webhook)."""
        commit = self.mesh.commit(subject)
        self.hook()
        return commit, time.monotonic()

    def hook(self):
        for name in self.mesh.coordinator_names:
            if self.mesh.is_running(name):
                try:
                    self.assertEqual(self.mesh.webhook(name), 202)
                    return
                except OSError:
                    continue
        self.fail("no coordinator takes the webhook")

    def app(self, name):
        return self.mesh.json("app", "get", name)
