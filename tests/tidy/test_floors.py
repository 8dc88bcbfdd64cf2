"""The tree is the architecture: includes only go down, along the edges that docs/floors.txt lists;
an outside library is included in its one module; every header compiles alone; no banned call; every
file says at its head what it is; every module has a README."""
import os
import re
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(os.environ.get("HL_SOURCE_DIR", Path(__file__).resolve().parents[2]))

# Calls that have a better name here, or that no reader should have to judge.
BANNED = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|strncpy|strncat)\s*\(": "unbounded or surprising; use struct str, buf or snprintf",
    r"\b(atoi|atol|atoll|atof)\s*\(": "hides errors; use str_to_i64",
    r"\b(system|popen|tmpnam|mktemp)\s*\(": "runs a shell or races",
    r"(?<![_\w])(malloc|calloc|realloc|strdup|strndup|asprintf)\s*\(": "may return NULL; use hl_alloc, arena or str_dup",
    r"\b(rand|srand|random|drand48)\s*\(": "unseeded; use base/rng.h",
    r"\b(localtime|gmtime|ctime|asctime)\s*\(": "shared buffer or time zone; use base/time.h",
    r"\balloca\s*\(": "unbounded stack",
}
# Core is pure: no descriptor, clock, thread, lock, output or environment.
BANNED_IN_CORE = {
    r"(?<![.>])\b(time|clock_gettime|gettimeofday|getenv|printf|fprintf|puts|open|fopen|read|write|close|socket|pthread_\w+|getrandom|usleep|nanosleep)\s*\(": "core is pure",
}
ALLOWED_MALLOC = {"lib/base/attr.c"}


def files(*patterns):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split("\n")
    return [f for f in listed if f and (ROOT / f).exists()]


def module_of(path):
    path = path[4:] if path.startswith("lib/") else path
    return os.path.dirname(path)


def read_floors():
    floors, owner = {}, {}
    for line in (ROOT / "docs/floors.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, rest = (part.strip() for part in line.split(":", 1))
        edges, _, outside = rest.partition("|")
        floors[name] = set(edges.split())
        for header in outside.split():
            owner.setdefault(header, []).append(name)
    return floors, owner


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


OURS = ("lib/*.c", "lib/*.h", "roles/*.c", "roles/*.h", "coordinator/*.c", "coordinator/*.h",
        "agent/*.c", "agent/*.h", "hlctl/*.c", "hlctl/*.h")


class Floors(unittest.TestCase):
    def test_includes_go_only_along_listed_edges(self):
        floors, owner = read_floors()
        wrong = []
        for f in files(*OURS):
            module = module_of(f)
            if module not in floors:
                wrong.append(f"{f}: module {module} is not in docs/floors.txt")
                continue
            for number, line in enumerate((ROOT / f).read_text().splitlines(), 1):
                ours = re.match(r'#include "([^"]+)"', line)
                outside = re.match(r"#include <([^>]+)>", line)
                if ours and "/" in ours.group(1):
                    target = os.path.dirname(ours.group(1))
                    if target not in (module, "base") and target not in floors[module]:
                        wrong.append(f"{f}:{number}: {module} may not include {target}")
                if outside and module not in owner.get(outside.group(1), [module]):
                    wrong.append(f"{f}:{number}: <{outside.group(1)}> belongs to {', '.join(owner[outside.group(1)])}")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_listed_edges_only_go_down(self):
        floors, _ = read_floors()
        done = []
        for name, edges in floors.items():  # listed bottom up
            for edge in edges:
                self.assertIn(edge, done, f"{name} includes {edge}, which is not below it")
            done.append(name)

    def test_every_header_compiles_alone(self):
        def compile_alone(header):
            run = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-fsyntax-only", "-Ilib", "-I.",
                                  "-x", "c", header], cwd=ROOT, capture_output=True, text=True)
            return "" if run.returncode == 0 and "warning" not in run.stderr.replace("#pragma once in main file", "") else f"{header}:\n{run.stderr}"
        with ThreadPoolExecutor(2) as pool:
            failures = [r for r in pool.map(compile_alone, files("lib/*.h", "roles/*.h", "coordinator/*.h", "agent/*.h", "hlctl/*.h")) if r]
        self.assertEqual(failures, [], "\n" + "\n".join(failures))

    def test_no_banned_call(self):
        wrong = []
        for f in files(*OURS):
            text = without_comments((ROOT / f).read_text())
            rules = dict(BANNED)
            if f.startswith("lib/core/"):
                rules.update(BANNED_IN_CORE)
            for number, line in enumerate(text.splitlines(), 1):
                for pattern, why in rules.items():
                    if re.search(pattern, line) and f not in ALLOWED_MALLOC and "// allowed" not in line:
                        wrong.append(f"{f}:{number}: {line.strip()[:80]}: {why}")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_every_file_says_at_its_head_what_it_is(self):
        wrong = [f for f in files(*OURS, "tests/*.c", "tests/*.h") if not (ROOT / f).read_text().startswith("/*")]
        self.assertEqual(wrong, [], "no comment at the head: " + ", ".join(wrong))

    def test_every_module_has_a_readme(self):
        floors, _ = read_floors()
        folders = [("lib/" + m if m.split("/")[0] in ("base", "core", "edge") else m) for m in floors]
        folders += ["lib", "lib/core", "lib/edge", "roles", "proto", "docs", "tests", "scripts", "addons", "platform",
                    "promises", "workloads", "matchbox", "deploy"]
        missing = [d for d in folders if (ROOT / d).is_dir() and not (ROOT / d / "README.md").exists()]
        self.assertEqual(missing, [], "no README.md in " + ", ".join(missing))

    def test_formatting_is_clang_formats(self):
        sources = files("lib/*.c", "lib/*.h", "roles/*.[ch]", "coordinator/*.[ch]", "agent/*.[ch]", "hlctl/*.[ch]", "tests/*.c", "tests/*.h")
        run = subprocess.run(["clang-format", "--dry-run", *sources], cwd=ROOT, capture_output=True, text=True)
        places = [line for line in run.stderr.splitlines() if "warning:" in line]
        self.assertEqual(places, [], "\n" + "\n".join(places[:20]))

    def test_the_flake_parses(self):
        run = subprocess.run(["nix-instantiate", "--parse", str(ROOT / "flake.nix")], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
