"""Agents that die, agents that are revoked, and strangers at the door."""
import os
import signal
import socket
import time
import unittest

from road_case import MeshCase

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{0}, namespace: default}}\ndata: {{text: \"{1}\"}}\n"
ADDON = """
moving-{0}:
  enabled: true
  type: manifest
  namespace: default
  path: addons/moving-{0}
  selector:
    matchExpressions:
      - {{key: cluster_role, operator: In, values: [control-plane]}}
"""
LAYER = "addons/cluster-roles/control-plane/addons/addons.yaml"
COUNT = 9


class Agents(MeshCase):
    options = {"poll": "5s"}

    @classmethod
    def prepare(cls):
        cls.mesh.create()
        layer = (cls.mesh.dir / "fleet" / LAYER).read_text()
        cls.mesh.write(LAYER, layer + "".join(ADDON.format(i) for i in range(COUNT)))
        cls.change("one")
        cls.mesh.commit("addons that move")

    @classmethod
    def change(cls, text):
        for i in range(COUNT):
            cls.mesh.write(f"addons/moving-{i}/map.yaml", MAP.format(i, text))

    def setUp(self):
        self.mesh.wait_synced(30)

    def states(self):
        status = self.mesh.try_status()
        return {a["name"]: a["state"] for a in status["agents"]} if status else {}

    def holders(self):
        return {a["agent"] for a in self.mesh.json("apps")["items"] if a["name"].startswith("moving-")}

    def test_1_work_is_spread_over_the_agents(self):
        self.change("spread")
        self.mesh.wait_synced(20, self.push()[0])
        self.assertEqual(self.holders(), {"node1", "node2", "node3"})

    def test_2_a_killed_agents_work_moves(self):
        # Stopped first, so that it surely holds leases when it dies.
        self.mesh.kill("node1", signal.SIGSTOP)
        self.change("moved")
        commit, begin = self.push()
        self.mesh.kill("node1", signal.SIGKILL)
        self.mesh.wait_synced(20, commit)
        print(f"work of a killed agent done by others after {time.monotonic() - begin:.1f} s")
        self.assertEqual(self.states()["node1"], "Lost")
        self.assertNotIn("node1", self.holders())
        events = [e["type"] for e in self.mesh.json("events")["items"]]
        self.assertEqual(events.count("agent.lost"), 1)
        self.mesh.children.pop("node1").wait()
        self.mesh.start_agent("node1")
        self.mesh.wait(lambda: self.states().get("node1") == "Ready", 10, "node1 to come back")

    def test_3_a_paused_agent_cannot_write_when_it_wakes(self):
        self.mesh.kill("node2", signal.SIGSTOP)
        try:
            self.change("while it slept")
            self.mesh.wait_synced(20, self.push()[0])
            files = self.mesh.state_files()
        finally:
            self.mesh.kill("node2", signal.SIGCONT)
        self.mesh.wait(lambda: self.states().get("node2") == "Ready", 10, "node2 to wake")
        time.sleep(1)
        self.assertEqual(self.mesh.state_files(), files)

    def test_4_revoking_a_key_cuts_its_live_session(self):
        before = self.mesh.log("node3").count("leader member=")
        begin = time.monotonic()
        self.mesh.hlctl("agent", "revoke", "node3", "--reason", "lost on the train")
        self.assertEqual(self.states()["node3"], "Revoked")
        # Its heartbeats are not heard from now on: the age grows although the process lives.
        def ages():
            return {a["name"]: a["age_ms"] for a in self.mesh.status()["agents"]}
        self.mesh.wait(lambda: ages()["node3"] > 2500, 6, "silence")
        self.assertGreaterEqual(ages()["node3"], (time.monotonic() - begin - 2.0) * 1000)
        self.assertLess(ages()["node1"], 2500)
        self.assertTrue(self.mesh.is_running("node3"))
        self.assertEqual(self.mesh.log("node3").count("leader member="), before)
        self.change("without node3")
        self.mesh.wait_synced(20, self.push()[0])
        self.assertNotIn("node3", self.holders())

    def test_5_a_revoked_key_never_enrols_again(self):
        self.mesh.stop_process("node3")
        token = self.mesh.hlctl("token", "create", "--node", "node3").stdout.split()[0]
        self.mesh.configure_agent("node3", token)
        key = self.mesh.dir / "node3/data/agent.key"
        key.write_text(key.read_text().replace('"agent"', '"enrolling"'))
        child = self.mesh.start_agent("node3")
        self.assertEqual(child.wait(20), 1)
        self.assertIn("revoked", self.mesh.log("node3"))

    def test_6_a_used_or_foreign_token_is_refused(self):
        token = self.mesh.hlctl("token", "create", "--node", "somebody-else").stdout.split()[0]
        (self.mesh.dir / "node9").mkdir()
        self.mesh.configure_agent("node9", token)
        child = self.mesh.start_agent("node9")
        self.assertEqual(child.wait(20), 1)
        self.assertIn("another node", self.mesh.log("node9"))
        self.assertNotIn("node9", self.states())

    def test_7_strangers_deliver_nothing_and_hurt_nobody(self):
        ports = [self.mesh.ports[c][d] for c in self.mesh.coordinator_names for d in ("peer", "agent", "client", "enrol")]
        index = self.mesh.status()["revision"]
        greeting = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00NULL" + b"\0" * 16 + b"\0" + b"\0" * 31
        sockets = []
        for port in ports:
            for payload in (b"", greeting + b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER" + b"\0\x10" + b"x" * 16, os.urandom(4096)):
                s = socket.create_connection(("127.0.0.1", port), timeout=2)
                try:
                    s.sendall(payload)
                except OSError:
                    pass
                sockets.append(s)
        time.sleep(1)
        status = self.mesh.status()
        self.assertEqual(status["revision"], index)
        self.assertEqual(status["counts"]["agents_ready"], 2)
        for s in sockets:
            s.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
