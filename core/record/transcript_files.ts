/**
 * Transcripts as files, beside the database: what `transcripts_dir` of an agent asks for.
 *
 * `<transcripts_dir>/<tenant>/<session>.jsonl` follows what is kept: redacted as it is, a line after each
 * commit, and gone with what retention or an erasure took.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { appendFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf } from "../contract/mod.ts";
import { createInTurn } from "../flow/in_turn.ts";
import type { Log } from "../flow/log.ts";
import { type Appended, type Row, statement, type Store } from "../store/store.ts";
import { entryLine, sessionLine } from "./jsonl.ts";
import { listSessions } from "./sessions.ts";
import type { Transcripts } from "./transcripts.ts";

/** What following transcripts needs. */
export interface TranscriptFilesDeps {
  readonly store: Pick<Store, "commit" | "onAppended" | "readMany">;
  readonly transcripts: Pick<Transcripts, "readTranscript">;
  /** Where each agent with files has them: absolute paths by agent. */
  readonly dirs: () => ReadonlyMap<string, string>;
  readonly log: Log;
}

/** The files. Disposing ends the writing; the next start goes on where it ended. */
export interface TranscriptFiles extends AsyncDisposable {
  /** Resolves when the files hold everything committed before. */
  readonly written: () => Promise<void>;
  /**
   * Makes files follow what is left in the database: of some sessions of a tenant, of a tenant, or all.
   * Rejects when a file could not be changed.
   */
  readonly trim: (
    what?: { account: string; sessionIds?: readonly string[] | undefined },
  ) => Promise<
    void
  >;
}

interface Session {
  readonly account: string;
  readonly agentId: string;
  readonly sessionId: string;
}

const PAGE = 500;
/** In the table `meta`: the newest entry that is in a file, if its agent has files. */
const CURSOR = "transcript_files";
/** Files whose end is remembered; others are written anew when something is added. */
const MAX_KNOWN = 1_000;

/** Entries before the remembered one that a start looks at again: their files may not have been written. */
const OVERLAP = 100;

