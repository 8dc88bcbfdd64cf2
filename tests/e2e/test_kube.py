"""The main road to a real Kubernetes API: what a commit says is in the API server, an idle fleet
writes nothing, a change arrives, what left the files is deleted by uid and nothing else is.

Skipped when tests/peers/build.sh was not run.
"""
import json
import shutil
import sys
import tempfile
import unittest

import kube_peer
from road_case import MeshCase

ADDON = """
try-it:
  enabled: true
  type: manifest
  namespace: try-it
  path: addons/try-it
  selector:
    matchExpressions:
      - key: cluster_role
        operator: In
        values: ['control-plane']
"""
CHART = """
own:
  enabled: true
  namespace: try-it
  path: addons/charts/own
  releaseName: mine
  selectorMatchLabels: {cluster_role: control-plane}
"""
LAYER = "addons/cluster-roles/control-plane/addons/addons.yaml"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: try-it}}\ndata: {data}\n"
NETWORK_POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-dns, namespace: try-it}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - ports:
    - {port: 53, protocol: UDP}
    - {port: 53}
"""
# Values that the server rewrites and a list that it keys by a defaulted field.
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: try-it}
spec:
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec:
      containers:
      - name: idle
        image: example.net/idle:1
        ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]
        resources: {requests: {cpu: 1000m, memory: 1}}
"""
CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.example.net}
spec:
  group: example.net
  scope: Namespaced
  names: {kind: Lamp, listKind: LampList, plural: lamps, singular: lamp}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: example.net/v1
kind: Lamp
metadata: {name: desk, namespace: try-it}
spec: {watts: 7, dim: 0.5}
"""
# What a chart of this repository is told about the cluster.
SEEN = """apiVersion: v1
kind: ConfigMap
metadata: {name: seen}
data:
  version: {{ .Capabilities.KubeVersion.Version }}
  apps: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
  none: {{ .Capabilities.APIVersions.Has "apps/v1/Lamp" | quote }}
  release: {{ .Release.Name }}
