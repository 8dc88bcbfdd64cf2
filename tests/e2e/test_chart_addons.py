"""The fleet we ship with its charts: repositories on loopback (a web server, Debian's docker-registry with TLS)
serve small charts of the names and versions that it asks for. Agents render them; a version keeps its digest."""
import http.server
import json
import os
import re
import subprocess
import threading
import unittest

from chart_servers import REGISTRY, Certificate, DockerRegistry, chart, sha256
from road_case import SOURCE, MeshCase

LAYER = "addons/environments/production/addons/addons.yaml"
TEMPLATES = (("values.yaml", "own: default\n"), ("crds/kind.yaml", """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: NAMEs.charts.example}
spec:
  group: charts.example
  names: {kind: NAME, plural: NAMEs}
  scope: Cluster
"""), ("templates/all.yaml", """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
  namespace: {{ .Release.Namespace }}
data:
  text: "TEXT"
  values: {{ toJson .Values | quote }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-before
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
"""))


def archive(name, version, text="first"):
    return chart(name, version, [(p, t.replace("NAME", name).replace("TEXT", text)) for p, t in TEMPLATES])


def charts_of(fleet):
    """(chart, version, repository) of every entry that has a repository."""
    for path in sorted((fleet / "addons").rglob("addons.yaml")):
        for entry in re.split(r"(?m)^(?=\S)", path.read_text()):
            found = dict(re.findall(r"(?m)^  (chartRepository|chartName|defaultVersion): \"?([^\"\s]+)", entry))
            if "chartRepository" in found:
                yield found.get("chartName", entry.split(":")[0]), found["defaultVersion"], found["chartRepository"]


