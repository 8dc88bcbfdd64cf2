"""Charts from real servers on loopback: a static server with TLS, Debian's docker-registry open, with
passwords, and with a token service. Charts are pushed by plain HTTP requests.

With HL_HELM naming a helm, what it pulls must be what we fetch.
"""
import base64
import crypt
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from chart_servers import REGISTRY, Certificate, DockerRegistry, TokenService, Web, chart, sha256

CLIENT = os.path.join(os.environ["HL_BUILD_DIR"], "tests", "registry-client")
HELM = os.environ.get("HL_HELM")


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hlmesh-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.certificate = Certificate(self.folder)

    def start(self, what):
        self.addCleanup(what.close)
        return what

    def ask(self, repository, name, version="", mode="tls", ca=True, docker=None, cache="cache", lock="charts.lock"):
        config = "-"
        if docker:
            config = os.path.join(self.folder, "config.json")
            with open(config, "w") as f:
                json.dump({"auths": docker}, f)
        run = subprocess.run(
            [CLIENT, os.path.join(self.folder, cache), os.path.join(self.folder, lock), self.certificate.pem if ca else "-",
             config, mode, repository, name, version], capture_output=True, text=True)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        return run.stdout.strip()

    def assert_fetched(self, answer, name, version, archive):
        self.assertEqual(answer, f"{name} {version} {sha256(archive)} {len(archive)}")


class StaticServer(Case):
    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.folder, "site")
        os.makedirs(os.path.join(self.root, "charts"))
        self.archives = {v: chart("demo", v) for v in ("1.0.0", "1.2.0", "2.0.0-rc.1")}
        index = "apiVersion: v1\nentries:\n  demo:\n"
        for version, archive in self.archives.items():
            with open(os.path.join(self.root, "charts", f"demo-{version}.tgz"), "wb") as f:
                f.write(archive)
            index += f"  - name: demo\n    version: {version}\n    digest: {sha256(archive)}\n    urls: [demo-{version}.tgz]\n"
        with open(os.path.join(self.root, "charts", "index.yaml"), "w") as f:
            f.write(index)

        class Files(http.server.SimpleHTTPRequestHandler):
            def __init__(handler, *a):
                super().__init__(*a, directory=self.root)

            def log_message(handler, *_):
                pass

            def do_GET(handler):
                if not handler.path.startswith("/plain/"):
                    return super().do_GET()
                handler.send_response(302)
                handler.send_header("Location", f"http://localhost:{self.plain.port}/charts/" + handler.path[7:])
                handler.end_headers()
        self.plain = self.start(Web(Files))
        self.tls = self.start(Web(Files, self.certificate))
        self.url = f"https://localhost:{self.tls.port}/charts"

    def test_a_repository_with_tls_gives_the_newest_release(self):
        self.assert_fetched(self.ask(self.url, "demo"), "demo", "1.2.0", self.archives["1.2.0"])
        self.assert_fetched(self.ask(self.url, "demo", ">0.0.0-0"), "demo", "2.0.0-rc.1", self.archives["2.0.0-rc.1"])
        self.assert_fetched(self.ask(self.url, "demo", mode="offline"), "demo", "1.2.0", self.archives["1.2.0"])
        with open(os.path.join(self.folder, "charts.lock")) as f:
            self.assertEqual(len(f.readlines()), 2)

    def test_a_certificate_of_an_unknown_authority_is_refused(self):
        self.assertRegex(self.ask(self.url, "demo", ca=False), "^EDENIED ")

    def test_nothing_leads_from_tls_to_plain_http(self):
        self.assertRegex(self.ask(f"https://localhost:{self.tls.port}/plain", "demo"), "^EDENIED redirect from https://")

    @unittest.skipUnless(HELM, "HL_HELM names no helm")
    def test_helm_pulls_the_same(self):
        for version in ("", "^1", "1.0.0", "1.0", "<1.1", ">0.0.0-0"):
            into = tempfile.mkdtemp(dir=self.folder)
            subprocess.run([HELM, "pull", "demo", "--repo", self.url, "--ca-file", self.certificate.pem, "-d", into,
                            "--version", version], check=True, capture_output=True)
            (name,) = os.listdir(into)
            with open(os.path.join(into, name), "rb") as f:
                archive = f.read()
            self.assertIn(sha256(archive), self.ask(self.url, "demo", version), version)