"""
HOOK = """apiVersion: batch/v1
kind: Job
metadata: {name: first, annotations: {helm.sh/hook: pre-install}}
"""
MAPS = "/api/v1/namespaces/try-it/configmaps"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/try-it/networkpolicies"
DEPLOYMENTS = "/apis/apps/v1/namespaces/try-it/deployments"
LAMPS = "/apis/example.net/v1/namespaces/try-it/lamps"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@unittest.skipIf(kube_peer.missing(), kube_peer.missing())
class KubeRoad(MeshCase):
    options = {"coordinators": 1, "agents": 1, "poll": "3s"}

    @classmethod
    def prepare(cls):
        cls.peer_dir = tempfile.mkdtemp(prefix="hl-kube-")
        cls.api = kube_peer.KubePeer(cls.peer_dir).start()
        cls.mesh.kubeconfig = str(cls.api.kubeconfig)
        cls.mesh.create()
        layer = (cls.mesh.dir / "fleet" / LAYER).read_text()
        cls.mesh.write(LAYER, layer + ADDON + CHART)
        cls.mesh.write("addons/try-it/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: try-it}\n")
        cls.mesh.write("addons/try-it/first.yaml", CONFIG.format(name="first", data="{text: one, gone: soon}"))
        cls.mesh.write("addons/try-it/second.yaml", CONFIG.format(name="second", data="{text: two}"))
        cls.mesh.write("addons/try-it/policy.yaml", NETWORK_POLICY)
        cls.mesh.write("addons/try-it/deployment.yaml", DEPLOYMENT)
        cls.mesh.write("addons/try-it/lamp.yaml", CRD)
        cls.mesh.write("addons/charts/own/Chart.yaml", "apiVersion: v2\nname: own\nversion: 0.1.0\n")
        cls.mesh.write("addons/charts/own/templates/seen.yaml", SEEN)
        # One API is one cluster: the tenant would be applied over its host.
        clusters = (cls.mesh.dir / "fleet/platform/clusters.yaml").read_text()
        cls.mesh.write("platform/clusters.yaml", clusters.partition("- name: vcluster-media")[0])
        cls.mesh.commit("an addon to play with")

    @classmethod
    def finish(cls, keep):
        try:
            super().finish(keep)
        finally:
            if hasattr(cls, "api"):
                cls.api.stop()
                shutil.rmtree(cls.peer_dir, ignore_errors=True)

    def setUp(self):
        self.wait_synced(self.mesh.head())

    def appliable(self):
        """The shipped fleet also holds objects of kinds whose operators come with charts: those wait."""
        return [a for a in self.mesh.applicable(self.mesh.status()) if "kind not served yet" not in (a.get("reason") or "")]

    def wait_synced(self, commit, timeout=40):
        def is_synced():
            status = self.mesh.try_status()
            return status and (status.get("git") or {}).get("commit") == commit and \
                all(a["sync"] == "Synced" for a in self.appliable())
        self.mesh.wait(is_synced, timeout, "the apps to be Synced at " + commit[:12], interval=0.2)

    def push_and_wait(self):
        self.wait_synced(self.push()[0])

    def everything(self):
        found = self.api.versions("/api/v1/namespaces", "/api/v1/configmaps", "/apis/networking.k8s.io/v1/networkpolicies",
                                  "/api/v1/resourcequotas", "/apis/rbac.authorization.k8s.io/v1/roles", DEPLOYMENTS, LAMPS, CRDS)
        return {k: v for k, v in found.items() if " kube-system/" not in k}

    def changes(self, before):
        after = self.everything()
        return {k for k in {*before, *after} if before.get(k) != after.get(k)}

    def applies(self):
        """How many server-side applies the API server has seen, those that changed nothing too."""
        _, text = self.api.request("GET", "/metrics")
        return sum(int(float(line.rsplit(b" ", 1)[1])) for line in text.splitlines()
                   if line.startswith(b"apiserver_request_total{") and b'verb="APPLY"' in line)

    def manager(self, item):
        return {(m["manager"], m["operation"]) for m in item["metadata"]["managedFields"]}

    def name_of_app(self):
        return next(a["name"] for a in self.mesh.status()["apps"] if "try-it" in a["name"])

    def sync_all(self):
        """A second run of every application, asked for by a person."""
        for app in self.appliable():
            self.mesh.hlctl("sync", app["name"], timeout=60)
        self.wait_synced(self.mesh.head())

    def test_01_the_objects_of_the_commit_are_in_the_api(self):
        self.assertIsNotNone(self.api.get("/api/v1/namespaces/try-it"))
        first = self.api.get(f"{MAPS}/first")
        self.assertEqual(first["data"], {"text": "one", "gone": "soon"})
        self.assertEqual(self.manager(first), {("hlmesh", "Apply")})
        ports = self.api.get(f"{POLICIES}/only-dns")["spec"]["egress"][0]["ports"]
        self.assertEqual([p["protocol"] for p in ports], ["UDP", "TCP"])
        self.assertEqual(self.api.get(f"{LAMPS}/desk")["spec"], {"watts": 7, "dim": 0.5})
        shipped = [p for p in self.everything() if p.startswith("/api/v1/configmaps") and "kube-" not in p and "try-it" not in p]
        self.assertTrue(shipped, "the shipped fleet brought no ConfigMap")

    def test_01b_a_chart_knows_the_cluster_that_it_is_rendered_for(self):
        _, version = self.api.request("GET", "/version")
        self.assertEqual(self.api.get(f"{MAPS}/seen")["data"], {
            "version": json.loads(version)["gitVersion"], "apps": "true", "none": "false", "release": "mine"})

    def test_01c_hooks_are_refused_before_anything_is_written(self):
        self.mesh.write("addons/charts/own/templates/hook.yaml", HOOK)
        self.mesh.write("addons/charts/own/templates/seen.yaml", SEEN + "  later: x\n")
        self.push("a hook")
        app = self.mesh.wait(lambda: "hook" in (self.app("own-home").get("reason") or "") and self.app("own-home"), 20, "the refusal")
        self.assertIn("pre-install hook: hooks are not run yet", app["reason"])
        self.assertNotIn("later", self.api.get(f"{MAPS}/seen")["data"])
        (self.mesh.dir / "fleet/addons/charts/own/templates/hook.yaml").unlink()
        self.mesh.write("addons/charts/own/templates/seen.yaml", SEEN)
        self.push_and_wait()

    def test_02_a_second_run_writes_nothing(self):
        before, applies = self.everything(), self.applies()
        self.assertGreater(applies, 50)
        self.sync_all()
        self.assertEqual(self.changes(before), set())
        self.assertEqual(self.applies(), applies)

    def test_03_a_restarted_agent_writes_nothing(self):
        before, applies = self.everything(), self.applies()
        self.mesh.stop_process("node1")
        self.mesh.start_agent("node1")
        self.sync_all()
        self.assertEqual(self.changes(before), set())
        # Quantities are stored in another form: what holds some is sent once by a new agent.
        quantities = [p for p in before if "resourcequotas" in p or "/deployments" in p]
        self.assertLessEqual(self.applies() - applies, len(quantities))

    def test_04_a_change_arrives_and_a_field_that_left_is_removed(self):
        before = self.everything()
        self.mesh.write("addons/try-it/first.yaml", CONFIG.format(name="first", data="{text: changed}"))
        self.push_and_wait()
        self.assertEqual(self.api.get(f"{MAPS}/first")["data"], {"text": "changed"})
        self.assertEqual(self.changes(before), {"/api/v1/configmaps try-it/first"})

    def test_05_a_field_that_only_left_is_removed(self):
        self.mesh.write("addons/try-it/first.yaml", CONFIG.format(name="first", data="{text: changed, more: x}"))
        self.push_and_wait()
        self.assertEqual(self.api.get(f"{MAPS}/first")["data"], {"text": "changed", "more": "x"})
        self.mesh.write("addons/try-it/first.yaml", CONFIG.format(name="first", data="{text: changed}"))
        self.push_and_wait()
        self.assertEqual(self.api.get(f"{MAPS}/first")["data"], {"text": "changed"})

    def test_06_what_somebody_else_changed_comes_back(self):
        status, _ = self.api.request("PATCH", f"{MAPS}/second?fieldManager=kubectl", {"data": {"text": "by hand", "own": "stays"}},
                                     "application/merge-patch+json")
        self.assertEqual(status, 200)
        self.mesh.hlctl("sync", self.name_of_app(), timeout=60)
        self.mesh.wait(lambda: self.api.get(f"{MAPS}/second")["data"] == {"text": "two", "own": "stays"}, 30, "the text to come back")

    def test_07_a_file_that_left_is_deleted_and_nothing_else(self):
        before = self.everything()
        (self.mesh.dir / "fleet/addons/try-it/second.yaml").unlink()
        self.push_and_wait()
        self.assertIsNone(self.api.get(f"{MAPS}/second"))
        self.assertEqual(self.changes(before), {"/api/v1/configmaps try-it/second"})

    def test_08_an_object_made_anew_by_somebody_else_is_not_deleted(self):
        self.mesh.write("addons/try-it/third.yaml", CONFIG.format(name="third", data="{text: ours}"))
        self.push_and_wait()
        self.api.request("DELETE", f"{MAPS}/third")
        self.api.request("POST", MAPS, {"metadata": {"name": "third"}, "data": {"text": "theirs"}})
        (self.mesh.dir / "fleet/addons/try-it/third.yaml").unlink()
        self.push_and_wait()
        self.assertEqual(self.api.get(f"{MAPS}/third")["data"], {"text": "theirs"})

    def test_09_what_the_server_refuses_is_said_and_cured_by_the_next_commit(self):
        self.mesh.write("addons/try-it/bad.yaml", CONFIG.format(name="bad", data="{'no slash/': x}"))
        self.push()
        app = self.name_of_app()
        self.mesh.wait(lambda: "no slash/" in self.mesh.hlctl("app", "get", app, "-o", "json").stdout, 30, "the refusal to be shown")
        (self.mesh.dir / "fleet/addons/try-it/bad.yaml").unlink()
        self.push_and_wait()


if __name__ == "__main__":
    reason = kube_peer.missing()
    if reason:
        print(f"skipped: {reason}", file=sys.stderr)
    unittest.main(verbosity=2)
