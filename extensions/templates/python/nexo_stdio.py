"""Serves nexo over stdin and stdout: one JSON-RPC object per line. Standard library only."""

import functools
import json
import os
import re
import sys
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as LateAnswer
from pathlib import Path

ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
DRAIN_SECONDS = 3
ADMIN_SECONDS = 30


class ToolError(Exception):
    """Thrown by a tool; the model reads kind and detail, so leave secrets out."""

    CODES = {
        "invalid_arguments": (-32602, "invalid arguments"),
        "not_implemented": (-32601, "not implemented"),
        "internal": (-32000, "internal"),
        "unauthorized": (-32000, "unauthorized"),
    }

    def __init__(self, kind, detail=""):
        self.kind = kind
        self.code, says = self.CODES[kind]
        super().__init__(f"{says}: {detail}" if detail else says)


class AdminError(Exception):
    """A failed call to core: its code (None without an answer), message and data."""

    def __init__(self, message, code=None, data=None):
        super().__init__(message)
        self.code = code
        self.data = data


class Unknown(Exception):
    """A tool or method that does not exist here."""


class Context:
    """For whom a call is made, and what it may use."""

    def __init__(self, app, meta):
        meta = meta if isinstance(meta, dict) else {}
        nexo = meta.get("nexo") if isinstance(meta.get("nexo"), dict) else {}
        binding = nexo.get("binding") if isinstance(nexo.get("binding"), dict) else {}
        account = binding.get("tenant_id") or binding.get("account_id") or "default"
        # It becomes part of paths.
        if not isinstance(account, str) or not ACCOUNT.fullmatch(account):
            raise ToolError("invalid_arguments", "the account is not a name")
        self.account_id = account
        self.agent_id = meta.get("agent_id", "unknown")
        self.session_id = meta.get("session_id")
        self.call_id = nexo.get("call_id")
        self.binding = binding
        self.inbound = nexo.get("inbound")
        self.state_dir = app.state_dir
        self.config = app.config
        self.admin = functools.partial(app.admin, traceparent=meta.get("traceparent"))

    def open_tenant_dir(self):
        """Makes and gives the tenant's own directory."""
        path = self.state_dir / "tenants" / self.account_id
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path


def log(level, text):
    """One line on stderr; nexo reads the level from its prefix."""
    sys.stderr.write(f"[{level}] {text}\n")
    sys.stderr.flush()


