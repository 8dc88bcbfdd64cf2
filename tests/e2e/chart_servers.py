"""Servers of charts on loopback, for the tests that need one: a web server with or without TLS, Debian's
docker-registry, a token service; and archives for them."""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import tarfile
import threading
import time
import urllib.parse
import urllib.request

REGISTRY = shutil.which("docker-registry")
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def chart(name, version, files=(("templates/a.yaml", "a: 1\n"),)):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as t:
        for path, text in (("Chart.yaml", f"apiVersion: v2\nname: {name}\nversion: {version}\n"), *files):
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size = len(text)
            t.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(tar.getvalue(), mtime=0)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, **more).stdout


class Certificate:
    """One for localhost that is its own authority."""

    def __init__(self, folder):
        self.key, self.pem = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.pem, "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-addext", "basicConstraints=critical,CA:TRUE")

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, self.key)
        return context


class Web:
    def __init__(self, handler, certificate=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if certificate:
            self.server.socket = certificate.context().wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class TokenService(http.server.BaseHTTPRequestHandler):
    """Signs what docker-registry believes: RS256 with the certificate in the header."""
    certificate, users = None, {}

    def log_message(self, *_):
        pass

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        login = self.headers.get("Authorization", "")
        if login not in self.users:
            self.send_error(401)
            return
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        body = json.dumps({"token": self.sign(query["service"][0], access)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def sign(self, service, access):
        def part(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        now = int(time.time())
        with open(self.certificate.pem) as f:
            der = ssl.PEM_cert_to_DER_cert(f.read())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        claims = {"iss": "tests", "sub": "me", "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": str(time.time_ns()), "access": access}
        signed = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
        return (signed + b"." + part(openssl("dgst", "-sha256", "-sign", self.certificate.key, input=signed))).decode()


class DockerRegistry:
    def __init__(self, folder, auth=None, headers=None, certificate=None):
        self.port, self.headers = free_port(), headers or {}
        self.url = f"http://127.0.0.1:{self.port}"
        self.trust = None
        config = {"version": "0.1", "log": {"level": "error"},
                  "storage": {"filesystem": {"rootdirectory": os.path.join(folder, f"data-{self.port}")}},
                  "http": {"addr": f"127.0.0.1:{self.port}"}}
        if auth:
            config["auth"] = auth
        if certificate:
            config["http"]["tls"] = {"certificate": certificate.pem, "key": certificate.key}
            self.url = f"https://localhost:{self.port}"
            self.trust = ssl.create_default_context(cafile=certificate.pem)
        path = os.path.join(folder, f"registry-{self.port}.yml")
        with open(path, "w") as f:
            json.dump(config, f)
        self.log = open(os.path.join(folder, f"registry-{self.port}.log"), "w")
        self.process = subprocess.Popen([REGISTRY, "serve", path], stdout=self.log, stderr=self.log)
        self.wait()

    def wait(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("docker-registry does not start: " + open(self.log.name).read())

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def send(self, method, url, data=b"", **headers):
        request = urllib.request.Request(url, data=data, method=method)
        for key, value in {**self.headers, **headers}.items():
            request.add_header(key.replace("_", "-"), value)
        with urllib.request.urlopen(request, context=self.trust) as answer:
            return answer.headers

    def push_blob(self, name, data):
        place = self.send("POST", f"{self.url}/v2/{name}/blobs/uploads/")["Location"]
        separator = "&" if "?" in place else "?"
        self.send("PUT", f"{place}{separator}digest=sha256:{sha256(data)}", data, Content_Type="application/octet-stream")

    def push(self, name, tag, archive, media_type=CHART):
        config = json.dumps({"name": name.split("/")[-1], "version": tag.replace("_", "+")}).encode()
        self.push_blob(name, config)
        self.push_blob(name, archive)
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": f"sha256:{sha256(config)}", "size": len(config)},
            "layers": [{"mediaType": media_type, "digest": f"sha256:{sha256(archive)}", "size": len(archive)}],
        }).encode()
        self.send("PUT", f"{self.url}/v2/{name}/manifests/{tag}", manifest, Content_Type=MANIFEST)
        return sha256(manifest)
