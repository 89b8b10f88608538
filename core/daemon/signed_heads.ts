/**
 * How far each hash chain reached, signed and kept beside the keys: a cut tail is found by them, and
 * what retention took is told from what somebody else did.
 *
 * @module
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Clock, escapeToken } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import { auditStream } from "../record/admin_audit.ts";
import { chainedRowHash, type ChainedTable } from "../record/chain.ts";
import { checkHead, type Head, type HeadKind, type SignedHead, signHead } from "../record/heads.ts";
import { turnStream } from "../record/turns.ts";
import type { Store } from "../store/store.ts";
import type { AuditKey } from "../vault/audit_key.ts";

/** Rows of one chain between two signatures, and the longest time between them. */
const EVERY_ROWS = 100;
const EVERY_MS = 10_000;

const SignedHeadFile = z.strictObject({
  kind: z.enum(["head", "checkpoint"]),
  stream: z.string(),
  offset: z.int().nonnegative(),
  hash: z.string(),
  atMs: z.int(),
  signature: z.string(),
});

/** What is known of a chain from outside the database. */
export interface KnownEnds {
  readonly head: SignedHead | undefined;
  readonly checkpoint: SignedHead | undefined;
  /** Statements that are not what was signed. */
  readonly problems: readonly string[];
}

/** The signed heads of a home. Disposing signs what is newer. */
export interface SignedHeads extends AsyncDisposable {
  readonly find: (stream: string) => Promise<KnownEnds>;
  /** Signs a head now; one that is older than the last stays out of the file. */
  readonly sign: (head: Head) => SignedHead;
  /** Says that everything up to `head` is about to be deleted on purpose. */
  readonly writeCheckpoint: (head: Head) => Promise<void>;
}

interface Followed {
  readonly table: ChainedTable;
  readonly account: string;
  head: Head;
  /** Undefined before the file was looked at; then the newest offset in it. */
  signedOffset: number | undefined;
  /** The chain does not contain what was signed of it: the old statement stays as evidence. */
  isBroken: boolean;
}

/** Follows the chains of `store` and signs their heads into `dir`. */
export async function openSignedHeads({ store, dir, key, now, log }: {
  store: Store;
  dir: string;
  key: Pick<AuditKey, "sign" | "verify">;
  now: Clock;
  log: Log;
}): Promise<SignedHeads> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const chains = new Map<string, Followed>();
  const scope = openScope({ onError: (error) => log.error("audit.head_unsigned", { error }) });
  const path = (stream: string, kind: HeadKind): string =>
    join(dir, `${escapeToken(stream)}.${kind}.json`);

  async function write(head: Head, kind: HeadKind): Promise<void> {
    const to = path(head.stream, kind);
    const temporary = `${to}.${head.offset}`;
    await writeFile(temporary, JSON.stringify(signHead(head, kind, key.sign)), { mode: 0o600 });
    await rename(temporary, to);
  }

  /** The statement, or why it is none. */
  async function read(stream: string, kind: HeadKind): Promise<SignedHead | string | undefined> {
    const text = await readFile(path(stream, kind), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      const signed = SignedHeadFile.parse(JSON.parse(text));
      if (signed.stream === stream && checkHead(signed, kind, key.verify)) return signed;
    } catch {
      // No JSON, or of another shape: not what was written here.
    }
    return `the signed ${kind} is not what was signed`;
  }

  /** What this process did not write itself is believed only when the chain still contains it. */
  async function knowSigned(chain: Followed): Promise<void> {
    const known = await read(chain.head.stream, "head");
    if (known === undefined) return void (chain.signedOffset = 0);
    if (typeof known !== "string") {
      const checkpoint = await read(chain.head.stream, "checkpoint");
      const isTrimmed = typeof checkpoint === "object" && checkpoint.offset >= known.offset;
      const hash = await chainedRowHash(store, chain, known.offset);
      if (isTrimmed || hash === known.hash) return void (chain.signedOffset = known.offset);
    }
    chain.isBroken = true;
    log.error("audit.chain_broken", { stream: chain.head.stream, fix: "nexo audit verify" });
  }

  async function sign(chain: Followed): Promise<void> {
    if (chain.signedOffset === undefined) await knowSigned(chain);
    const { head, isBroken, signedOffset = 0 } = chain;
    if (isBroken || head.offset <= signedOffset) return;
    chain.signedOffset = head.offset;
    await write(head, "head");
  }

  const stop = store.onAppended((rows) => {
    for (const { table, row } of rows) {
      if (table !== "turns" && table !== "admin_audit") continue;
      const account = String(row["account_id"]);
      const stream = (table === "turns" ? turnStream : auditStream)(account);
      const offset = Number(row["offset"]);
      const head = { stream, offset, hash: String(row["hash"]), atMs: now() };
      const chain = chains.get(stream) ??
        { table, account, head, signedOffset: undefined, isBroken: false };
      chain.head = head;
      chains.set(stream, chain);
      if (offset - (chain.signedOffset ?? offset) >= EVERY_ROWS) scope.run(() => sign(chain));
    }
  });
  const signAll = (): Promise<unknown> => Promise.all([...chains.values()].map(sign));
  const timer = setInterval(() => scope.run(() => signAll().then(() => undefined)), EVERY_MS);
  timer.unref();

  return {
    async find(stream) {
      const [head, checkpoint] = [await read(stream, "head"), await read(stream, "checkpoint")];
      return {
        head: typeof head === "string" ? undefined : head,
        checkpoint: typeof checkpoint === "string" ? undefined : checkpoint,
        problems: [head, checkpoint].filter((found) => typeof found === "string"),
      };
    },
    sign: (head) => signHead(head, "head", key.sign),
    writeCheckpoint: (head) => write(head, "checkpoint"),
    async [Symbol.asyncDispose]() {
      stop();
      clearInterval(timer);
      await scope.idle();
      await signAll();
    },
  };
}
