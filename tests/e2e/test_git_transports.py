"""hl-git against real servers on loopback: git http-backend over HTTP and HTTPS, sshd over SSH.

Speaks the child's own protocol (lib/edge/gitsrc/message.h) over a socket as descriptor 3, as
lib/edge/gitsrc/process.c does. Every refusal must say what to do about it.
"""
import base64
import http.server
import os
import re
import shutil
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

PROGRAM = os.path.join(os.environ["HL_BIN_DIR"], "hl-git")
CONFIG, READY, ERROR, DONE, ASK, ANSWER, FETCH, READ, LIST, APPLY, READ_HEAD, WALK = range(1, 13)
EINVAL, ELIMIT, EIO, ECORRUPT, EDENIED, ETEMP, ENOSPACE, ECONFLICT, EABSENT = range(1, 10)
CHANGED, UNCHANGED, EMPTY = range(3)
GIT_ENV = dict(
    os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", GIT_AUTHOR_NAME="Ada",
    GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="Ada", GIT_COMMITTER_EMAIL="a@b")


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


class Failure(Exception):
    def __init__(self, code, message):
        super().__init__(f"code {code}: {message}")
        self.code, self.message = code, message


class Child:
    """One hl-git. mode "r" reads, "w" writes."""

    def __init__(self, mode, url, directory, branch="", key="", hosts="", user="", token="", ca="",
                 agent="agent-1"):
        ours, theirs = socket.socketpair()
        self.socket, self.sequence = ours, 0
        self.socket.settimeout(60)
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
        home = os.path.join(directory, "hlmesh")
        self.pid = os.posix_spawn(PROGRAM, ["hl-git", str(os.getpid())],
                                  {"HOME": home, "LC_ALL": "C"}, file_actions=actions)
        theirs.close()
        payload = struct.pack("<I", 1 if mode == "r" else 2)
        payload += text(directory) + text(url) + text(branch if mode == "r" else branch or "main")
        payload += text(key) + text(hosts) + text(user) + text(token) + text(ca)
        if mode == "r":
            payload += struct.pack("<Q", 1 << 30)
        else:
            payload += text(agent) + text("hlmesh") + text("h@l") + struct.pack("<Q", 30000)
        self.sandbox = self.call(CONFIG, payload, READY).decode()

    def receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                _, status = os.waitpid(self.pid, 0)
                self.pid = 0
                raise AssertionError(f"hl-git is gone, wait status {status}")
            data += part
        return data

    def call(self, kind, payload, want=DONE):
        self.sequence += 1
        self.socket.sendall(struct.pack("<III", len(payload), self.sequence, kind) + payload)
        while True:
            size, sequence, kind = struct.unpack("<III", self.receive(12))
            answer = self.receive(size)
            assert sequence == self.sequence
            if kind == ASK:
                self.socket.sendall(struct.pack("<III", 1, sequence, ANSWER) + b"\1")
            elif kind == ERROR:
                code, length = struct.unpack("<II", answer[:8])
                raise Failure(code, answer[8:8 + length].decode())
            else:
                assert kind == want, kind
                return answer

    def fetch(self, known=""):
        answer = self.call(FETCH, text(known))
        outcome = struct.unpack("<I", answer[:4])[0]
        if outcome == EMPTY:
            return outcome, ""
        return outcome, answer[8:48].decode()

    def read(self, oid, path):
        answer = self.call(READ, text(oid) + text(path) + struct.pack("<Q", 1 << 20))
        return answer[8:]

    def apply(self, app, epoch, puts, takeover=0):
        payload = text(app) + struct.pack("<QI", epoch, takeover) + text("Update") + text("rev")
        payload += struct.pack("<I", len(puts))
        for path, data in puts.items():
            payload += text(path) + text(data)
        answer = self.call(APPLY, payload + struct.pack("<I", 0))
        return struct.unpack("<I", answer[:4])[0], struct.unpack("<I", answer[-4:])[0]

    def close(self):
        self.socket.close()
        if self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def git(*args, cwd=None):
    done = subprocess.run(["git", *args], cwd=cwd, env=GIT_ENV, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"git {args}: {done.stderr}")
    return done.stdout.strip()