@unittest.skipUnless(REGISTRY, "docker-registry is not installed")
class Registry(Case):
    def test_charts_of_an_open_registry(self):
        registry = self.start(DockerRegistry(self.folder))
        old, new, built = chart("demo", "1.0.0"), chart("demo", "1.1.0"), chart("demo", "1.1.1+b.2")
        registry.push("charts/demo", "1.0.0", old, "application/tar+gzip")
        pinned = registry.push("charts/demo", "1.1.0", new)
        registry.push("charts/demo", "1.1.1_b.2", built)
        registry.push("charts/demo", "latest", old)
        url = f"oci://127.0.0.1:{registry.port}/charts"
        self.assert_fetched(self.ask(url, "demo", mode="plain"), "demo", "1.1.1+b.2", built)
        self.assert_fetched(self.ask(url, "demo", "~1.0", mode="plain"), "demo", "1.0.0", old)
        self.assert_fetched(self.ask(url, f"demo@sha256:{pinned}", mode="plain"), "demo", "1.1.0", new)
        self.assertRegex(self.ask(url, "demo", "^2", mode="plain"), "^EABSENT ")
        self.assertRegex(self.ask(url, "absent", mode="plain"), "^EABSENT ")
        registry.push("charts/demo", "1.1.0", old)
        self.assertRegex(self.ask(url, "demo", "~1.1.0 <1.1.1", mode="plain", cache="c2"),
                         f"^ECONFLICT demo 1.1.0 of {url} is locked to sha256:{sha256(new)}, now it is sha256:{sha256(old)}$")
        if HELM:
            self.check_helm(url)

    def check_helm(self, url):
        for version in ("", "1.0.0", "1.1.1+b.2", "~1.0"):
            into = tempfile.mkdtemp(dir=self.folder)
            subprocess.run([HELM, "pull", f"{url}/demo", "--plain-http", "-d", into, "--version", version],
                           check=True, capture_output=True)
            (name,) = os.listdir(into)
            with open(os.path.join(into, name), "rb") as f:
                self.assertIn(sha256(f.read()), self.ask(url, "demo", version, mode="plain"), version)

    def test_a_registry_with_passwords(self):
        users = os.path.join(self.folder, "users")
        with open(users, "w") as f:
            f.write("me:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH)) + "\n")
        login = "Basic " + base64.b64encode(b"me:secret").decode()
        registry = self.start(DockerRegistry(self.folder, {"htpasswd": {"realm": "tests", "path": users}},
                                             {"Authorization": login}))
        archive = chart("demo", "1.0.0")
        registry.push("demo", "1.0.0", archive)
        url, host = f"oci://127.0.0.1:{registry.port}", f"http://127.0.0.1:{registry.port}"
        self.assertRegex(self.ask(url, "demo", mode="plain"), "^EDENIED .* wants a password")
        wrong = self.ask(url, "demo", mode="plain", docker={host: {"username": "me", "password": "wrong"}})
        self.assertRegex(wrong, "^EDENIED .*status 401")
        self.assertNotIn("wrong", wrong)
        self.assert_fetched(self.ask(url, "demo", mode="plain", docker={host: {"auth": login[6:]}}), "demo", "1.0.0", archive)

    def test_a_registry_with_a_token_service(self):
        login = "Basic " + base64.b64encode(b"me:secret").decode()
        service = type("Service", (TokenService,), {"certificate": self.certificate, "users": {login}})
        tokens = self.start(Web(service))
        signed = service.sign(service, "tests", [{"type": "repository", "name": "charts/demo", "actions": ["pull", "push"]}])
        registry = self.start(DockerRegistry(
            self.folder, {"token": {"realm": f"http://127.0.0.1:{tokens.port}/token", "service": "tests", "issuer": "tests",
                                    "rootcertbundle": self.certificate.pem}}, {"Authorization": f"Bearer {signed}"}))
        archive = chart("demo", "1.0.0")
        registry.push("charts/demo", "1.0.0", archive)
        url = f"oci://127.0.0.1:{registry.port}/charts"
        self.assertRegex(self.ask(url, "demo", mode="plain"), "^EDENIED .*status 401")
        docker = {f"http://127.0.0.1:{tokens.port}": {"auth": login[6:]}}
        self.assert_fetched(self.ask(url, "demo", mode="plain", docker=docker), "demo", "1.0.0", archive)


if __name__ == "__main__":
    result = unittest.main(verbosity=1, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if not REGISTRY:
        print("skipped in part: docker-registry is not installed")
        sys.exit(77)