class Repository(http.server.ThreadingHTTPServer):
    """One index for every path, of what `archives` holds now."""

    def __init__(self):
        self.archives = {}  # (name, version) -> bytes
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def index(self):
        entries = {}
        for (name, version), data in self.archives.items():
            entries.setdefault(name, []).append({"name": name, "version": version, "digest": sha256(data),
                                                 "urls": [f"{name}-{version}.tgz"]})
        return json.dumps({"apiVersion": "v1", "entries": entries}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        files = {f"{n}-{v}.tgz": d for (n, v), d in self.server.archives.items()}
        base = self.path.rpartition("/")[2]
        body = self.server.index() if base == "index.yaml" else files.get(base)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


@unittest.skipUnless(REGISTRY, "docker-registry is not installed")
class ChartAddons(MeshCase):
    options = {"poll": "3s"}

    @classmethod
    def prepare(cls):
        os.makedirs(cls.folder, exist_ok=True)
        cls.certificate = Certificate(cls.folder)
        cls.oci = DockerRegistry(cls.folder, certificate=cls.certificate)
        cls.web = Repository()
        cls.charts = list(charts_of(SOURCE))
        for name, version, repository in cls.charts:
            cls.web.archives[name, version] = archive(name, version)
            if repository.startswith("oci://"):
                cls.oci.push(f"charts/{name}", version, archive(name, version))
        cls.mesh.chart_repository = cls.here
        cls.mesh.options["coordinator"] = {"charts": {"caFile": cls.certificate.pem}}
        cls.mesh.create()

    @classmethod
    def here(cls, url):
        if url.startswith("oci://"):
            return f"oci://localhost:{cls.oci.port}/charts/" + url.rpartition("/")[2]
        return cls.web.url + "/" + re.sub(r"\W+", "-", url)

    @classmethod
    def finish(cls, keep):
        super().finish(keep)
        cls.oci.close()
        cls.web.shutdown()
        cls.web.server_close()

    def change(self, old, new, subject):
        text = (self.mesh.dir / "fleet" / LAYER).read_text()
        self.assertIn(old, text)
        self.mesh.write(LAYER, text.replace(old, new))
        return self.push(subject)[0]

    def data_of(self, release, namespace):
        files = self.mesh.state_files()
        text = files[f"clusters/home/{namespace}/configmap-{release}-values.yaml"]
        return text, files

    def test_01_every_chart_of_the_fleet_is_rendered_and_applied(self):
        status = self.mesh.wait_synced(60)
        self.assertEqual([a for a in status["apps"] if a["status"] != "applicable"], [])
        self.assertGreaterEqual(len(self.charts), 8)
        files = self.mesh.state_files()
        for name in {c[0] for c in self.charts}:
            found = [p for p in files if p.startswith("clusters/") and p.endswith(f"/configmap-{name}-values.yaml")]
            self.assertTrue(found, f"{name} in {sorted(files)}")

    def test_02_values_of_every_layer_reach_the_chart(self):
        text, files = self.data_of("nfs-subdir-external-provisioner", "nfs-provisioner")
        values = json.loads(re.search(r"values: '(.*)'", " ".join(text.split()))[1])
        self.assertEqual(values["own"], "default")
        self.assertEqual(values["storageClass"]["create"], False)  # the entry's valuesObject
        layer = SOURCE / "addons/environments/production/addons/nfs-subdir-external-provisioner/values.yaml"
        self.assertEqual(sorted(values), sorted({"own", "storageClass", *re.findall(r"(?m)^(\w+):", layer.read_text())}))

    def test_03_hooks_are_files_and_tests_are_not(self):
        _, files = self.data_of("cert-manager", "cert-manager")
        self.assertIn("helm.sh/hook", files["clusters/home/cert-manager/job-cert-manager-before.yaml"])
        self.assertNotIn("clusters/home/cert-manager/pod-cert-manager-test.yaml", files)

    def test_04_a_new_version_is_fetched_and_applied(self):
        self.web.archives["external-dns", "1.21.2"] = archive("external-dns", "1.21.2", "second")
        # What an index says is believed for a minute: another URL has another index.
        self.change("chartRepository: " + self.here("https://kubernetes-sigs.github.io/external-dns") +
                    "\n  defaultVersion: \"1.21.1\"",
                    f"chartRepository: {self.web.url}/new\n  defaultVersion: ~1.21.0", "a newer external-dns")
        self.mesh.wait_synced(30)
        self.assertIn("second", self.data_of("external-dns", "external-dns")[0])
        app = self.app("external-dns-home")
        self.assertIn("1.21.2 sha256:" + sha256(self.web.archives["external-dns", "1.21.2"]), app["charts"])

    def test_05_a_version_published_again_changes_nothing(self):
        before = self.mesh.state_files()
        self.web.archives["external-dns", "1.21.2"] = archive("external-dns", "1.21.2", "evil")
        for name in self.mesh.coordinator_names:
            self.mesh.stop_process(name)
        # What a coordinator has on its own disk could hide that it asks and is told something else.
        for name in self.mesh.coordinator_names:
            subprocess.run(["rm", "-rf", self.mesh.dir / name / "data/charts"], check=True)
            self.mesh.start_coordinator(name)
        def alarm():
            return [a for a in (self.mesh.try_status() or {}).get("alarms", []) if a["name"] == "chart-republished"]
        self.mesh.wait(alarm, 30, "the alarm")
        self.assertIn("1.21.2", alarm()[0]["text"])
        self.assertEqual(before, self.mesh.state_files())
        self.mesh.write("addons/environments/production/addons/external-dns/values.yaml", "touched: true\n")
        self.push("new values, the same chart")
        self.mesh.wait_synced(30)
        text, after = self.data_of("external-dns", "external-dns")
        self.assertIn("touched", text)
        self.assertNotIn("evil", text)
        self.assertEqual(set(before), set(after))

    def test_06_a_version_that_is_not_there_is_named_and_waits(self):
        commit = self.change("defaultVersion: v1.21.1", "defaultVersion: v1.22.0", "a version too early")
        rejected = self.mesh.wait(lambda: self.mesh.status()["git"].get("rejected"), 20, "the rejection")
        self.assertEqual(rejected["commit"], commit)
        error = json.dumps(rejected)
        self.assertIn("v1.22.0", error)
        self.assertIn(LAYER, error)
        self.web.archives["cert-manager", "v1.22.0"] = archive("cert-manager", "v1.22.0", "later")
        self.mesh.wait_synced(90)  # an index is believed for a minute
        self.assertIn("later", self.data_of("cert-manager", "cert-manager")[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
