"""An embedded mesh on loopback: keys, Git repositories, configuration and processes in one folder.

The demo and the end-to-end tests are made of it. Everything lives below Mesh.dir:

    fleet.git  state.git     bare repositories: desired state, and what was applied
    fleet/                   a clone to edit
    keys/                    mesh.json, root key, one folder a coordinator, the first admin, hlctl.yaml
    c1 c2 c3  node1 node2 …  data, configuration and log of each process
    mesh.state               pids and ports, so that a later call finds them again

A process is known by pid and start time, so that stopping never hits a stranger. Python's standard
library only.
"""
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLEET_FOLDERS = ("addons", "platform", "promises", "workloads", "matchbox")
GIT_ENV = {
    "GIT_AUTHOR_NAME": "operator", "GIT_AUTHOR_EMAIL": "operator@example.net",
    "GIT_COMMITTER_NAME": "operator", "GIT_COMMITTER_EMAIL": "operator@example.net",
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
}


class MeshError(Exception):
    pass


def git(*args, cwd=None, check=True):
    run = subprocess.run(["git", *map(str, args)], cwd=cwd, capture_output=True, text=True, env={**os.environ, **GIT_ENV})
    if check and run.returncode != 0:
        raise MeshError(f"git {' '.join(map(str, args))}: {run.stderr.strip()}")
    return run.stdout.strip()


def free_block(count, start):
    """The first of `count` consecutive loopback ports, from `start` on, that nobody listens on now."""
    for first in range(start, 60000, 10):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise MeshError("no free ports on loopback")