class Handler(http.server.BaseHTTPRequestHandler):
    """git http-backend as CGI, with the misbehaviour that server.fault names."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def plain(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data

    def serve(self):
        server, fault = self.server, self.server.fault
        body = self.body() if self.command == "POST" else b""
        server.authorizations.append(self.headers.get("Authorization"))
        if server.token:
            want = "Basic " + base64.b64encode(f"{server.user}:{server.token}".encode()).decode()
            if self.headers.get("Authorization") != want:
                return self.plain(401, [("WWW-Authenticate", 'Basic realm="git"')])
        if isinstance(fault, int):
            return self.plain(fault)
        if fault and fault.startswith("redirect "):
            return self.plain(302, [("Location", fault.split()[1] + self.path)])
        path, _, query = self.path.partition("?")
        env = dict(GIT_ENV, GIT_PROJECT_ROOT=server.root, GIT_HTTP_EXPORT_ALL="1",
                   REQUEST_METHOD=self.command, PATH_INFO=path, QUERY_STRING=query,
                   CONTENT_TYPE=self.headers.get("Content-Type", ""), REMOTE_USER="ada",
                   REMOTE_ADDR="127.0.0.1", CONTENT_LENGTH=str(len(body)))
        if self.headers.get("Content-Encoding"):
            env["HTTP_CONTENT_ENCODING"] = self.headers["Content-Encoding"]
        out = subprocess.run(["git", "http-backend"], input=body, env=env,
                             capture_output=True).stdout
        head, _, data = out.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = 200
        for name, value in headers:
            if name == "Status":
                status = int(value.split()[0])
        headers = [h for h in headers if h[0] != "Status"]
        if fault == "truncate" and self.command == "POST":
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.close_connection = True
            return None
        if fault == "garbage" and self.command == "POST":
            middle = len(data) // 2
            data = data[:middle] + bytes(b ^ 0x55 for b in data[middle:middle + 64]) \
                + data[middle + 64:]
        return self.plain(status, headers, data)

    do_GET = do_POST = serve


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    token = fault = None
    user = "git"

    def __init__(self, root, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.root, self.authorizations = root, []
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # clients that refuse our certificate hang up: that is the point

    def stop(self):
        self.shutdown()
        self.server_close()


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hl-git-e2e-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.remote = self.path("srv/fleet.git")
        os.mkdir(self.path("srv"))
        git("init", "-q", "--bare", "-b", "main", self.remote)
        git("-C", self.remote, "config", "http.receivepack", "true")
        self.work = self.path("w")
        git("init", "-q", "-b", "main", self.work)
        self.commit("a", "first")

    def path(self, name):
        return os.path.join(self.dir, name)

    def file(self, name, content, mode=0o600):
        with open(self.path(name), "wb") as f:
            f.write(content.encode())
        os.chmod(self.path(name), mode)
        return self.path(name)

    def commit(self, name, content):
        with open(os.path.join(self.work, name), "w") as f:
            f.write(content)
        git("add", "-A", cwd=self.work)
        git("commit", "-qm", content[:20], cwd=self.work)
        git("push", "-q", self.remote, "main", cwd=self.work)
        return git("rev-parse", "HEAD", cwd=self.work)

    def refused(self, code, pattern, call, *args):
        with self.assertRaises(Failure) as caught:
            call(*args)
        self.assertEqual(caught.exception.code, code, caught.exception.message)
        self.assertRegex(caught.exception.message, pattern)
        return caught.exception.message

    def reads_and_follows(self, child):
        first = git("rev-parse", "HEAD", cwd=self.work)
        self.assertEqual(child.fetch(), (CHANGED, first))
        self.assertEqual(child.read(first, "a"), b"first")
        self.assertEqual(child.fetch(first), (UNCHANGED, first))
        second = self.commit("b", "second")
        self.assertEqual(child.fetch(first), (CHANGED, second))
        self.assertEqual(child.read(second, "b"), b"second")

    def writes(self, child):
        self.assertEqual(child.apply("host/x", 1, {"clusters/host/a": "1"})[0], 0)
        self.assertEqual(child.apply("host/x", 1, {"clusters/host/a": "1"})[0], 1)
        self.commit_by_hand("by-hand")
        self.assertEqual(child.apply("host/x", 2, {"clusters/host/a": "2"})[0], 0)
        self.refused(ECONFLICT, "lease superseded", child.apply, "host/x", 1,
                     {"clusters/host/a": "3"})
        self.assertEqual(git("-C", self.remote, "show", "main:clusters/host/a"), "2")
        self.assertEqual(git("-C", self.remote, "show", "main:by-hand"), "by-hand")

    def commit_by_hand(self, name):
        git("pull", "-q", "--rebase", self.remote, "main", cwd=self.work)
        self.commit(name, name)


class Http(Case):
    def setUp(self):
        super().setUp()
        self.server = Server(self.path("srv"))
        self.addCleanup(self.server.stop)
        self.url = f"http://127.0.0.1:{self.server.port}/fleet.git"

    def reader(self, url=None, **more):
        child = Child("r", url or self.url, self.path("clone"), **more)
        self.addCleanup(child.close)
        return child

    def writer(self, directory="clone-w", **more):
        child = Child("w", self.url, self.path(directory), **more)
        self.addCleanup(child.close)
        return child

    def test_a_public_repository_is_read_and_followed(self):
        self.reads_and_follows(self.reader())

    def test_only_the_branch_is_fetched_and_the_clone_is_sound(self):
        git("tag", "v1", cwd=self.work)
        git("push", "-q", self.remote, "v1", "main:refs/heads/other", cwd=self.work)
        with self.reader() as child:
            child.fetch()
        refs = git("-C", self.path("clone"), "for-each-ref", "--format=%(refname)")
        self.assertEqual(refs, "refs/hlmesh/main")
        git("-C", self.path("clone"), "fsck", "--full")

    def test_an_empty_repository_and_a_missing_branch(self):
        git("init", "-q", "--bare", self.path("srv/empty.git"))
        url = self.url.replace("fleet", "empty")
        self.assertEqual(self.reader(url).fetch(), (EMPTY, ""))
        self.refused(EABSENT, "no branch 'prod'; there are: main",
                     self.reader(branch="prod").fetch)

    def test_credentials_are_asked_for_refused_and_accepted(self):
        self.server.token = "s3cret-canary"
        message = self.refused(EDENIED, "asks for credentials .* no token file", self.reader().fetch)
        wrong = self.file("wrong", "nope\n")
        message += self.refused(EDENIED, "refused user 'git' with the token in .*expired",
                                self.reader(token=wrong).fetch)
        public = self.file("public", "s3cret-canary", 0o604)
        message += self.refused(EDENIED, "may be read by everybody .*chmod 600",
                                self.reader(token=public).fetch)
        right = self.file("right", "s3cret-canary\n")
        child = self.reader(token=right)
        self.reads_and_follows(child)
        self.assertNotIn("canary", message)
        # A rotated token is picked up without a restart.
        self.server.token = "second"
        self.refused(EDENIED, "refused", child.fetch)
        self.file("right", "second")
        self.assertEqual(child.fetch()[0], CHANGED)

    def test_a_token_reaches_the_server_only_when_it_asks(self):
        self.reader(token=self.file("t", "canary")).fetch()
        self.assertEqual(set(self.server.authorizations), {None})

    def test_errors_of_the_server_are_told_apart(self):
        for fault, code, pattern in ((404, EABSENT, "no such repository"), (403, EDENIED, "no access"),
                                     (500, ETEMP, "answered 500"), (503, ETEMP, "answered 503")):
            self.server.fault = fault
            self.refused(code, pattern, self.reader().fetch)

    def test_redirects_are_not_followed(self):
        other = Server(self.path("srv"))
        self.addCleanup(other.stop)
        for target in (f"http://127.0.0.1:{other.port}", "file://"):
            self.server.fault = f"redirect {target}"
            self.refused(EINVAL, "redirects elsewhere, which is not followed", self.reader().fetch)
        self.assertEqual(other.authorizations, [])

    def test_a_dead_server_is_temporary(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.refused(ETEMP, "cannot connect", self.reader(f"http://127.0.0.1:{port}/x.git").fetch)
        self.refused(ETEMP, "no-such-host.invalid",
                     self.reader("http://no-such-host.invalid/x.git").fetch)

    def test_broken_answers_change_nothing_and_the_next_fetch_recovers(self):
        child = self.reader()
        first = child.fetch()[1]
        with open(os.path.join(self.work, "noise"), "wb") as f:
            f.write(os.urandom(200000))
        second = self.commit("b", "second")
        for fault in ("truncate", "garbage"):
            self.server.fault = fault
            with self.assertRaises(Failure):
                child.fetch(first)
            self.assertEqual(child.read(first, "a"), b"first")
            self.refused(EABSENT, "not in the clone", child.read, second, "b")
        self.server.fault = None
        self.assertEqual(child.fetch(first), (CHANGED, second))

    def test_a_state_repository_is_written_by_push(self):
        self.writes(self.writer())

    def test_the_first_push_makes_the_branch(self):
        git("init", "-q", "--bare", "-b", "main", self.path("srv/new.git"))
        git("-C", self.path("srv/new.git"), "config", "http.receivepack", "true")
        self.url = self.url.replace("fleet", "new")
        self.assertEqual(self.writer().apply("h/x", 1, {"clusters/h/a": "1"})[0], 0)
        self.assertEqual(git("-C", self.path("srv/new.git"), "show", "main:clusters/h/a"), "1")

    def test_a_push_that_the_server_never_accepts_is_told_with_its_words(self):
        hook = os.path.join(self.remote, "hooks/pre-receive")
        with open(hook, "w") as f:
            f.write("#!/bin/sh\nexit 1\n")
        os.chmod(hook, 0o755)
        self.refused(EDENIED, "refuses the push .*hook declined", self.writer().apply, "h/x", 1,
                     {"clusters/h/a": "1"})

    def test_concurrent_pushers_lose_nothing(self):
        writers, each, failures, retries = 4, 6, [], []

        def run(number):
            try:
                with self.writer(f"clone-{number}", agent=f"agent-{number}") as child:
                    for i in range(each):
                        path = f"clusters/c{number}/f{i}"
                        outcome, attempts = child.apply(f"c{number}/app", 1, {path: path})
                        retries.append(attempts - 1)
                        assert outcome == 0
            except Exception as e:  # collected for the assertion below
                failures.append(e)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(writers)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failures, [])
        files = git("-C", self.remote, "ls-tree", "-r", "--name-only", "main", "clusters")
        self.assertEqual(len(files.splitlines()), writers * each)
        self.assertEqual(git("-C", self.remote, "rev-list", "--count", "main"),
                         str(1 + writers * each))
        self.assertGreater(sum(retries), 0, "no race happened: the test proves nothing")


class Https(Case):
    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.dir, check=True, capture_output=True)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                     "-subj", f"/CN={name}")

    def certificate(self, name, host, days="2"):
        self.file(f"{name}.ext", f"subjectAltName=DNS:{host}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-out", f"{name}.pem", "-days", days, "-extfile",
                     f"{name}.ext")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        return tls

    def start(self, tls):
        server = Server(self.path("srv"), tls)
        self.addCleanup(server.stop)
        return server, f"https://localhost:{server.port}/fleet.git"

    def setUp(self):
        super().setUp()
        self.authority("ca")
        self.authority("other")
        self.server, self.url = self.start(self.certificate("good", "localhost"))

    def child(self, mode="r", url=None, **more):
        child = Child(mode, url or self.url, self.path("clone-" + mode), **more)
        self.addCleanup(child.close)
        return child

    def test_the_named_authority_is_trusted(self):
        self.server.token = "token"
        token = self.file("t", "token")
        self.reads_and_follows(self.child(ca=self.path("ca.pem"), token=token))
        self.commit("c", "c")
        self.writes(self.child("w", ca=self.path("ca.pem"), token=token))

    def test_another_authority_the_systems_and_a_bad_file_are_not(self):
        self.server.token = "token"
        token = self.file("t", "token")
        self.refused(EDENIED, "not trusted .*ca_file",
                     self.child(ca=self.path("other.pem"), token=token).fetch)
        self.refused(EDENIED, "not trusted|no certificate authorities",
                     self.child(token=token).fetch)
        self.refused(EDENIED, "ca_file", self.child(ca=self.path("missing.pem")).fetch)
        self.refused(EDENIED, "ca_file", self.child(ca=self.file("junk.pem", "junk")).fetch)
        self.assertEqual(self.server.authorizations, [])

    def test_a_certificate_of_another_host_is_not(self):
        _, url = self.start(self.certificate("wrong", "git.example.org"))
        self.refused(EDENIED, "not trusted", self.child(url=url, ca=self.path("ca.pem")).fetch)

    def test_an_expired_certificate_is_not(self):
        _, url = self.start(self.certificate("late", "localhost", "-1"))
        self.refused(EDENIED, "not trusted", self.child(url=url, ca=self.path("ca.pem")).fetch)

    def test_a_redirect_to_plain_http_is_not_followed(self):
        plain = Server(self.path("srv"))
        self.addCleanup(plain.stop)
        self.server.fault = f"redirect http://localhost:{plain.port}"
        self.refused(EINVAL, "redirects", self.child(ca=self.path("ca.pem")).fetch)
        self.assertEqual(plain.authorizations, [])


SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@unittest.skipUnless(os.path.exists(SSHD), "no sshd here")
class Ssh(Case):
    def setUp(self):
        super().setUp()
        for name in ("client", "stranger"):
            self.keygen(name, "ed25519")
        self.keygen("host_ed25519", "ed25519")
        self.keygen("host_ecdsa", "ecdsa")
        shutil.copy(self.path("client.pub"), self.path("authorized_keys"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.config = self.file("sshd_config", f"""
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.path("host_ed25519")}
HostKey {self.path("host_ecdsa")}
AuthorizedKeysFile {self.path("authorized_keys")}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
""")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", self.config],
                                     stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        self.wait_for_port()
        self.user = os.environ.get("USER") or subprocess.check_output(
            ["id", "-un"], text=True).strip()
        self.url = f"ssh://{self.user}@localhost:{self.port}{self.remote}"

    def stop(self):
        self.sshd.send_signal(signal.SIGTERM)
        self.sshd.wait()

    def keygen(self, name, kind):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", self.path(name)],
                       check=True)

    def wait_for_port(self):
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.fail("sshd does not listen")

    def public(self, name):
        with open(self.path(name + ".pub")) as f:
            return " ".join(f.read().split()[:2])

    def hosts(self, *lines):
        return self.file("known_hosts", "".join(line + "\n" for line in lines))

    def known(self, key="host_ed25519", name=None):
        return f"{name or f'[localhost]:{self.port}'} {self.public(key)}"

    def child(self, hosts, mode="r", url=None, key="client"):
        child = Child(mode, url or self.url, self.path("clone-" + mode), hosts=hosts,
                      key=self.path(key) if key else "")
        self.addCleanup(child.close)
        return child

    def test_a_known_host_is_read_followed_and_written(self):
        hosts = self.hosts("# ours", self.known())
        self.reads_and_follows(self.child(hosts))
        self.writes(self.child(hosts, "w"))

    def test_each_key_type_alone_is_enough(self):
        for key in ("host_ed25519", "host_ecdsa"):
            self.assertEqual(self.child(self.hosts(self.known(key))).fetch()[0], CHANGED)

    def test_hashed_names_and_patterns_are_understood(self):
        hosts = self.hosts(self.known())
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", hosts], check=True, capture_output=True)
        with open(hosts) as f:
            self.assertTrue(f.read().startswith("|1|"))
        self.assertEqual(self.child(hosts).fetch()[0], CHANGED)
        self.assertEqual(self.child(self.hosts(self.known(name="[local*]:*"))).fetch()[0], CHANGED)

    def test_an_unknown_host_is_refused_with_its_fingerprint(self):
        message = self.refused(EDENIED, f"not known.*ssh-keyscan -p {self.port} localhost",
                               self.child(self.hosts("# nothing")).fetch)
        prints = [subprocess.check_output(["ssh-keygen", "-lf", self.path(k)], text=True).split()[1]
                  for k in ("host_ed25519", "host_ecdsa")]
        self.assertIn(re.search(r"SHA256:[A-Za-z0-9+/]+", message).group(), prints)

    def test_a_name_without_the_port_does_not_cover_another_port(self):
        self.refused(EDENIED, "not known", self.child(self.hosts(self.known(name="localhost"))).fetch)

    def test_a_changed_and_a_revoked_host_key_are_refused(self):
        wrong = f"[localhost]:{self.port} {self.public('stranger')}"
        self.refused(EDENIED, "HAS CHANGED", self.child(self.hosts(wrong)).fetch)
        revoked = "@revoked " + self.known()
        self.refused(EDENIED, "@revoked|not known",
                     self.child(self.hosts(revoked)).fetch)
        self.refused(EDENIED, "@revoked", self.child(self.hosts(self.known(), revoked)).fetch)

    def test_no_known_hosts_file_no_connection(self):
        self.refused(EDENIED, "needs a known_hosts file", self.child("").fetch)
        self.refused(EDENIED, "missing", self.child(self.path("missing")).fetch)

    def test_a_refused_key_is_named(self):
        hosts = self.hosts(self.known())
        self.refused(EDENIED, "refused the key .*stranger", self.child(hosts, key="stranger").fetch)
        self.refused(EDENIED, "none is configured", self.child(hosts, key="").fetch)
        os.chmod(self.path("client"), 0o604)
        self.refused(EDENIED, "chmod 600", self.child(hosts).fetch)

    def test_a_missing_repository_is_explained(self):
        url = f"ssh://{self.user}@localhost:{self.port}{self.path('nothing.git')}"
        with self.assertRaises(Failure) as caught:
            self.child(self.hosts(self.known()), url=url).fetch()
        self.assertIn(caught.exception.code, (EABSENT, ETEMP, EIO))
        self.assertIn("repository", caught.exception.message)


class Confinement(Case):
    def test_the_child_says_how_it_is_confined(self):
        with Child("r", self.remote, self.path("clone")) as child:
            self.assertIn("rlimits", child.sandbox)
            self.assertEqual(child.fetch()[0], CHANGED)

    def test_the_child_leaves_when_its_parent_closes(self):
        child = Child("r", self.remote, self.path("clone"))
        child.socket.close()
        self.assertEqual(os.waitpid(child.pid, 0)[1], 0)
        child.pid = 0

    def test_malformed_requests_are_answered_not_fatal(self):
        with Child("r", self.remote, self.path("clone")) as child:
            for kind in (FETCH, READ, LIST, APPLY, 99):
                for payload in (b"", b"\xff\xff\xff\xff", os.urandom(50)):
                    with self.assertRaises(Failure):
                        child.call(kind, payload)
            head = child.fetch()[1]
            self.refused(EINVAL, "'..'", child.read, head, "../etc/passwd")

    def test_a_child_without_its_parent_does_not_start(self):
        ours, theirs = socket.socketpair()
        pid = os.posix_spawn(PROGRAM, ["hl-git", "1"], {},
                             file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 3)
        ours.close()
        theirs.close()


if __name__ == "__main__":
    unittest.main()
