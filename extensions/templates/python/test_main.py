"""Asks the notebook what nexo would ask: `python3 -m unittest`."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path


class Session:
    """A running notebook."""

    def __init__(self, state_dir):
        self.process = subprocess.Popen(
            [sys.executable, "main.py"],
            cwd=Path(__file__).parent,
            env={**os.environ, "NEXO_EXTENSION_STATE_ROOT": state_dir},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.next_id = 1

    def request(self, method, params, frame_id=None):
        frame_id = self.next_id if frame_id is None else frame_id
        self.next_id += 1
        frame = {"jsonrpc": "2.0", "id": frame_id, "method": method, "params": params}
        self.process.stdin.write(json.dumps(frame).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def call(self, name, arguments, account="acme", call_id=None):
        binding = {"agent_id": "ana", "tenant_id": account}
        meta = {"agent_id": "ana", "nexo": {"binding": binding, "call_id": call_id}}
        return self.request("tools/call", {"name": name, "arguments": {**arguments, "_meta": meta}})

    def close(self):
        self.request("shutdown", {}, 0)
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(10)


class NotebookTest(unittest.TestCase):
    def setUp(self):
        self.state = tempfile.TemporaryDirectory()
        self.session = Session(self.state.name)
        self.addCleanup(self.state.cleanup)

    def tearDown(self):
        self.assertEqual(self.session.close(), 0)

    def texts(self, account="acme"):
        notes = self.session.call("note_list", {}, account)["result"]["notes"]
        return [note["text"] for note in notes]

    def test_keeps_notes_of_tenants_apart(self):
        self.session.call("note_add", {"text": "ours"}, "acme")
        self.assertEqual(self.texts("acme"), ["ours"])
        self.assertEqual(self.texts("globex"), [])

    def test_saves_a_note_once_when_the_same_call_comes_again(self):
        self.session.call("note_add", {"text": "once"}, call_id="turn-1:step-2")
        self.session.call("note_add", {"text": "once"}, call_id="turn-1:step-2")
        self.assertEqual(self.texts(), ["once"])

    def test_refuses_an_empty_note(self):
        error = self.session.call("note_add", {"text": ""})["error"]
        self.assertEqual(error["data"], {"code": "invalid_arguments"})


if __name__ == "__main__":
    unittest.main()
