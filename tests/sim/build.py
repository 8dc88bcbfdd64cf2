#!/usr/bin/env python3
"""Builds hl-sim for speed, and variants of it: objects are kept, so a variant costs the files that
its change touches.

    tests/sim/build.py [OUT]        the simulator itself, by default build/sim/hl-sim

$CC and $HL_SIM_CFLAGS are honoured. Assertions are on; nothing is instrumented."""
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HL_SIM_DIR", ROOT / "build/sim"))
CC = shlex.split(os.environ.get("CC", "gcc"))
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-g1", "-Wall", "-Wextra", "-fno-strict-aliasing",
         "-fno-strict-overflow"] + shlex.split(os.environ.get("HL_SIM_CFLAGS", ""))
FOLDERS = ["lib/base", "lib/core/gostd", "lib/core/value", "lib/core/raft", "lib/core/state",
           "lib/core/sched", "tests/sim"]


def sources():
    found = [p.relative_to(ROOT) for f in FOLDERS for p in sorted((ROOT / f).glob("*.c"))]
    return found + [Path("tests/support/linear.c")]


def headers_time():
    return max(p.stat().st_mtime for f in FOLDERS + ["tests/support"]
               for p in (ROOT / f).glob("*.h"))


def compile_one(source, out, roots):
    """`roots`: trees that are looked through in order; the first holds the changed files."""
    out.parent.mkdir(parents=True, exist_ok=True)
    path = next(r / source for r in roots if (r / source).exists())
    includes = [a for r in roots for a in (f"-I{r}/lib", f"-I{r}/tests")]
    temporary = out.with_suffix(f".{os.getpid()}.tmp")
    subprocess.run([*CC, *FLAGS, *includes, "-c", path, "-o", temporary], check=True)
    temporary.replace(out)


def link(objects, out):
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(f".{os.getpid()}.tmp")
    subprocess.run([*CC, "-O2", *map(str, objects), "-lyaml", "-lpcre2-8", "-lm", "-o", temporary], check=True)
    temporary.replace(out)


def object_of(source):
    return BUILD / "obj" / source.with_suffix(".o")


def build(out=BUILD / "hl-sim"):
    newest = headers_time()
    stale = [s for s in sources() if not object_of(s).exists() or
             object_of(s).stat().st_mtime < max(newest, (ROOT / s).stat().st_mtime)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda s: compile_one(s, object_of(s), [ROOT]), stale))
    link([object_of(s) for s in sources()], out)
    return out


if __name__ == "__main__":
    print(build(*map(Path, sys.argv[1:2])))
