#!/usr/bin/env python3
"""hlctl's commands about charts as a person uses them: folders and archives in, Helm's text out, what is
wrong named with its place, bombs that end with an error, a repository on loopback."""
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import textwrap
import threading
import unittest

HLCTL = os.path.join(os.environ["HL_BIN_DIR"], "hlctl")

CHART = {
    "Chart.yaml": """
        apiVersion: v2
        name: web
        version: 1.2.3
        dependencies:
        - name: db
          version: ^1.0.0
          condition: db.enabled
    """,
    "values.yaml": """
        image:
          tag: "1"
        replicas: 2
        db:
          enabled: true
          size: 1Gi
    """,
    ".helmignore": "*.bak\n",
    "templates/old.bak": "{{ not a template",
    "templates/_helpers.tpl": '{{ define "web.name" }}{{ .Release.Name }}-web{{ end }}',
    "templates/deployment.yaml": """
        kind: Deployment
        apiVersion: apps/v1
        metadata:
          name: {{ include "web.name" . }}
          namespace: {{ .Release.Namespace }}
        spec:
          replicas: {{ .Values.replicas }}
          image: web:{{ .Values.image.tag }}
    """,
    "templates/account.yaml": """
        kind: ServiceAccount
        apiVersion: v1
        metadata:
          name: {{ include "web.name" . }}
    """,
    "templates/test.yaml": """
        kind: Pod
        apiVersion: v1
        metadata:
          name: try
          annotations:
            helm.sh/hook: test
    """,
    "templates/about.yaml": """
        {{- if .Values.about }}
        kind: ConfigMap
        apiVersion: v1
        metadata:
          name: about
        data:
          upgrade: {{ .Release.IsUpgrade | quote }}
          kube: {{ .Capabilities.KubeVersion.Version }}
          api: {{ .Capabilities.APIVersions.Has "x.io/v1/Thing" | quote }}
          about: {{ toJson .Values.about | quote }}
        {{- end }}
    """,
    "templates/NOTES.txt": "Thank you.",
    "crds/thing.yaml": "kind: CustomResourceDefinition\n",
}
SUBCHART = {
    "db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.4.0\n",
    "db/values.yaml": "size: 8Gi\n",
    "db/templates/claim.yaml": "kind: PersistentVolumeClaim\nsize: {{ .Values.size }}\n",
}

