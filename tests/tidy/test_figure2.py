"""Every line of Figure 2 of the Raft paper, and of its Figure 13, is cited where core/raft implements
it, in a comment that names the figure. What is listed here are our names of those lines: a block and
the number of the line in it."""
import os
import re
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("HL_SOURCE_DIR", Path(__file__).resolve().parents[2]))

FIGURE_2 = [
    # State: persistent, volatile, volatile on leaders.
    "currentTerm", "votedFor", "log[]", "commitIndex", "lastApplied", "nextIndex[]", "matchIndex[]",
    "Updated on stable storage before responding to RPCs",
    "reinitialized after election",
    "AppendEntries arguments", "AppendEntries results",
    *(f"AppendEntries receiver {n}" for n in range(1, 6)),
    "RequestVote arguments", "RequestVote results", "RequestVote receiver 1", "RequestVote receiver 2",
    "all servers 1", "all servers 2",
    "followers 1", "followers 2",
    "candidates 1", "candidates 2", "candidates 3", "candidates 4",
    "leaders 1", "repeat during idle periods", "leaders 2",
    "if last log index >= nextIndex", "if successful", "if AppendEntries fails because of log inconsistency",
    "leaders 4",
]
FIGURE_13 = ["InstallSnapshot arguments", "InstallSnapshot results",
             *(f"InstallSnapshot receiver {n}" for n in range(1, 9))]


def comments():
    """Each comment of core/raft as one line."""
    for path in sorted((ROOT / "lib/core/raft").glob("*.[ch]")):
        for text in re.findall(r"/\*.*?\*/", path.read_text(), flags=re.S):
            yield re.sub(r"\s*\n\s*\*?\s*", " ", text)


class Figures(unittest.TestCase):
    def check(self, figure, lines):
        cited = [c for c in comments() if figure + ":" in c]
        missing = [line for line in lines if not any(self.names(c, line) for c in cited)]
        self.assertEqual(missing, [], f"lines of {figure} that no comment cites")

    @staticmethod
    def names(comment, line):
        return re.search(re.escape(line) + r"(?!\d)", comment) is not None

    def test_figure_2_is_cited_line_by_line(self):
        self.check("Figure 2", FIGURE_2)

    def test_figure_13_is_cited_line_by_line(self):
        self.check("Figure 13", FIGURE_13)


if __name__ == "__main__":
    unittest.main()
