#!/usr/bin/env python3
"""hlctl without a mesh: every offline example of the command table is run as written, generated
files are compared with the tree, output discipline and completion are held to what hlctl.md
promises. Nothing here may open a socket."""
import json
import os
import shlex
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ["HL_SOURCE_DIR"]
HLCTL = os.path.join(os.environ["HL_BIN_DIR"], "hlctl")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def snapshot(mesh, magic=b"hlmesh state 1\n"):
    """A snapshot of an empty state (edge/store/snapshot_file.c), whose id is its index."""
    header = struct.pack("<I", len(mesh)) + mesh + struct.pack("<QQQQ", 77, 3, 77, 1790000000000) + \
        struct.pack("<BBQB", 1, 1, 1, 1)
    return magic + struct.pack("<II", len(header), crc32c(header)) + header + b"\xff" * 4


class Offline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="hlctl-offline-")
        os.symlink(HLCTL, os.path.join(cls.work, "hlctl"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    def setUp(self):
        self.home = tempfile.mkdtemp(dir=self.work)

    def run_line(self, *words, env=None, **options):
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("HLCTL_", "XDG_", "CLICOLOR")) and k != "NO_COLOR"}
        clean.update(HOME=self.home, PATH=self.work + ":" + clean.get("PATH", ""), TERM="xterm")
        clean.update(env or {})
        return subprocess.run([HLCTL, *words], cwd=self.home, env=clean, text=True,
                              capture_output=True, timeout=60, **options)

    def ok(self, *words, **options):
        done = self.run_line(*words, **options)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    # ---- the table ----

    def test_every_offline_example_does_what_it_says(self):
        lines = self.ok("__examples", "offline").splitlines()
        self.assertGreater(len(lines), 12)
        for line in lines:
            code, text = line.split("\t", 1)
            done = self.run_line(*shlex.split(text))
            self.assertEqual(done.returncode, int(code), f"hlctl {text}\n{done.stderr}")

    def test_every_mesh_example_is_understood(self):
        # Run for real by the end-to-end tests; here each gets as far as the missing configuration.
        for line in self.ok("__examples", "mesh", "my-app=web").splitlines():
            _, text = line.split("\t", 1)
            self.assertNotIn("my-app", text)
            done = self.run_line(*shlex.split(text))
            self.assertEqual(done.returncode, 2, text)
            self.assertTrue("HL-CFG-01" in done.stderr or "-o" in text, f"{text}\n{done.stderr}")

    def test_every_command_has_help_of_the_same_text(self):
        for path in self.commands():
            by_flag = self.ok(*path.split(), "--help")
            self.assertEqual(by_flag, self.ok("help", *path.split()))
            self.assertIn("usage: hlctl " + path, by_flag)
            self.assertIn("Exit codes: 0 done", by_flag)

    def commands(self):
        text = read(SOURCE, "docs", "cli.md")
        paths = [line[len("### hlctl "):] for line in text.splitlines()
                 if line.startswith("### hlctl ")]
        self.assertGreater(len(paths), 15)
        return paths

    def test_generated_documents_are_those_of_the_tree(self):
        self.ok("__docs", os.path.join(self.home, "docs"))
        made = os.path.join(self.home, "docs")
        for folder, _, files in os.walk(made):
            for name in files:
                path = os.path.join(folder, name)
                kept = os.path.join(SOURCE, "docs", os.path.relpath(path, made))
                self.assertTrue(os.path.exists(kept), f"{kept} is missing: hlctl __docs docs")
                self.assertEqual(read(path), read(kept), f"{kept} is old: hlctl __docs docs")
        for name in os.listdir(os.path.join(SOURCE, "docs", "errors")):
            self.assertTrue(os.path.exists(os.path.join(made, "errors", name)),
                            f"docs/errors/{name} has no code any more")

    def test_every_error_code_has_a_help_page(self):
        for name in os.listdir(os.path.join(SOURCE, "docs", "errors")):
            if name == "README.md":
                continue
            self.assertEqual(self.ok("help", name[:-3]), read(SOURCE, "docs", "errors", name))

    # ---- discipline ----

    def test_answers_are_on_stdout_and_errors_on_stderr(self):
        done = self.run_line("snyc")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("HL-USE-01", done.stderr)
        self.assertIn("did you mean: hlctl sync", done.stderr)
        done = self.run_line("apps", "-o", "json")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        error = json.loads(done.stderr)
        self.assertEqual(error["kind"], "Error")
        self.assertEqual(error["code"], "HL-CFG-01")
        self.assertEqual(error["exit"], 2)
        self.assertEqual(self.run_line("help").stderr, "")

    def test_an_interrupted_or_closed_reader_is_no_error(self):
        with subprocess.Popen([HLCTL, "help"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as child:
            child.stdout.close()
            self.assertEqual(child.stderr.read(), b"")
            self.assertEqual(child.wait(30), 0)

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([HLCTL, "version"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("HL-FILE-02", done.stderr)

    def test_no_escape_sequence_leaves_a_pipe_unless_asked_for(self):
        self.ok("keygen", "mesh", "m", "--coordinator", "c=127.0.0.1:7000")
        env = {"HLCTL_CONFIG": "m/hlctl.yaml"}
        self.assertNotIn("\033", self.ok("context", "list", env=env))
        forced = dict(env, HLCTL_FORCE_TTY="100")
        self.assertIn("\033[2m", self.ok("context", "list", env=forced))
        self.assertIn("\033[2m", self.ok("context", "list", "--color", "always", env=env))
        for off in ({"NO_COLOR": "1"}, {"HLCTL_NO_COLOR": "1"}, {"CLICOLOR": "0"},
                    {"TERM": "dumb"}):
            self.assertNotIn("\033", self.ok("context", "list", env=dict(forced, **off)))

    def test_the_same_facts_on_a_terminal_and_in_a_pipe(self):
        self.ok("keygen", "mesh", "m", "--coordinator", "c=127.0.0.1:7000")
        env = {"HLCTL_CONFIG": "m/hlctl.yaml"}
        piped = self.ok("context", "list", env=env)
        wide = self.ok("context", "list", env=dict(env, HLCTL_FORCE_TTY="500", NO_COLOR="1"))
        self.assertEqual([line.split("\t") for line in piped.splitlines()],
                         [line.split() for line in wide.splitlines()])
        narrow = self.ok("context", "list", env=dict(env, HLCTL_FORCE_TTY="40", NO_COLOR="1"))
        for line in narrow.splitlines():
            self.assertLessEqual(len(line), 80)  # only the last column is cut

    # ---- keys ----

    def test_keygen_makes_a_mesh_with_private_files_and_refuses_to_do_it_twice(self):
        words = ["keygen", "mesh", "m", "-o", "json"]
        for i in range(3):
            words += ["--coordinator", f"c{i + 1}=127.0.0.1:{7400 + 10 * i}"]
        facts = json.loads(self.ok(*words))
        self.assertTrue(facts["mesh"].startswith("hl-mesh:"))
        self.assertEqual([c["client"] for c in facts["coordinators"]],
                         [f"tcp://127.0.0.1:{7402 + 10 * i}" for i in range(3)])
        for name in [facts["root"], facts["identity"], facts["config"]] + \
                [c["keys"] for c in facts["coordinators"]]:
            mode = stat.S_IMODE(os.stat(os.path.join(self.home, name)).st_mode)
            self.assertEqual(mode, 0o600, name)
        before = read(self.home, facts["roster"])
        again = self.run_line(*words)
        self.assertEqual(again.returncode, 1)
        self.assertEqual(json.loads(again.stderr)["code"], "HL-FILE-01")
        self.assertEqual(before, read(self.home, facts["roster"]))

    def test_keygen_refuses_meshes_that_cannot_work(self):
        for members in ([], ["a=h:1", "b=h:9"], ["a=h:1", "a=h:9", "c=h:17"],
                        ["a=h:1", "b=h:3", "c=h:17"], ["a"], ["a=h"], ["a=h:0"], ["a=h:65533"],
                        ["../a=h:1"], ["A=h:1"], ["a=:1"]):
            words = [w for m in members for w in ("--coordinator", m)]
            done = self.run_line("keygen", "mesh", "x", *words)
            self.assertEqual(done.returncode, 2, f"{members}: {done.stderr}")
            self.assertFalse(os.path.exists(os.path.join(self.home, "x")))

    def test_an_identity_is_never_overwritten(self):
        public = self.ok("keygen", "identity", "me.key")
        self.assertEqual(len(public.strip()), 40)
        self.assertEqual(self.run_line("keygen", "identity", "me.key").returncode, 1)

    # ---- contexts ----

    def test_contexts_are_added_selected_and_removed_with_comments_kept(self):
        self.ok("keygen", "mesh", "m", "--coordinator", "c=127.0.0.1:7000")
        self.ok("context", "add", "one", "--roster", "m/mesh.json", "--identity", "m/admin.key")
        path = os.path.join(self.home, ".config", "hlctl", "config.yaml")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, "a", encoding="utf-8") as config:
            config.write("# a comment of mine\n")
        self.ok("context", "add", "two", "--roster", "m/mesh.json", "--identity", "m/admin.key")
        self.assertEqual(self.ok("context", "current"), "one\n")
        self.ok("context", "use", "two")
        self.assertEqual(self.ok("context", "current"), "two\n")
        self.assertEqual(self.ok("context", "current", env={"HLCTL_CONTEXT": "one"}), "one\n")
        self.assertEqual(self.ok("context", "list", "-o", "name"), "context/one\ncontext/two\n")
        self.ok("context", "rm", "two")
        self.assertEqual(self.run_line("context", "current").returncode, 2)
        self.assertIn("# a comment of mine\n", read(path))
        self.assertEqual(self.run_line("context", "rm", "two").returncode, 2)

    def test_nothing_but_context_add_makes_a_configuration(self):
        self.run_line("status")
        self.run_line("context", "list")
        self.run_line("context", "use", "x")
        self.assertEqual(os.listdir(self.home), [])

    def test_wide_modes_and_wrong_lines_are_named(self):
        self.ok("keygen", "mesh", "m", "--coordinator", "c=127.0.0.1:7000")
        path = os.path.join(self.home, "m", "hlctl.yaml")
        os.chmod(path, 0o644)
        done = self.run_line("status", env={"HLCTL_CONFIG": path})
        self.assertEqual(done.returncode, 2)
        self.assertIn("HL-CFG-02", done.stderr)
        self.assertIn("chmod 600 " + path, done.stderr)
        os.chmod(path, 0o600)
        os.chmod(os.path.join(self.home, "m", "admin.key"), 0o640)
        done = self.run_line("status", env={"HLCTL_CONFIG": path})
        self.assertEqual(done.returncode, 2)
        self.assertIn("HL-CFG-02", done.stderr)
        with open(path, "a", encoding="utf-8") as config:
            config.write("contxts: []\n")
        done = self.run_line("status", "-o", "json", env={"HLCTL_CONFIG": path})
        error = json.loads(done.stderr)
        self.assertEqual((error["code"], error["line"], error["column"]), ("HL-CFG-01", 8, 1))

    def test_a_roster_that_was_changed_is_refused(self):
        self.ok("keygen", "mesh", "m", "--coordinator", "c=127.0.0.1:7000")
        path = os.path.join(self.home, "m", "mesh.json")
        text = read(path)
        with open(path, "w", encoding="utf-8") as roster:
            roster.write(text.replace("127.0.0.1", "127.0.0.2"))
        done = self.run_line("status", env={"HLCTL_CONFIG": "m/hlctl.yaml"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("HL-CFG-04", done.stderr)

    # ---- snapshots ----

    def write(self, name, data):
        with open(os.path.join(self.home, name), "wb") as file:
            file.write(data)

    def refused(self, code, returncode, why, *words):
        """Exit code and all three lines of the complaint; nothing on stdout, nothing left behind."""
        before = sorted(os.listdir(self.home))
        done = self.run_line(*words)
        self.assertEqual((done.returncode, done.stdout), (returncode, ""), f"{words}: {done.stderr}")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 3, done.stderr)
        self.assertTrue(lines[0].startswith("error: ") and lines[0].endswith(code), done.stderr)
        self.assertTrue(lines[1].startswith("  why   ") and why in lines[1], done.stderr)
        self.assertTrue(lines[2].startswith("  next  "), done.stderr)
        self.assertEqual(sorted(os.listdir(self.home)), before)

    def mesh(self):
        words = ("--coordinator", "c1=127.0.0.1:7000", "--coordinator", "c2=127.0.0.1:7010",
                 "--coordinator", "c3=127.0.0.1:7020")
        return json.loads(self.ok("keygen", "mesh", "m", "-o", "json", *words))["mesh"].encode()

    RESTORE = ("snapshot", "restore", "s", "--roster", "m/mesh.json", "--member", "c2", "--dir", "d")

    def test_a_snapshot_is_inspected_and_restored_once(self):
        self.write("s", snapshot(self.mesh()))
        facts = json.loads(self.ok("snapshot", "inspect", "s", "-o", "json"))
        self.assertEqual((facts["index"], facts["term"], facts["records"]), (77, 3, 0))
        self.assertEqual(facts["members"], [{"id": 1, "voter": True}])
        self.assertEqual(self.ok("snapshot", "inspect", "s", "-o", "name"),
                         "snapshot/000000000000004d\n")
        self.assertIn("index    77, term 3\n", self.ok("snapshot", "inspect", "s"))
        self.assertIn("coordinator/c2 begins from the snapshot", self.ok(*self.RESTORE))
        self.refused("HL-FILE-01", 1, "is not empty", *self.RESTORE)
        self.assertEqual(sorted(os.listdir(self.home)), ["d", "m", "s"])

    def test_a_snapshot_that_was_cut_or_changed_is_refused(self):
        good = snapshot(self.mesh())
        for end in (0, 1, 14, 15, 19, 23, 24, 60, len(good) - 4, len(good) - 1):
            self.write("s", good[:end])
            self.refused("HL-SNAP-01", 1, "s: byte ", "snapshot", "inspect", "s")
            self.refused("HL-SNAP-01", 1, "s: byte ", *self.RESTORE)
        for at in (0, 15, 18, 19, 23, 30, 80, len(good) - 5, len(good) - 1):
            self.write("s", good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1:])
            self.refused("HL-SNAP-01", 1, "s: byte ", "snapshot", "inspect", "s")
            self.refused("HL-SNAP-01", 1, "s: byte ", *self.RESTORE)
        self.write("s", good + b"x")
        self.refused("HL-SNAP-01", 1, "something follows the end", *self.RESTORE)
        self.refused("HL-SNAP-01", 1, "No such file", "snapshot", "inspect", "nothing")

    def test_a_snapshot_of_a_newer_version_is_refused(self):
        self.write("s", snapshot(self.mesh(), b"hlmesh state 2\n"))
        self.refused("HL-SNAP-01", 1, "newer version", "snapshot", "inspect", "s")
        self.refused("HL-SNAP-01", 1, "newer version", *self.RESTORE)

    def test_a_snapshot_of_another_mesh_is_not_restored(self):
        mesh = self.mesh()
        self.write("s", snapshot(mesh[:-4] + b"xxxx"))
        self.refused("HL-CFG-04", 2, "", *self.RESTORE)
        self.write("s", snapshot(mesh))
        self.refused("HL-OBJ-01", 1, "m/mesh.json lists 3", *self.RESTORE[:6], "c9", "--dir", "d")
        self.refused("HL-CFG-04", 2, "", *self.RESTORE[:4], "nothing", *self.RESTORE[5:])
        self.refused("HL-USE-03", 2, "never guessed", *self.RESTORE[:5])

    def test_what_a_snapshot_says_of_itself_is_safe_to_look_at(self):
        self.write("s", snapshot(b"hl-mesh:\x1b[2J\xff"))
        self.assertIn("mesh     hl-mesh:\\x1b[2J\\xff\n", self.ok("snapshot", "inspect", "s"))
        for form in ("json", "yaml"):
            self.assertNotIn("\033", self.ok("snapshot", "inspect", "s", "-o", form))

    # ---- completion ----

    def complete(self, *words, **options):
        text = self.ok("__complete", "--", *words, **options)
        return [line.split("\t")[0] for line in text.splitlines()]

    def test_words_flags_and_values_come_from_the_table(self):
        self.assertIn("status", self.complete(""))
        self.assertNotIn("__complete", self.complete(""))
        self.assertEqual(self.complete("app", ""), ["list", "ls", "get", "sync"])
        self.assertEqual(self.complete("app", "g"), ["get"])
        self.assertEqual(self.complete("apps", "-o", "j"), ["json"])
        self.assertIn("--watch", self.complete("sync", "--"))
        self.assertNotIn("--watch", self.complete("apps", "--"))
        self.assertEqual(self.complete("completion", ""), ["bash", "zsh", "fish"])
        self.assertEqual(self.complete("help", "HL-NET-01"), ["HL-NET-01"])
        self.assertEqual(self.complete("help", "app", "s"), ["sync"])
        self.assertEqual(self.complete("app", "get", ""), [])  # no mesh: silent

    def test_contexts_and_files_are_offered(self):
        self.ok("keygen", "mesh", "m", "--coordinator", "c=127.0.0.1:7000")
        env = {"HLCTL_CONFIG": "m/hlctl.yaml"}
        self.assertEqual(self.complete("context", "use", "", env=env), ["mesh"])
        self.assertEqual(self.complete("-c", "", env=env), ["mesh"])
        self.assertEqual(self.complete("context", "add", "x", "--roster", "m/m"), ["m/mesh.json"])

    def test_bash_completes_with_the_script(self):
        script = 'source <(hlctl completion bash); COMP_WORDS=(hlctl app g); COMP_CWORD=2; ' \
                 '_hlctl; echo "${COMPREPLY[@]}"'
        self.assertEqual(self.shell("bash", "-c", script), "get\n")

    def test_fish_completes_with_the_script(self):
        if not shutil.which("fish"):
            self.skipTest("no fish here")
        script = "hlctl completion fish | source; complete -C 'hlctl app g'"
        self.assertEqual(self.shell("fish", "-c", script).split("\t")[0].strip(), "get")

    def test_zsh_reads_the_script(self):
        if not shutil.which("zsh"):
            self.skipTest("no zsh here")
        script = "compdef() { print compdef $@ }; _describe() { print -l -- ${(P)2} }; " \
                 "source <(hlctl completion zsh); words=(hlctl app g); CURRENT=3; _hlctl"
        self.assertEqual(self.shell("zsh", "-f", "-c", script),
                         "compdef _hlctl hlctl\nget:all about one application\n")

    def shell(self, *words):
        env = dict(os.environ, HOME=self.home, PATH=self.work + ":" + os.environ["PATH"])
        done = subprocess.run(words, env=env, cwd=self.home, text=True, capture_output=True,
                              check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    # ---- figures ----

    def test_it_starts_at_once(self):
        times = []
        for _ in range(30):
            start = time.perf_counter()
            subprocess.run([HLCTL, "version"], stdout=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - start) * 1000)
        times.sort()
        with open(HLCTL, "rb") as program:
            code = program.read()
        sanitized = b"__asan_init" in code or b"__tsan_init" in code
        print(f"hlctl version: median {times[15]:.1f} ms, worst of 30 {times[-1]:.1f} ms",
              file=sys.stderr)
        if sanitized:
            return  # the promise is for the program that is shipped
        self.assertLess(times[15], 10)


if __name__ == "__main__":
    unittest.main(verbosity=1)
