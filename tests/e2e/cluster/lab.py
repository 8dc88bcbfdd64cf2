"""Three coordinators, each in a network namespace of its own, with a disk and a clock that misbehave on demand.

The namespaces hang on one bridge, all inside a user, network and mount namespace that the test process enters first (`enter`),
so nothing outside is touched and no privilege is needed. A link that is down is a partition; a blackhole route in one of two
namespaces loses packets one way. Disk and clock are faults.c, preloaded; its control file is `<name>/faults`.
"""
import ctypes
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))
from mesh import Mesh, start_time  # noqa: E402

NET = "10.77.0"
INSIDE = "HL_CLUSTER_INSIDE"


def enter():
    """Runs this very program again inside namespaces of its own; returns there. Exits 77 with a word where that is not possible."""
    if os.environ.get(INSIDE):
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        os.makedirs("/run/netns")
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "link", "add", "br0", "type", "bridge")
        sh("ip", "link", "set", "br0", "up")
        sh("ip", "addr", "add", f"{NET}.100/24", "dev", "br0")
        return
    probe = subprocess.run(["unshare", "-U", "-r", "-n", "-m", "ip", "link", "add", "br0", "type", "bridge"], capture_output=True, text=True)
    if probe.returncode != 0:
        print(f"skipped: no namespaces of our own here: {probe.stderr.strip()}")
        sys.exit(77)
    os.execvpe("unshare", ["unshare", "-U", "-r", "-n", "-m", sys.executable, "-B", *sys.argv], {**os.environ, INSIDE: "1"})


def sh(*args):
    subprocess.run(args, check=True)


class Faults:
    """The control file of one process."""
    FIELDS = ("sync_ms", "stall_ms", "full", "wall_ms")

    def __init__(self, path):
        path.write_bytes(bytes(8 * len(self.FIELDS)))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def set(self, field, value):
        struct.pack_into("<q", self.map, 8 * self.FIELDS.index(field), int(value))

    def clear(self):
        for field in self.FIELDS:
            self.set(field, 0)

    def stall(self, seconds):
        self.set("stall_ms", time.monotonic() * 1000 + seconds * 1000)


class Lab(Mesh):
    def __init__(self, directory, bin_dir, preload, coordinators=3):
        super().__init__(directory, bin_dir, coordinators=coordinators, agents=0)
        self.preload = preload
        self.faults = {}
        self.hosts = {}

    def host(self, name):
        """Makes the namespace of a coordinator; returns its address."""
        number = len(self.hosts) + 1
        self.hosts[name] = f"{NET}.{number}"
        sh("ip", "netns", "add", name)
        sh("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        sh("ip", "link", "set", f"v-{name}", "master", "br0", "up")
        sh("ip", "-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
        sh("ip", "-n", name, "link", "set", "eth0", "up")
        sh("ip", "-n", name, "link", "set", "lo", "up")
        return self.hosts[name]

    def create_keys(self):
        members = []
        secret = self.dir / "webhook.secret"
        secret.touch(0o600)
        secret.write_text(os.urandom(24).hex())
        for name in self.coordinator_names:
            self.ports[name] = dict(zip(("peer", "agent", "client", "enrol", "web"), range(7400, 7405)))
            members += ["--coordinator", f"{name}={self.host(name)}:7400"]
        self.hlctl("keygen", "mesh", self.dir / "keys", *members, "--admin", "operator")
        self.read_mesh_id()

    def start_coordinator(self, name, env=None):
        control = self.dir / name / "faults"
        if name not in self.faults:
            self.faults[name] = Faults(control)
        environment = {**os.environ, "LD_PRELOAD": str(self.preload), "HL_FAULTS": str(control),
                       "ASAN_OPTIONS": "verify_asan_link_order=0", **(env or {})}
        log = open(self.dir / name / "log", "ab")
        child = subprocess.Popen(["nsenter", f"--net=/run/netns/{name}", self.bin / "hl-coordinator", "--config", self.dir / name / "coordinator.yaml"],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.dir / name, env=environment,
                                 preexec_fn=die_with_parent)
        log.close()
        self.children[name] = child
        self.processes[name] = {"pid": child.pid, "start": start_time(child.pid)}
        return child

    # ---- faults of the network

    def partition(self, name):
        sh("ip", "link", "set", f"v-{name}", "down")

    def lose(self, source, target):
        """What `source` sends to `target` is lost; the other way is whole."""
        sh("ip", "-n", source, "route", "add", "blackhole", self.hosts[target])

    def heal(self):
        for name, address in self.hosts.items():
            sh("ip", "link", "set", f"v-{name}", "up")
            for other, target in self.hosts.items():
                if other != name:
                    subprocess.run(["ip", "-n", name, "route", "del", "blackhole", target], capture_output=True)
            if name in self.faults:
                self.faults[name].clear()

    # ---- looking

    def roles(self):
        """What each coordinator logged last about its role: name -> (role, term, time)."""
        found = {}
        for name in self.coordinator_names:
            for line in self.log(name).splitlines():
                if "role role=" in line:
                    words = dict(w.split("=", 1) for w in line.split() if "=" in w)
                    found[name] = (words["role"], int(words["term"]), line.split()[0])
        return found

    def term(self):
        return max((r[1] for r in self.roles().values()), default=0)

    def elections(self):
        """Terms that somebody won."""
        return {line.split("term=")[1].split()[0] for name in self.coordinator_names for line in self.log(name).splitlines()
                if "role role=leader" in line}

    def is_whole(self, count=None):
        status = self.try_status()
        states = sorted(c["state"] for c in status["coordinators"]) if status else []
        return states == ["follower"] * ((count or len(self.coordinator_names)) - 1) + ["leader"] and status

    def freeze(self, name):
        self.kill(name, signal.SIGSTOP)

    def thaw(self, name):
        self.kill(name, signal.SIGCONT)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