OBJECTS = """---
# Source: web/templates/account.yaml
kind: ServiceAccount
apiVersion: v1
metadata:
  name: r-web
---
# Source: web/charts/db/templates/claim.yaml
kind: PersistentVolumeClaim
size: 1Gi
---
# Source: web/templates/deployment.yaml
kind: Deployment
apiVersion: apps/v1
metadata:
  name: r-web
  namespace: default
spec:
  replicas: 2
  image: web:1
"""
TEST_HOOK = """---
# Source: web/templates/test.yaml
kind: Pod
apiVersion: v1
metadata:
  name: try
  annotations:
    helm.sh/hook: test
"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def pack(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


class Charts(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hl-charts-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.write("web", CHART)
        os.mkdir(self.path("web", "charts"))
        with open(self.path("web", "charts", "db-1.4.0.tgz"), "wb") as file:
            file.write(pack(SUBCHART))

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, folder, files):
        for name, text in files.items():
            path = self.path(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(textwrap.dedent(text).lstrip("\n"))

    def run_line(self, *words, **options):
        return subprocess.run([HLCTL, *words], cwd=self.dir, text=True, capture_output=True,
                              timeout=60, **options)

    def ok(self, *words, **options):
        done = self.run_line(*words, **options)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    def refused(self, *words, says):
        done = self.run_line(*words)
        self.assertEqual(done.returncode, 1, f"{words}: {done.stdout}")
        self.assertEqual(done.stdout, "")
        self.assertIn(says, done.stderr)
        return done.stderr

    def bad(self, template, says, values=""):
        """A chart of one template that must fail."""
        shutil.rmtree(self.path("bad"), ignore_errors=True)
        self.write("bad", {"Chart.yaml": "name: bad\nversion: 1.0.0\n", "values.yaml": values,
                           "templates/a.yaml": template})
        return self.refused("template", "bad", says=says)

    # ---- template ----

    def test_the_text_is_that_of_helm(self):
        self.assertEqual(self.ok("template", "r", "web"), OBJECTS + TEST_HOOK)

    def test_an_archive_gives_what_its_folder_gives(self):
        with tarfile.open(self.path("web.tgz"), "w:gz") as tar:
            tar.add(self.path("web"), "web", filter=lambda i: None if i.name.endswith(".bak") else i)
        self.assertEqual(self.ok("template", "r", "web.tgz"), OBJECTS + TEST_HOOK)

    def test_flags_choose_what_is_printed(self):
        self.assertEqual(self.ok("template", "r", "web", "--no-hooks"), OBJECTS)
        self.assertEqual(self.ok("template", "r", "web", "--skip-tests"), OBJECTS)
        with_crds = self.ok("template", "r", "web", "--include-crds", "--no-hooks")
        self.assertTrue(with_crds.startswith("---\n# Source: web/crds/thing.yaml\n"))
        self.assertTrue(with_crds.endswith(OBJECTS))
        only = self.ok("template", "r", "web", "-s", "templates/acc*.yaml")
        self.assertEqual(only, "---\n" + OBJECTS[4:OBJECTS.index("---", 4)])
        self.refused("template", "r", "web", "-s", "templates/no.yaml",
                     says="could not find template templates/no.yaml in chart")

    def test_values_lie_over_one_another_as_in_helm(self):
        self.write(".", {"a.yaml": "about: {x: 1, m: {z: a}}\n", "b.yaml": "about: {m: {w: b}, x: null}\n",
                         "text": "from a file"})
        text = self.ok("template", "r", "web", "-f", "a.yaml", "-f", "b.yaml", "--set", "about.s=3,about.l={1,b}",
                       "--set-string", "about.t=3", "--set-file", "about.f=text", "--set-json", 'about.j={"k":[1.5]}',
                       "--set-literal", "about.v=a,b=c", "-s", "templates/about.yaml")
        about = json.loads(json.loads(text.split("about: ")[-1]))
        self.assertEqual(about, {"m": {"z": "a", "w": "b"}, "x": None, "s": 3, "l": [1, "b"], "t": "3",
                                 "f": "from a file", "j": {"k": [1.5]}, "v": "a,b=c"})

    def test_values_come_from_pipes_too(self):
        line = f"'{HLCTL}' template r web -f <(echo 'replicas: 7') -s templates/deployment.yaml"
        done = subprocess.run(["bash", "-c", line], cwd=self.dir, text=True, capture_output=True, timeout=60)
        self.assertIn("replicas: 7", done.stdout)
        self.assertIn("replicas: 8", self.ok("template", "r", "web", "-f", "-", input="replicas: 8\n"))

    def test_the_cluster_is_told_by_flags(self):
        text = self.ok("template", "r", "web", "--set", "about=x", "--kube-version", "1.29.4", "-a", "x.io/v1/Thing",
                       "--is-upgrade", "-n", "prod", "-s", "templates/about.yaml", "-s", "templates/deployment.yaml")
        for part in ('upgrade: "true"', "kube: v1.29.4", 'api: "true"', "namespace: prod"):
            self.assertIn(part, text)
        self.assertIn("name: x-web", self.ok("template", "web", "--name-template", '{{ "X" | lower }}'))

    def test_what_is_wrong_with_a_chart_is_said(self):
        os.remove(self.path("web", "charts", "db-1.4.0.tgz"))
        self.refused("template", "web", says="found in Chart.yaml, but missing in charts/ directory: db")
        self.refused("template", "nowhere", says='path "nowhere" not found')
        self.refused("template", "web/templates", says="Chart.yaml file is missing")
        self.write("lib", {"Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n"})
        self.refused("template", "lib", says="library charts are not installable")
        self.write("new", {"Chart.yaml": "name: new\nversion: 1.0.0\nkubeVersion: '>=1.99'\n"})
        self.refused("template", "new", says="chart requires kubeVersion: >=1.99 which is incompatible with "
                                             "Kubernetes v1.36.0")
        self.refused("template", "Bad_Name", "new", says="invalid release name")

    def test_what_is_wrong_with_values_is_said(self):
        self.write(".", {"bad.yaml": "a: b\n c: d\n"})
        self.refused("template", "web", "-f", "bad.yaml", says="bad.yaml:2:")
        self.refused("template", "web", "--set", "a[b=1", says="failed parsing --set data")
        self.write("web", {"values.schema.json": '{"properties": {"replicas": {"type": "integer", "maximum": 5}}}'})
        text = self.refused("template", "web", "--set", "replicas=9", says="values don't meet the specifications")
        self.assertIn("at '/replicas'", text)
        self.ok("template", "web", "--set", "replicas=9", "--skip-schema-validation")

    def test_faults_of_templates_name_their_place(self):
        self.bad("a: {{ .Values.x | required \"give x\" }}\n", "bad/templates/a.yaml:1:")
        self.bad("{{ fail \"no\" }}\n", "execution error at (bad/templates/a.yaml:1:3): no")
        self.bad("a:\n{{ if }}\n", "parse error at (bad/templates/a.yaml:2): missing value for if")
        self.bad("{{ include \"no\" . }}\n", 'no template "no" associated with template "gotpl"')
        self.bad("{{ env \"HOME\" }}\n", "env")
        self.bad("a: b\n c: d\n", "YAML parse error on bad/templates/a.yaml")

    def test_keys_are_made_wherever_values_come_from(self):
        self.write("keys", {"Chart.yaml": "name: keys\nversion: 1.0.0\n", "templates/a.yaml":
                            'key: {{ genPrivateKey "ecdsa" | quote }}\nsum: {{ sha1sum .Values.x }}\n'})
        self.write(".", {"x.yaml": "x: abc\n"})
        sum = "sum: a9993e364706816aba3e25717850c26c9cd0d89d"
        text = self.ok("template", "keys", "-f", "x.yaml")
        self.assertIn("BEGIN EC PRIVATE KEY", text)
        self.assertEqual(text.count(sum), 1)
        self.assertIn(sum, self.ok("template", "keys", "-f", "-", input="x: abc\n"))
        self.assertIn(sum, self.ok("template", "keys", "--set-file", "x=-", input="abc"))
        line = f"'{HLCTL}' template keys -f <(echo 'x: abc')"
        done = subprocess.run(["bash", "-c", line], cwd=self.dir, text=True, capture_output=True, timeout=60)
        self.assertIn(sum, done.stdout)
        line = f"'{HLCTL}' template <(tar czf - keys) --set x=abc"
        done = subprocess.run(["bash", "-c", line], cwd=self.dir, text=True, capture_output=True, timeout=60)
        self.assertIn(sum, done.stdout)
        self.assertIn("name: a9993e", self.ok("template", "web", "--name-template", '{{ sha1sum "abc" | trunc 6 }}'))
        self.refused("template", "keys", "--set", "x=null", says="wrong type for value")

    def test_bombs_end_with_an_error(self):
        self.bad('{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}', "nested reference name")
        self.bad("{{ range until 1000000000 }}x{{ end }}", "until")
        self.bad('{{ repeat 1000000000 "x" }}', "repeat")
        self.bad("{{ range until 5000 }}{{ range until 5000 }}x{{ end }}{{ end }}", "more than 3000000 steps")
        self.bad('{{ $x := "x" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}', "more than")
        self.bad('{{ regexMatch "(x+x+)+[yz]" (repeat 500000 "x") }}', "takes too many steps on 500000 bytes")
        aliases = "a: &a [x, x, x, x, x, x, x, x, x]\n"
        for i in range(9):
            aliases += f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n"
        self.bad("x: 1\n", "aliases repeat too much", values=aliases)

    def test_hostile_archives_are_refused(self):
        def refuse(change, says):
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w:gz") as tar:
                info = tarfile.TarInfo("x/Chart.yaml")
                change(info)
                tar.addfile(info, io.BytesIO(b"\0" * info.size))
            with open(self.path("x.tgz"), "wb") as file:
                file.write(packed.getvalue())
            self.refused("template", "x.tgz", says=says)

        def set_to(**members):
            return lambda info: [setattr(info, k, v) for k, v in members.items()]
        refuse(set_to(name="x/../../etc/passwd"), "references parent directory")
        refuse(set_to(type=tarfile.SYMTYPE, linkname="/etc/passwd"), "link or device")
        refuse(set_to(size=6 << 20), "larger than the maximum file size")
        refuse(set_to(name="Chart.yaml"), "content outside the base directory")
        self.write(".", {"y.tgz": "name: y\n"})
        self.refused("template", "y.tgz", says="does not appear to be a gzipped archive")

    # ---- chart pull, chart deps --build ----

    def serve(self, archive):
        """A repository on loopback with web 1.2.3; returns its URL."""
        os.makedirs(self.path("repo"), exist_ok=True)
        with open(self.path("repo", "db-1.4.0.tgz"), "wb") as file:
            file.write(archive)
        digest = hashlib.sha256(archive).hexdigest()
        self.write("repo", {"index.yaml": "apiVersion: v1\nentries:\n  db:\n"
                                          f"  - {{name: db, version: 1.4.0, urls: [db-1.4.0.tgz], digest: {digest}}}\n"})
        handler = functools.partial(QuietHandler, directory=self.path("repo"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def test_a_pulled_chart_is_what_the_lock_says(self):
        os.environ["XDG_CACHE_HOME"] = self.path("cache")
        self.addCleanup(os.environ.pop, "XDG_CACHE_HOME")
        url = self.serve(pack(SUBCHART))
        self.assertIn("Pulled: db 1.4.0\n", self.ok("chart", "pull", "db", "--repo", url, "--lock", "charts.lock"))
        self.assertIn("size: 8Gi", self.ok("template", "db-1.4.0.tgz"))
        with open(self.path("charts.lock"), encoding="utf-8") as file:
            lock = file.read()
        self.assertRegex(lock, f"^{url} db 1.4.0 sha256:[0-9a-f]{{64}}\n$")
        with open(self.path("charts.lock"), "w", encoding="utf-8") as file:
            file.write(lock[:-3] + ("00\n" if lock[-3:-1] != "00" else "11\n"))
        shutil.rmtree(self.path("cache"))
        done = self.run_line("chart", "pull", "db", "--repo", url, "--lock", "charts.lock")
        self.assertEqual(done.returncode, 6)
        self.assertIn("HL-CHART-05", done.stderr)
        self.assertIn("not found in", self.run_line("chart", "pull", "no", "--repo", url).stderr)

    def test_missing_dependencies_are_fetched(self):
        os.environ["XDG_CACHE_HOME"] = self.path("cache")
        self.addCleanup(os.environ.pop, "XDG_CACHE_HOME")
        os.remove(self.path("web", "charts", "db-1.4.0.tgz"))
        with open(self.path("web", "Chart.yaml"), "a", encoding="utf-8") as file:
            file.write(f"  repository: {self.serve(pack(SUBCHART))}\n")
        deps = json.loads(self.ok("chart", "deps", "web", "--build", "-o", "json"))
        self.assertEqual(deps["items"][0]["status"], "ok")
        self.assertEqual(self.ok("template", "r", "web"), OBJECTS + TEST_HOOK)

    # ---- chart, explain ----

    def test_a_chart_is_shown_and_linted(self):
        self.assertIn("tag: \"1\"", self.ok("chart", "show", "web", "--only", "values"))
        self.assertIn("\n---\n", self.ok("chart", "show", "web"))
        deps = json.loads(self.ok("chart", "deps", "web", "-o", "json"))
        self.assertEqual([(d["name"], d["version"], d["status"]) for d in deps["items"]], [("db", "1.4.0", "ok")])
        self.assertIn("1 chart(s) linted, 0 chart(s) failed", self.ok("chart", "lint", "web"))
        self.write("web", {"templates/bad.yaml": "{{ .Values.image.tag.x }}"})
        done = self.run_line("chart", "lint", "web")
        self.assertEqual(done.returncode, 1)
        self.assertIn("[ERROR] templates/: ", done.stdout)

    def test_explain_names_the_line_that_sets_a_value(self):
        self.write(".", {"mine.yaml": "db:\n  size: 2Gi\n"})
        text = self.ok("explain", "web", "db.size", "-f", "mine.yaml", "--set", "db.size=3Gi")
        self.assertEqual(text.splitlines(), [
            'set by --set db.size=3Gi  "3Gi"', '  over mine.yaml:2:9  "2Gi"', '  over values.yaml:6:9  "1Gi"',
            '  over charts/db/values.yaml:1:7  "8Gi"'])
        self.refused("explain", "web", "no.such", says="nothing sets no.such")

    def test_values_that_nothing_reads_are_listed(self):
        self.write(".", {"mine.yaml": "replicas: 3\nreplica: 4\ndb:\n  enabled: true\n  siez: 1\n"})
        done = self.run_line("explain", "web", "--unread", "-f", "mine.yaml")
        self.assertEqual(done.returncode, 7)
        self.assertEqual(done.stdout, "db.siez  mine.yaml:5:9\nreplica  mine.yaml:2:10\n")
        self.assertEqual(self.ok("explain", "web", "--unread", "--set", "replicas=3"), "")


if __name__ == "__main__":
    unittest.main()