/** Starts to follow, beginning with what was committed and not written before. */
export function openTranscriptFiles(deps: TranscriptFilesDeps): TranscriptFiles {
  const { store, transcripts, dirs, log } = deps;
  /** The newest seq in a file, by path. */
  const known = new Map<string, number>();
  const waiting = new Map<string, Session>();
  /** No two of them touch a file at once. */
  const inTurn = createInTurn();

  function fail(error: unknown, session?: Session): void {
    log.error("transcript_files.unwritten", {
      account: session?.account,
      session: session?.sessionId,
      error: messageOf(error),
    });
  }

  function note(sessions: readonly Session[]): void {
    const wanted = sessions.filter(({ agentId }) => dirs().has(agentId));
    if (wanted.length === 0) return;
    const isFirst = waiting.size === 0;
    for (const session of wanted) {
      waiting.set(`${session.account}/${session.sessionId}`, session);
    }
    if (isFirst) inTurn(writeWaiting).catch(fail);
  }

  async function writeWaiting(): Promise<void> {
    const [top] = await store.readMany<{ id: number | null }>(
      "SELECT max(id) AS id FROM transcripts",
    );
    for (let [entry] = waiting; entry !== undefined; [entry] = waiting) {
      const [key, session] = entry;
      waiting.delete(key);
      await write(session).catch((error: unknown) => fail(error, session));
    }
    await store.commit([statement(
      "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
      [CURSOR, String(top?.id ?? 0)],
    )]);
  }

  async function write(session: Session): Promise<void> {
    const path = pathOf(session);
    if (path === undefined) return;
    const lastSeq = known.get(path);
    if (lastSeq === undefined) return rewrite(session, path);
    for await (const entries of entriesOf(session, lastSeq)) {
      await appendFile(path, entries.map(entryLine).join(""));
      known.set(path, entries.at(-1)?.seq ?? lastSeq);
    }
  }

  /** Replaces a file as a whole, or removes it when nothing is left of its session. */
  async function rewrite(session: Session, path: string): Promise<void> {
    const { account, sessionId } = session;
    const [view] = await listSessions(store, { account, sessionId, limit: 1 });
    known.delete(path);
    if (view === undefined) return rm(path, { force: true });
    // Whose it is says where it lies.
    if (view.agent_id !== session.agentId) return;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const part = `${path}.part`;
    let lastSeq = -1;
    {
      await using file = await open(part, "w", 0o600);
      await file.appendFile(sessionLine({
        sessionId,
        agentId: view.agent_id,
        sourcePlugin: view.source_plugin,
        startedAtMs: view.started_at_ms,
      }));
      for await (const entries of entriesOf(session, -1)) {
        await file.appendFile(entries.map(entryLine).join(""));
        lastSeq = entries.at(-1)?.seq ?? lastSeq;
      }
    }
    await rename(part, path);
    known.set(path, lastSeq);
    for (const [oldest] of known) {
      if (known.size <= MAX_KNOWN) break;
      known.delete(oldest);
    }
  }

  async function* entriesOf({ account, sessionId }: Session, afterSeq: number) {
    for (let after = afterSeq;;) {
      const entries = await transcripts.readTranscript({
        account,
        sessionId,
        afterSeq: after,
        limit: PAGE,
      });
      if (entries.length > 0) yield entries;
      if (entries.length < PAGE) return;
      after = entries.at(-1)?.seq ?? after;
    }
  }

  const pathOf = ({ account, agentId, sessionId }: Session): string | undefined => {
    const dir = dirs().get(agentId);
    return dir === undefined ? undefined : join(dir, account, `${sessionId}.jsonl`);
  };

  /** What was committed while nobody wrote. */
  async function resume(): Promise<void> {
    if (dirs().size === 0) return;
    const [row] = await store.readMany<{ value: string }>("SELECT value FROM meta WHERE key = ?", [
      CURSOR,
    ]);
    note(
      await store.readMany<Row & Session>(
        `SELECT DISTINCT account_id AS account, agent_id AS agentId, session_id AS sessionId
         FROM transcripts WHERE id > ?`,
        [Number(row?.value ?? 0) - OVERLAP],
      ),
    );
  }

  async function trimTenant(agentId: string, dir: string, account: string): Promise<void> {
    for (const name of await namesIn(join(dir, account))) {
      const sessionId = /^([0-9a-f-]{36})\.jsonl$/.exec(name)?.[1];
      if (sessionId === undefined) continue;
      const path = join(dir, account, name);
      const [view] = await listSessions(store, { account, sessionId, limit: 1 });
      // Two agents may share a directory.
      if (view !== undefined && view.agent_id !== agentId) continue;
      if (view?.entries === await linesOf(path) - 1) continue;
      await rewrite({ account, agentId, sessionId }, path);
    }
  }

  async function trim(
    what: { account: string; sessionIds?: readonly string[] | undefined } | undefined,
  ): Promise<void> {
    for (const [agentId, dir] of dirs()) {
      if (what?.sessionIds !== undefined) {
        for (const sessionId of what.sessionIds) {
          const session = { account: what.account, agentId, sessionId };
          await rewrite(session, join(dir, what.account, `${sessionId}.jsonl`));
        }
        continue;
      }
      const accounts = what === undefined ? await namesIn(dir) : [what.account];
      for (const account of accounts) await trimTenant(agentId, dir, account);
    }
  }

  const stop = store.onAppended((rows: readonly Appended[]) => {
    note(
      rows.filter(({ table }) => table === "transcripts").map(({ row }) => ({
        account: String(row["account_id"]),
        agentId: String(row["agent_id"]),
        sessionId: String(row["session_id"]),
      })),
    );
  });
  inTurn(resume).catch(fail);

  async function written(): Promise<void> {
    await inTurn(nothing);
    // Resuming may have noted more.
    await inTurn(nothing);
  }

  return {
    written,
    trim: (what) => inTurn(() => trim(what)),
    async [Symbol.asyncDispose]() {
      stop();
      await written();
    },
  };
}

const nothing = (): Promise<void> => Promise.resolve();

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function linesOf(path: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (const byte of chunk) if (byte === 10) lines++;
  }
  return lines;
}
