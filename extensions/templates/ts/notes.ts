/**
 * Notes in a file, one JSON object per line.
 *
 * @module
 */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";

/** One note. */
export interface Note {
  /** The call that added it, when core told one. */
  readonly call_id: string | null;
  readonly title: string | null;
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly added_at_ms: number;
}

/** The notes of each directory. */
export interface Notes {
  /** Adds a note, unless one of the same `call_id` is there; says how many there are. */
  add(dir: string, note: Note): Promise<{ added: boolean; count: number }>;
  /** Oldest first. */
  list(dir: string): Promise<Note[]>;
}

/** Builds the notes. Adding to one directory happens one after another, however many call at once. */
export function createNotes(): Notes {
  const turns = new Map<string, Promise<unknown>>();

  async function list(dir: string): Promise<Note[]> {
    const text = await readFile(join(dir, "notes.jsonl"), "utf8").catch(() => "");
    // The last line may be torn when the machine went down while it was written.
    return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Note);
  }

  async function addNow(dir: string, note: Note): Promise<{ added: boolean; count: number }> {
    const notes = await list(dir);
    // Core may run a step again after a crash; its call_id is then the same.
    const known = note.call_id !== null && notes.some(({ call_id }) => call_id === note.call_id);
    if (known) return { added: false, count: notes.length };
    await appendFile(join(dir, "notes.jsonl"), `${JSON.stringify(note)}\n`, { mode: 0o600 });
    return { added: true, count: notes.length + 1 };
  }

  return {
    list,
    add(dir, note) {
      const turn = (turns.get(dir) ?? Promise.resolve()).then(() => addNow(dir, note));
      turns.set(dir, turn.catch(() => {}));
      return turn;
    },
  };
}
