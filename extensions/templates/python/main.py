"""A notebook for each tenant: two tools and a hook."""

import json
import threading
import time

from nexo_stdio import Microapp, ToolError, log

app = Microapp()
lock = threading.Lock()


def read_notes(path):
    """Oldest first. A last line torn by a power cut is left out."""
    try:
        lines = (path / "notes.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


@app.tool(
    "note_add",
    "Saves a short note. Use it when somebody asks to remember something.",
    {
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 10000},
            "title": {"type": "string", "maxLength": 200},
        },
        "required": ["text"],
    },
)
def note_add(arguments, context):
    text = arguments.get("text")
    title = arguments.get("title")
    if not isinstance(text, str) or not 0 < len(text) <= 10000:
        raise ToolError("invalid_arguments", "text: must be 1 to 10000 characters")
    if title is not None and not isinstance(title, str):
        raise ToolError("invalid_arguments", "title: must be text")
    path = context.open_tenant_dir()
    with lock:
        notes = read_notes(path)
        # nexo may run a step again after a crash; its call_id is then the same.
        known = context.call_id is not None and any(
            note["call_id"] == context.call_id for note in notes
        )
        if not known:
            note = {
                "call_id": context.call_id,
                "title": title,
                "text": text,
                "added_at_ms": int(time.time() * 1000),
            }
            with open(path / "notes.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(note) + "\n")
        count = len(notes) + (0 if known else 1)
    log("INFO", f"note_add count={count}")
    return {"ok": True, "text": f"Saved. Notes so far: {count}."}


@app.tool(
    "note_list",
    "Lists all saved notes, oldest first.",
    {"type": "object", "properties": {}},
)
def note_list(_arguments, context):
    keys = ("title", "text", "added_at_ms")
    notes = read_notes(context.open_tenant_dir())
    return {"notes": [{key: note[key] for key in keys} for note in notes]}


@app.hook("before_message")
def before_message(params, context):
    """Set `config: {blocked_word: ...}` for this microapp in extensions.yaml to see it say no."""
    word = context.config.get("blocked_word")
    if word and word in (params.get("text") or ""):
        return {"abort": True, "decision": "block", "reason": f'the message holds "{word}"'}
    return None


if __name__ == "__main__":
    app.run()
