"""The list of public charts (charts.txt) and where their copies lie: below $HL_CHARTS, by default ~/.cache/hlmesh-charts."""
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("charts.txt")
CACHE = Path(os.environ.get("HL_CHARTS", Path.home() / ".cache/hlmesh-charts"))
HELM = Path(os.environ.get("HL_PEERS", Path.home() / ".cache/hlmesh-peers")) / "bin/helm"
OURS = Path(os.environ.get("HL_BIN_DIR", ROOT / "build/release/bin")) / "hlctl"
PLACE = re.compile(r"([^@:=]+)(?:@([0-9a-f]{40}))?:([^=]+)(?:=(\S+))?$")


class Chart:
    """A part or a chart; what it is made of, all the way down, is its recipe."""

    def __init__(self, name, place, values, parts, repositories):
        repository, commit, self.path, self.version = PLACE.match(place).groups()
        self.repository = repository
        self.url, head = repositories[repository]
        self.commit = commit or head
        self.name, self.values, self.parts = name, values, parts
        self.is_packed = self.path.endswith(".tgz")
        self.folder = CACHE / "charts" / (name + ".tgz" if self.is_packed else name)
        self.recipe = f"{self.url} {self.commit} {self.path} {self.version}\n" + "".join(p.recipe for p in parts)

    def values_files(self):
        """None stands for the default values."""
        patterns = [] if self.values == "-" else self.values.split(",")
        return [None] + sorted({f for p in patterns for f in self.folder.glob(p)})


def read_list():
    """All parts and charts, in an order in which each comes after its parts; then the charts alone."""
    repositories, parts, charts = {}, {}, []
    for line in LIST.read_text().splitlines():
        word = line.partition("#")[0].split()
        if not word:
            continue
        if word[0] == "repository":
            repositories[word[1]] = word[2:4]
        elif word[0] == "part":
            parts[word[1]] = Chart(word[1], word[2], "-", [parts[p] for p in word[3:]], repositories)
        elif word[0] == "chart":
            charts.append(Chart(word[1], word[2], word[3], [parts[p] for p in word[4:]], repositories))
        else:
            raise ValueError(f"{LIST.name}: {line}")
    return list(parts.values()) + charts, charts