class Microapp:
    """Tools, hooks and listeners; `run` serves them, many calls at the same time."""

    def __init__(self):
        self.id = "microapp"
        self.tools = {}
        self.hooks = {}
        self.listeners = {}
        self.state_dir = Path(os.environ.get("NEXO_EXTENSION_STATE_ROOT", "./state"))
        self.config = {}
        self._pending = {}
        self._lock = threading.Lock()
        self._out = sys.stdout.buffer

    def tool(self, name, description, input_schema):
        """Declares a tool: `handler(arguments, context)` gives any JSON or raises ToolError."""

        def add(handler):
            self.tools[name] = (description, input_schema, handler)
            return handler

        return add

    def hook(self, point):
        """Declares a hook: `handler(params, context)` gives an answer, or None to allow."""

        def add(handler):
            self.hooks[point] = handler
            return handler

        return add

    def on(self, method):
        """Declares a listener for a notification: `handler(params)`."""

        def add(handler):
            self.listeners[method] = handler
            return handler

        return add

    def admin(self, method, params=None, traceparent=None):
        """Calls core; a name without `nexo/` is short for `nexo/admin/<name>`. A context's own
        belongs to the trace of its call."""
        method = method if method.startswith("nexo/") else f"nexo/admin/{method}"
        call_id = f"app:{uuid.uuid4()}"
        answer = Future()
        with self._lock:
            self._pending[call_id] = answer
        params = {**(params or {}), "_meta": {"traceparent": traceparent}} if traceparent else params
        self._send({"id": call_id, "method": method, "params": params or {}})
        try:
            return answer.result(ADMIN_SECONDS)
        except LateAnswer:
            raise AdminError(f"no answer to {method}") from None
        finally:
            with self._lock:
                self._pending.pop(call_id, None)

    def run(self):
        """Serves until nexo asks for shutdown or closes stdin."""
        # A stray print() would be read as a frame.
        sys.stdout = sys.stderr
        running = set()
        with ThreadPoolExecutor(max_workers=32) as pool:
            for line in sys.stdin.buffer:
                if not line.strip():
                    continue
                try:
                    frame = json.loads(line)
                    if not isinstance(frame, dict):
                        raise ValueError("not an object")
                except ValueError as error:
                    self._error(None, -32700, f"parse error: {error}")
                    continue
                if not frame.get("method"):
                    self._receive(frame)
                elif frame["method"] == "shutdown" and "id" in frame:
                    wait(list(running), DRAIN_SECONDS)
                    self._send({"id": frame["id"], "result": {"ok": True}})
                    break
                else:
                    work = pool.submit(self._serve, frame)
                    running.add(work)
                    work.add_done_callback(running.discard)
            self._fail_pending()
            pool.shutdown(wait=False, cancel_futures=True)

    def _fail_pending(self):
        with self._lock:
            for answer in self._pending.values():
                if not answer.done():
                    answer.set_exception(AdminError("the connection to core closed"))

    def _send(self, members):
        line = json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()

    def _error(self, frame_id, code, message, data=None):
        error = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self._send({"id": frame_id, "error": error})

    def _receive(self, frame):
        with self._lock:
            answer = self._pending.pop(frame.get("id"), None)
        if answer is None:
            return
        error = frame.get("error")
        if error is None:
            answer.set_result(frame.get("result"))
        else:
            answer.set_exception(AdminError(error["message"], error["code"], error.get("data")))

    def _serve(self, frame):
        params = frame.get("params") if isinstance(frame.get("params"), dict) else {}
        if "id" not in frame:
            self._hear(frame["method"], params)
            return
        frame_id = frame["id"]
        try:
            self._send({"id": frame_id, "result": self._dispatch(frame["method"], params)})
        except Unknown as error:
            self._error(frame_id, -32601, str(error), {"code": "not_implemented"})
        except ToolError as error:
            self._error(frame_id, error.code, str(error), {"code": error.kind})
        except Exception as error:  # noqa: BLE001  a broken handler must not end the others
            self._error(
                frame_id, -32000, f"internal: {error}", {"code": "internal", "unhandled": True}
            )

    def _hear(self, method, params):
        try:
            if method in self.listeners:
                self.listeners[method](params)
        except Exception as error:  # noqa: BLE001
            log("ERROR", f"a listener for {method} failed: {error}")

    def _dispatch(self, method, params):
        if method == "initialize":
            return self._initialize(params)
        if method == "tools/list":
            return {"tools": sorted(self.tools)}
        if method == "tools/call":
            name = params.get("name")
            if name not in self.tools:
                raise Unknown(f"tool '{name}' not registered")
            given = params.get("arguments") or {}
            if not isinstance(given, dict):
                raise ToolError("invalid_arguments", "not an object")
            arguments = {key: value for key, value in given.items() if key != "_meta"}
            return self.tools[name][2](arguments, Context(self, given.get("_meta")))
        if method.startswith("hooks/"):
            handler = self.hooks.get(method.removeprefix("hooks/"))
            if handler is None:
                return {"abort": False}
            answer = handler(params, Context(self, params.get("_meta")))
            return answer or {"abort": False, "decision": "allow"}
        raise Unknown(f"method not found: {method}")

    def _initialize(self, params):
        self.id = params.get("extension_id") or self.id
        self.state_dir = Path(params.get("state_dir") or self.state_dir)
        self.config = params.get("config") or {}
        return {
            "server_info": {"name": self.id},
            "tools": [
                {"name": name, "description": description, "input_schema": schema}
                for name, (description, schema, _) in sorted(self.tools.items())
            ],
            "hooks": sorted(self.hooks),
        }