def start_time(pid):
    """The kernel's start time of a process in clock ticks, or None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


class Mesh:
    def __init__(self, directory, bin_dir, coordinators=3, agents=3, poll="30s", base_port=7400):
        self.dir = Path(directory).absolute()
        self.bin = Path(bin_dir).absolute()
        self.coordinator_names = [f"c{i + 1}" for i in range(coordinators)]
        self.agent_names = [f"node{i + 1}" for i in range(agents)]
        self.poll = poll
        self.base_port = base_port
        self.processes = {}  # name -> {"pid", "start"}
        self.ports = {}      # coordinator -> {"peer", "agent", "client", "enrol", "web"}
        self.children = {}   # name -> Popen, for those that this very process started
        self.options = {}    # name -> extra settings merged into its configuration
        self.kubeconfig = ""
        self.kube_cluster = "home"  # which cluster of the registry it is
        self.fleet_url = None
        # What the fleet's repositories of charts become, a function of their URL; None: they stay. By default
        # nobody answers, so that a test asks nobody outside.
        self.chart_repository = lambda url: "http://127.0.0.1:9"

    @property
    def config_path(self):
        return self.dir / "keys/hlctl.yaml"

    # ---- state that outlives this process

    def save(self):
        (self.dir / "mesh.state").write_text(json.dumps({"processes": self.processes, "ports": self.ports}, indent=1))

    @classmethod
    def load(cls, directory, bin_dir):
        mesh = cls(directory, bin_dir)
        try:
            state = json.loads((mesh.dir / "mesh.state").read_text())
        except FileNotFoundError:
            return mesh
        mesh.processes, mesh.ports = state["processes"], state["ports"]
        mesh.coordinator_names = list(mesh.ports)
        mesh.agent_names = [n for n in mesh.processes if n not in mesh.ports]
        mesh.read_mesh_id()
        return mesh

    # ---- programs

    def run(self, program, *args, timeout=60, check=True, env=None, text=True, stdin=None):
        environment = {**os.environ, "HLCTL_CONFIG": str(self.config_path), **(env or {})}
        run = subprocess.run([self.bin / program, *map(str, args)], capture_output=True, text=text, timeout=timeout,
                             env=environment, input=stdin)
        if check and run.returncode != 0:
            raise MeshError(f"{program} {' '.join(map(str, args))}: exit {run.returncode}\n{run.stdout}{run.stderr}")
        return run

    def hlctl(self, *args, **options):
        return self.run("hlctl", *args, **options)

    def json(self, *args, **options):
        return json.loads(self.hlctl(*args, "-o", "json", **options).stdout)

    # ---- making a mesh

    def create(self, fleet_source=ROOT):
        self.dir.mkdir(parents=True, exist_ok=True)
        self.create_repositories(fleet_source)
        self.create_keys()
        for name in self.coordinator_names:
            self.configure_coordinator(name)
        self.save()

    def create_repositories(self, source):
        git("init", "-q", "--bare", "-b", "main", self.dir / "state.git")
        git("init", "-q", "--bare", "-b", "main", self.dir / "fleet.git")
        git("clone", "-q", self.dir / "fleet.git", self.dir / "fleet")
        git("checkout", "-q", "-B", "main", cwd=self.dir / "fleet")
        if source is None:
            return
        for folder in FLEET_FOLDERS:
            if (Path(source) / folder).is_dir():
                shutil.copytree(Path(source) / folder, self.dir / "fleet" / folder)
        if self.chart_repository:
            for path in (self.dir / "fleet/addons").rglob("addons.yaml"):
                path.write_text(re.sub(r"chartRepository: (\S+)", lambda m: "chartRepository: " + self.chart_repository(m[1]),
                                       path.read_text()))
        self.commit("The fleet as shipped")

    def create_keys(self):
        secret = self.dir / "webhook.secret"
        secret.touch(0o600)
        secret.write_text(os.urandom(24).hex())
        members = []
        port = self.base_port
        for name in self.coordinator_names:
            port = free_block(5, port)
            self.ports[name] = dict(zip(("peer", "agent", "client", "enrol", "web"), range(port, port + 5)))
            members += ["--coordinator", f"{name}=127.0.0.1:{port}"]
            port += 10
        self.hlctl("keygen", "mesh", self.dir / "keys", *members, "--admin", "operator")
        self.read_mesh_id()

    def read_mesh_id(self):
        self.mesh_id = json.loads((self.dir / "keys/mesh.json").read_text())["mesh"]

    def member_ids(self):
        return {c["name"]: c["id"] for c in json.loads((self.dir / "keys/mesh.json").read_text())["coordinators"]}

    def configure_coordinator(self, name, **changes):
        folder = self.dir / name
        (folder / "data").mkdir(parents=True, exist_ok=True)
        settings = {
            "apiVersion": "hlmesh/v1", "kind": "Coordinator", "dir": str(folder / "data"),
            "member": self.member_ids()[name],
            "secret": str(self.dir / "keys" / name / "coordinator.key"),
            "roster": str(self.dir / "keys/mesh.json"), "mesh": self.mesh_id,
            "git": {"url": self.fleet_url or str(self.dir / "fleet.git"), "poll": self.poll},
            "webhook": {"listen": f"127.0.0.1:{self.ports[name]['web']}", "secretFile": str(self.dir / "webhook.secret")},
        }
        if "HL_TIMERS" in os.environ:
            settings["timers"] = dict(zip(("heartbeat", "election"), os.environ["HL_TIMERS"].split()))
        for key, value in {**self.options.get("coordinator", {}), **changes}.items():
            settings[key] = {**settings[key], **value} if isinstance(settings.get(key), dict) else value
        (folder / "coordinator.yaml").write_text(json.dumps(settings, indent=1))  # JSON is YAML

    def configure_agent(self, name, token=None):
        folder = self.dir / name
        (folder / "data").mkdir(parents=True, exist_ok=True)
        destination = {"kubeconfig": self.kubeconfig} if self.kubeconfig else {"stateRepository": {"url": str(self.dir / "state.git")}}
        settings = {
            "apiVersion": "hlmesh/v1", "kind": "Agent", "dir": str(folder / "data"), "node": name,
            "roster": str(self.dir / "keys/mesh.json"), "mesh": self.mesh_id, "roles": ["kubernetes"],
            "destination": destination,
        }
        if self.kubeconfig:
            settings["cluster"] = self.kube_cluster
        settings.update(self.options.get("agent", {}))
        if token:
            (folder / "join.token").touch(0o600)
            (folder / "join.token").write_text(token)
            settings["tokenFile"] = str(folder / "join.token")
        (folder / "agent.yaml").write_text(json.dumps(settings, indent=1))

    def refresh_configuration(self):
        """Configuration files again, for a mesh that was made before; keys and ports stay."""
        self.agent_names = self.agent_names or sorted(p.parent.name for p in self.dir.glob("*/agent.yaml"))
        for name in self.coordinator_names:
            self.configure_coordinator(name)
        for name in self.agent_names:
            if (self.dir / name / "agent.yaml").exists():
                self.configure_agent(name)

    # ---- processes

    def start_process(self, name, program, config, env=None):
        log = open(self.dir / name / "log", "ab")
        child = subprocess.Popen([self.bin / program, "--config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 start_new_session=True, cwd=self.dir / name, env={**os.environ, **(env or {})})
        log.close()
        self.children[name] = child
        self.processes[name] = {"pid": child.pid, "start": start_time(child.pid)}
        self.save()
        return child

    def start_coordinator(self, name, env=None):
        return self.start_process(name, "hl-coordinator", self.dir / name / "coordinator.yaml", env)

    def start_agent(self, name, env=None):
        if not (self.dir / name / "agent.yaml").exists():
            token = self.hlctl("token", "create", "--role", "agent", "--node", name, "--ttl", "10m").stdout.split()[0]
            self.configure_agent(name, token)
        return self.start_process(name, "hl-agent", self.dir / name / "agent.yaml", env)

    def start(self):
        for name in self.coordinator_names:
            self.start_coordinator(name)
        self.wait(lambda: self.leader() is not None, 15, "a leader")
        for name in self.agent_names:
            self.start_agent(name)

    def is_running(self, name):
        p = self.processes.get(name)
        if name in self.children:
            return self.children[name].poll() is None
        return bool(p) and p["start"] is not None and start_time(p["pid"]) == p["start"]

    def kill(self, name, number=signal.SIGKILL):
        if self.is_running(name):
            os.kill(self.processes[name]["pid"], number)

    def stop_process(self, name, timeout=10):
        self.kill(name, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while self.is_running(name):
            if time.monotonic() > deadline:
                self.kill(name, signal.SIGKILL)
                deadline += 5
            time.sleep(0.02)
        if name in self.children:
            self.children.pop(name).wait()

    def stop(self):
        names = [n for n in self.processes if n not in self.ports] + [n for n in self.processes if n in self.ports]
        for name in names:
            self.kill(name, signal.SIGTERM)
        for name in names:
            self.stop_process(name)
        self.processes = {}
        if self.dir.exists():
            self.save()

    def log(self, name):
        path = self.dir / name / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- looking

    def status(self, **options):
        return self.json("status", **options)

    def try_status(self):
        run = self.hlctl("status", "-o", "json", "--timeout", "2s", check=False)
        return json.loads(run.stdout) if run.returncode == 0 else None

    def leader(self):
        status = self.try_status()
        if not status:
            return None
        return next((c["name"] for c in status["coordinators"] if c["state"] == "leader"), None)

    def wait(self, condition, timeout, what, interval=0.05):
        deadline = time.monotonic() + timeout
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > deadline:
                raise MeshError(f"waited {timeout} s for {what}")
            time.sleep(interval)

    def head(self):
        return git("rev-parse", "main", cwd=self.dir / "fleet.git")

    @staticmethod
    def applicable(status):
        return [a for a in status["apps"] if a["status"] == "applicable"]

    def is_synced(self, commit=None):
        status = self.try_status()
        if not status or not status.get("git") or status["git"].get("commit") != (commit or self.head()):
            return False
        apps = self.applicable(status)
        return bool(apps) and all(a["sync"] == "Synced" for a in apps) and status

    def wait_synced(self, timeout=30, commit=None):
        return self.wait(lambda: self.is_synced(commit), timeout, "all applicable apps to be Synced at " + (commit or self.head())[:12])

    def is_settled(self):
        """Nothing under way: applied, or waiting for what is not ours (a kind that is not served yet)."""
        status = self.try_status()
        if not status or status["git"].get("commit") != self.head():
            return False
        apps = self.applicable(status)
        return bool(apps) and not any(a.get("operation") in ("Pending", "Running") for a in apps) and status

    # ---- changing

    def write(self, path, text):
        target = self.dir / "fleet" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, subject):
        clone = self.dir / "fleet"
        git("add", "-A", cwd=clone)
        git("commit", "-q", "-m", subject, cwd=clone)
        git("push", "-q", "origin", "HEAD:main", cwd=clone)
        return git("rev-parse", "HEAD", cwd=clone)

    def webhook(self, name=None, body=None, secret=None):
        """Sends a signed push event as GitHub does; returns the HTTP status."""
        body = body if body is not None else json.dumps({"ref": "refs/heads/main", "after": self.head()}).encode()
        secret = secret if secret is not None else (self.dir / "webhook.secret").read_bytes()
        signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[name or self.coordinator_names[0]]['web']}/webhook", data=body, method="POST",
            headers={"Content-Type": "application/json", "X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + signature})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def state_files(self):
        """Path -> content of the state repository's head; empty before the first commit."""
        repo = self.dir / "state.git"
        head = git("rev-parse", "--verify", "-q", "main", cwd=repo, check=False)
        if not head:
            return {}
        names = git("ls-tree", "-r", "--name-only", head, cwd=repo).split("\n")
        return {n: git("show", f"{head}:{n}", cwd=repo) for n in names if n}
