#!/usr/bin/env python3
"""hl-coordinator and hl-agent with something wrong at the start: each says in one line what is
wrong and where, ends with 1 and has changed no file."""
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

BIN = Path(os.environ["HL_BIN_DIR"])
PORT = 10000 + os.getpid() % 20000  # below the ephemeral ports


def snapshot(folder):
    """Path -> mode and content of everything below."""
    seen = {}
    for path in sorted(Path(folder).rglob("*")):
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        seen[str(path)] = (oct(path.stat().st_mode), content)
    return seen


class BadConfig(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="hl-bad-")
        for name in ("mesh", "other"):
            cls.keygen(name)
        subprocess.run(["git", "init", "-q", "--bare", f"{cls.work}/fleet.git"], check=True)

    @classmethod
    def keygen(cls, name):
        done = subprocess.run([BIN / "hlctl", "keygen", "mesh", f"{cls.work}/{name}",
                               "--coordinator", f"c1=127.0.0.1:{PORT}", "-o", "json"],
                              capture_output=True, text=True, timeout=60, check=True,
                              env={"HOME": cls.work, "PATH": os.environ["PATH"]})
        found = [word for word in done.stdout.replace('"', " ").split() if word.startswith("hl-mesh:")]
        setattr(cls, name, found[0])

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    def setUp(self):
        self.home = Path(tempfile.mkdtemp(dir=self.work))
        for source, target in (("mesh/mesh.json", "mesh.json"), ("mesh/c1/coordinator.key", "c1.key")):
            shutil.copy2(f"{self.work}/{source}", self.home / target)
        for name, text in (("hook.secret", "0123456789abcdef0123\n"), ("join.token", "nonsense\n")):
            (self.home / name).write_text(text)
            (self.home / name).chmod(0o600)

    def coordinator(self, **changes):
        values = dict(dir="data", member=1, secret="c1.key", roster="mesh.json", mesh=self.mesh, extra="",
                      git=f"git: {{url: file://{self.work}/fleet.git, ref: main}}")
        values.update(changes)
        return ("apiVersion: hlmesh/v1\nkind: Coordinator\ndir: {dir}\nmember: {member}\nsecret: {secret}\n"
                "roster: {roster}\nmesh: {mesh}\n{git}\n{extra}\n").format(**values)

    def agent(self, **changes):
        values = dict(node="n1", roster="mesh.json", mesh=self.mesh, roles="[kubernetes]", extra="",
                      destination=f"{{stateRepository: {{url: file://{self.work}/fleet.git, branch: main}}}}")
        values.update(changes)
        return ("apiVersion: hlmesh/v1\nkind: Agent\ndir: data\nnode: {node}\nroster: {roster}\nmesh: {mesh}\n"
                "roles: {roles}\ndestination: {destination}\n{extra}\n").format(**values)

    def start(self, program, text, timeout=60):
        config = self.home / "config.yaml"
        if text is not None:
            config.write_text(text)
        before = snapshot(self.home)
        done = subprocess.run([BIN / program, "--config", config], capture_output=True, text=True,
                              timeout=timeout, cwd=self.home)
        return done, before

    def refused(self, program, text, *words, changes_allowed=()):
        done, before = self.start(program, text)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith(program + ": "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        allowed = tuple(str(self.home / name) for name in changes_allowed)
        after = snapshot(self.home)
        self.assertEqual({path: what for path, what in before.items() if not path.startswith(allowed)},
                         {path: what for path, what in after.items() if not path.startswith(allowed)})

    # ---- the file itself ----

    def test_a_missing_file_is_named(self):
        for program in ("hl-coordinator", "hl-agent"):
            self.refused(program, None, "config.yaml", "No such file")

    def test_broken_yaml_shows_its_line(self):
        for program in ("hl-coordinator", "hl-agent"):
            self.refused(program, "dir: [1,\n  x: }\n", "config.yaml:")

    def test_an_unknown_setting_shows_its_place_and_where_to_read(self):
        self.refused("hl-coordinator", self.coordinator(extra="hearbeat: 1s"), "config.yaml:9:1",
                     '"hearbeat"', "config.h")
        self.refused("hl-agent", self.agent(extra="noed: n1"), "config.yaml:9:1", '"noed"', "config.h")

    def test_a_setting_of_the_wrong_kind_shows_its_line(self):
        self.refused("hl-coordinator", self.coordinator(member="one"), "config.yaml:4:", "member")
        self.refused("hl-coordinator", self.coordinator(git="git: here"), "config.yaml:8:", "git", "mapping")
        self.refused("hl-coordinator", self.coordinator(extra="timers: {heartbeat: soon}"), "config.yaml:9:",
                     "heartbeat", "duration")
        self.refused("hl-agent", self.agent(node="[n1]"), "config.yaml:4:", "node")
        self.refused("hl-agent", self.agent(roles="[gardener]"), "config.yaml:7:", "kubernetes")

    def test_a_missing_setting_is_named(self):
        self.refused("hl-coordinator", self.coordinator(git=""), "config.yaml", "git.url is missing")
        self.refused("hl-coordinator", "dir: x\n", "config.yaml", "member is missing")
        self.refused("hl-agent", "dir: x\n", "config.yaml", "node is missing")
        self.refused("hl-agent", self.agent(destination="{}"), "config.yaml", "destination")

    def test_an_empty_file_or_one_that_is_no_mapping_is_refused(self):
        for program in ("hl-coordinator", "hl-agent"):
            for text in ("", "- a\n", "just text\n"):
                self.refused(program, text, "config.yaml")

    def test_values_out_of_range_say_the_range(self):
        self.refused("hl-coordinator", self.coordinator(extra="timers: {heartbeat: 1ms}"), "10ms to 10s")
        self.refused("hl-coordinator", self.coordinator(extra="timers: {election: 100ms}"), "at least three")
        self.refused("hl-coordinator", self.coordinator(extra="timers: {agentHeartbeat: 1ms}"), "100ms")
        self.refused("hl-coordinator", self.coordinator(git="git: {url: x, poll: 10ms}"), "at least 1s")
        self.refused("hl-coordinator", self.coordinator(extra="webhook: {listen: 127.0.0.1:1}"), "secretFile")

    # ---- who is who ----

    def test_a_missing_roster_is_named(self):
        for program, text in (("hl-coordinator", self.coordinator(roster="gone.json")),
                              ("hl-agent", self.agent(roster="gone.json"))):
            self.refused(program, text, "gone.json", "No such file")

    def test_the_roster_of_another_mesh_is_refused(self):
        for program, text in (("hl-coordinator", self.coordinator(mesh=self.other)),
                              ("hl-agent", self.agent(mesh=self.other))):
            self.refused(program, text, "mesh.json")

    def test_a_changed_roster_is_refused(self):
        path = self.home / "mesh.json"
        path.write_text(path.read_text().replace("127.0.0.1", "127.0.0.2"))
        self.refused("hl-coordinator", self.coordinator(), "mesh.json", "sign")
        self.refused("hl-agent", self.agent(), "mesh.json", "sign")

    def test_a_member_that_the_roster_does_not_know_is_refused(self):
        self.refused("hl-coordinator", self.coordinator(member=7), "member 7", "roster")

    def test_keys_that_others_may_read_are_refused_with_the_remedy(self):
        (self.home / "c1.key").chmod(0o644)
        self.refused("hl-coordinator", self.coordinator(), "c1.key", "0644", "chmod")

    def test_the_keys_of_another_mesh_are_refused(self):
        shutil.copy2(f"{self.work}/other/c1/coordinator.key", self.home / "c1.key")
        self.refused("hl-coordinator", self.coordinator(), "c1.key")

    def test_missing_keys_are_named(self):
        self.refused("hl-coordinator", self.coordinator(secret="gone.key"), "gone.key", "No such file")

    def test_a_readable_webhook_secret_is_refused_with_the_remedy(self):
        (self.home / "hook.secret").chmod(0o640)
        hook = f"webhook: {{listen: '127.0.0.1:{PORT + 9}', secretFile: hook.secret}}"
        self.refused("hl-coordinator", self.coordinator(extra=hook), "hook.secret", "0640", "chmod",
                     changes_allowed=["data"])

    def test_an_agent_without_token_is_told_how_to_get_one(self):
        self.refused("hl-agent", self.agent(), "tokenFile", "hlctl token create", changes_allowed=["data"])

    def test_a_readable_or_broken_token_is_refused(self):
        token = "tokenFile: join.token"
        self.refused("hl-agent", self.agent(extra=token), "join.token", "token", changes_allowed=["data"])
        (self.home / "join.token").chmod(0o644)
        self.refused("hl-agent", self.agent(extra=token), "join.token", "0644", "chmod",
                     changes_allowed=["data"])

    # ---- what is there already ----

    def make_store(self):
        """A store as a first start leaves it: the port of the web door ends the start late."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            hook = f"webhook: {{listen: '{address}', secretFile: hook.secret}}"
            self.refused("hl-coordinator", self.coordinator(extra=hook), address, "in use",
                         changes_allowed=["data"])

    def test_a_taken_port_is_named(self):
        self.make_store()
        self.assertTrue((self.home / "data").is_dir())

    def test_the_store_of_another_mesh_is_left_alone(self):
        self.make_store()
        shutil.copy2(f"{self.work}/other/mesh.json", self.home / "mesh.json")
        shutil.copy2(f"{self.work}/other/c1/coordinator.key", self.home / "c1.key")
        self.refused("hl-coordinator", self.coordinator(mesh=self.other), "data")

    def test_a_folder_that_cannot_be_made_is_named(self):
        (self.home / "data").write_text("a file where the folder should be\n")
        self.refused("hl-coordinator", self.coordinator(), "data")

    def test_misuse_ends_with_2(self):
        for program in ("hl-coordinator", "hl-agent"):
            for words in ([], ["--config"], ["--conf", "x"], ["a", "b", "c"]):
                done = subprocess.run([BIN / program, *words], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn("usage: " + program, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
