"""A real Kubernetes API on loopback: etcd and kube-apiserver as tests/peers/build.sh made them.

Everything lies in one folder: certificates made for this run, etcd's data, logs, kubeconfigs. There
is no controller manager and no kubelet: objects are stored, admitted and defaulted, nothing acts on
them; a deleted namespace stays Terminating. Python's standard library and openssl.
"""
import base64
import json
import os
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

PEERS = Path(os.environ.get("HL_PEERS", Path.home() / ".cache/hlmesh-peers"))


def missing():
    """Why the peers cannot run here, or None."""
    for name in ("etcd", "kube-apiserver"):
        if not (PEERS / "bin" / name).exists():
            return f"no {name} in {PEERS}/bin: run tests/peers/build.sh"
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class KubePeer:
    def __init__(self, directory):
        self.dir = Path(directory).absolute()
        self.dir.mkdir(parents=True, exist_ok=True)
        self.children = []
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = self.dir / "kubeconfig"

    # ---- certificates

    def openssl(self, *args):
        run = subprocess.run(["openssl", *map(str, args)], cwd=self.dir, capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"openssl {args[0]}: {run.stderr}")

    def make_authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                     "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}")

    def make_certificate(self, name, subject, extensions):
        (self.dir / f"{name}.ext").write_text(extensions)
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", "2", "-out", f"{name}.crt", "-extfile", f"{name}.ext")

    def make_files(self):
        self.make_authority("ca")
        self.make_authority("stranger")
        self.make_certificate("server", "/CN=kube-apiserver",
                              "subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
        self.make_certificate("admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth\n")
        self.openssl("genrsa", "-out", "accounts.key", "2048")
        (self.dir / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\nreader-token,reader,reader,"readers"\n')
        (self.dir / "token").write_text(self.token + "\n")
        self.write_kubeconfig(self.kubeconfig, {"token": self.token})

    def write_kubeconfig(self, path, user, ca="ca.crt"):
        data = base64.b64encode((self.dir / ca).read_bytes()).decode()
        Path(path).touch(0o600)
        Path(path).write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "peer", "user": "someone"}}],
            "clusters": [{"name": "peer", "cluster": {"server": self.url, "certificate-authority-data": data}}],
            "users": [{"name": "someone", "user": user}],
        }, indent=1))
        return str(path)

    # ---- processes

    def start_child(self, program, *args):
        with open(self.dir / f"{program}.log", "ab") as log:
            child = subprocess.Popen([PEERS / "bin" / program, *map(str, args)], cwd=self.dir, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, start_new_session=True)
        self.children.append(child)

    def start(self, timeout=90):
        self.make_files()
        client, peer = free_port(), free_port()
        self.start_child("etcd", "--data-dir", self.dir / "etcd", "--unsafe-no-fsync",
                         "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
                         "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                         "--initial-cluster", f"default=http://127.0.0.1:{peer}")
        self.start_child("kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{client}",
                         "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--secure-port", self.port,
                         "--tls-cert-file", "server.crt", "--tls-private-key-file", "server.key", "--client-ca-file", "ca.crt",
                         "--token-auth-file", "tokens.csv", "--authorization-mode", "RBAC",
                         "--service-account-issuer", "https://kubernetes.default.svc",
                         "--service-account-key-file", "accounts.key", "--service-account-signing-key-file", "accounts.key",
                         "--service-cluster-ip-range", "10.96.0.0/16", "--endpoint-reconciler-type", "none",
                         "--cert-dir", self.dir / "certs")
        deadline = time.monotonic() + timeout
        while True:
            try:
                if self.request("GET", "/readyz")[0] == 200 and self.get("/api/v1/namespaces/default"):
                    return self
            except OSError:
                pass
            for child in self.children:
                if child.poll() is not None:
                    raise RuntimeError(f"{Path(child.args[0]).name} ended: see {self.dir}\n" + self.log_end())
            if time.monotonic() > deadline:
                raise RuntimeError("the API server is not ready\n" + self.log_end())
            time.sleep(0.2)

    def log_end(self):
        return "".join(p.read_text(errors="replace")[-2000:] for p in self.dir.glob("*.log"))

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
        for child in reversed(self.children):
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children = []

    # ---- looking

    def request(self, method, path, body=None, content_type="application/json"):
        context = ssl.create_default_context(cafile=str(self.dir / "ca.crt"))
        request = urllib.request.Request(self.url + path, data=None if body is None else json.dumps(body).encode(), method=method,
                                         headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path):
        """The object or list, or None if there is none."""
        status, body = self.request("GET", path)
        if status == 404:
            return None
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def versions(self, *paths):
        """Path of every object below these collections -> (uid, resourceVersion)."""
        found = {}
        for path in paths:
            for item in self.get(path)["items"]:
                meta = item["metadata"]
                found[f"{path} {meta.get('namespace', '')}/{meta['name']}"] = (meta["uid"], meta["resourceVersion"])
        return found
