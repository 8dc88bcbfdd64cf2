#!/usr/bin/env python3
"""Plants known bugs into copies of the sources and demands that the simulator finds each of them.

    tests/sim/planted.py [NAME...]      all of tests/sim/planted, or these

A plant is a text file: a comment, `only FAULT,...` (what the seeds concentrate on; without it they
are as always), `budget N` schedules (10000), then blocks of `file PATH`, `--- old`, `--- new`,
`--- end`. The old text stands exactly once in the file, else the plant is an error: the sources have
moved on. Prints a figure for each; exit 1 if one was not found, 2 if one does not fit."""
import os
import subprocess
import sys
import time
from pathlib import Path

import build

PLANTS = Path(__file__).resolve().parent / "planted"
JOBS = os.environ.get("HL_SIM_JOBS", str(os.cpu_count()))


class Misfit(Exception):
    pass


def parse(path):
    plant = {"name": path.stem, "only": None, "budget": 10000, "edits": []}
    lines = iter(path.read_text().splitlines())
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "only":
            plant["only"] = rest
        elif word == "budget":
            plant["budget"] = int(rest)
        elif word == "file":
            parts = {"old": [], "new": []}
            part = None
            for text in lines:
                if text == "--- end":
                    break
                if text in ("--- old", "--- new"):
                    part = parts[text[4:]]
                else:
                    part.append(text)
            plant["edits"].append((rest, "\n".join(parts["old"]), "\n".join(parts["new"])))
        elif line and word != "#":
            raise Misfit(f"{path.name}: {line}")
    return plant


def patch(plant, tree):
    """The changed files below `tree`; returns their paths relative to it."""
    texts = {}
    for name, old, new in plant["edits"]:
        text = texts.get(name) or (build.ROOT / name).read_text()
        if text.count(old) != 1:
            raise Misfit(f"{plant['name']}: its text stands {text.count(old)} times in {name}")
        texts[name] = text.replace(old, new)
    for name, text in texts.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return [Path(name) for name in texts]


def build_variant(plant):
    tree = build.BUILD / "planted" / plant["name"]
    changed = patch(plant, tree)
    objects = []
    for source in build.sources():
        out = build.object_of(source)
        if source in changed:
            out = tree / source.with_suffix(".o")
            build.compile_one(source, out, [tree, build.ROOT])
        objects.append(out)
    build.link(objects, tree / "hl-sim")
    return tree / "hl-sim"


def violation_of(output):
    """The seed and the rule that was broken."""
    line = next(x for x in output.splitlines() if x.startswith("seed "))
    seed, _, violation = line[5:].partition(": ")
    return seed, violation


def hunt(program, plant):
    """Schedules until it was found, or None; seeds in growing batches, so that few do for most."""
    only = ["--only", plant["only"]] if plant["only"] else []
    done = 0
    batch = 200
    while done < plant["budget"]:
        last = min(done + batch, plant["budget"])
        run = subprocess.run([program, "--seeds", f"{done + 1}..{last}", "--jobs", JOBS, *only],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if run.returncode != 0:
            count = next(int(x.split()[1]) for x in run.stdout.splitlines()
                         if x.startswith("schedules "))
            seed, violation = violation_of(run.stdout)
            sound = subprocess.run([build.BUILD / "hl-sim", "--seed", seed, *only],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if sound.returncode != 0:
                raise Misfit(f"{plant['name']}: seed {seed} fails without it, too")
            return done + count, violation
        done = last
        batch *= 2
    return None, None


def main(names):
    build.build()
    missed = 0
    found = 0
    for path in sorted(PLANTS.glob("*.plant")):
        if names and path.stem not in names:
            continue
        plant = parse(path)
        program = build_variant(plant)
        began = time.monotonic()
        count, violation = hunt(program, plant)
        took = time.monotonic() - began
        if count is None:
            missed += 1
            print(f"MISSED {plant['name']} in {plant['budget']} schedules ({took:.0f} s)")
            continue
        found += 1
        print(f"figure sim_planted_{plant['name']} ours={count} peer=none ratio=none "
              f"unit=schedules # {violation[:110]}", flush=True)
    print(f"figure sim_planted_found ours={found} peer=none ratio=none unit=bugs "
          f"# of {found + missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Misfit as e:
        print(e, file=sys.stderr)
        sys.exit(2)
