"""What the benches measure by: a process from /proc, the device from /proc/diskstats, figures, and etcd as the peer."""
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from mesh import free_block  # noqa: E402

BIN = Path(os.environ.get("HL_BIN_DIR", ROOT / "build/release/bin"))
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mib(pid, field="VmRSS"):
    """What it holds; the most it ever held with VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def device_bytes(folder):
    """Bytes written to the device of `folder` since the machine started, everything flushed.

    Not /proc/PID/io: that counts a whole folio of the page cache, up to 1 MiB, for one write."""
    os.sync()
    number = os.stat(folder).st_dev
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(number), os.minor(number)):
            return int(fields[9]) * 512
    return None


def figure(name, ours, unit, limit=None, peer=None, ratio=None):
    """`limit`: the most that ours may be. `ratio`: (most, None) or (None, least) that ours / peer may be."""
    text = f"figure {name} ours={ours:.4g} peer={'none' if peer is None else f'{peer:.4g}'} "
    text += f"ratio={'none' if not peer else f'{ours / peer:.3g}'} unit={unit}"
    is_missed = limit is not None and ours > limit
    if limit is not None:
        text += f" limit={limit:.4g}"
    if ratio:
        most, least = ratio
        text += f" limit={'≤' if most else '≥'}{most or least}x"
        is_missed = is_missed or (bool(peer) and not (ours <= most * peer if most else ours >= least * peer))
    print(text + (" MISSED" if is_missed else ""), flush=True)


class Etcd:
    """Three members on loopback with default settings; over TLS if `tls`, for clients and peers."""

    def __init__(self, folder, tls=False):
        self.children, self.clients, self.command = [], [], []
        self.folder, self.ca = Path(folder), None
        self.program = shutil.which("etcd")
        if not self.program:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        scheme, options = ("https", self.make_certificate()) if tls else ("http", [])
        port = free_block(6, 23790)
        names = [f"e{i}" for i in range(3)]
        self.cluster = ",".join(f"{n}={scheme}://127.0.0.1:{port + 2 * i}" for i, n in enumerate(names))
        for i, n in enumerate(names):
            peer, client = (f"{scheme}://127.0.0.1:{port + 2 * i + k}" for k in (0, 1))
            self.clients.append(f"127.0.0.1:{port + 2 * i + 1}")
            self.children.append(None)
            self.command.append([self.program, "--name", n, "--data-dir", str(self.folder / n), "--initial-cluster", self.cluster,
                               "--initial-advertise-peer-urls", peer, "--listen-peer-urls", peer, "--log-level", "error", "--logger", "zap",
                               "--advertise-client-urls", client, "--listen-client-urls", client,
                               "--quota-backend-bytes", "8000000000", *options])
            self.start(i)

    def make_certificate(self):
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self.ca = str(certificate)
        return ["--cert-file", certificate, "--key-file", key, "--peer-cert-file", certificate, "--peer-key-file", key,
                "--peer-trusted-ca-file", certificate]

    def start(self, i):
        self.children[i] = subprocess.Popen(self.command[i], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pids(self):
        return [c.pid for c in self.children if c and c.poll() is None]

    def leader(self):
        """Number of the member that leads, or None."""
        context = ssl.create_default_context(cafile=self.ca) if self.ca else None
        for i, client in enumerate(self.clients):
            ask = urllib.request.Request(f"http{'s' if self.ca else ''}://{client}/v3/maintenance/status", data=b"{}")
            try:
                with urllib.request.urlopen(ask, timeout=2, context=context) as reply:
                    status = json.load(reply)
            except OSError:
                continue
            if status.get("leader", "0") == status["header"]["member_id"]:
                return i
        return None

    def wait_leader(self):
        deadline = time.monotonic() + 30
        while (leader := self.leader()) is None:
            if time.monotonic() > deadline:
                raise RuntimeError("etcd has no leader")
            time.sleep(0.1)
        return leader

    def stop(self):
        for c in self.children:
            c.kill()
        for c in self.children:
            c.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
