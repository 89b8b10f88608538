/**
 * How far each hash chain reached, signed and kept beside the keys: a cut tail is found by them.
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
import { checkHead, type Head, signHead } from "../record/heads.ts";
import { turnStream } from "../record/turns.ts";
import type { Store } from "../store/store.ts";

/** Rows of one chain between two signatures. */
const EVERY_ROWS = 100;

const SignedHeadFile = z.object({
  stream: z.string(),
  offset: z.int(),
  hash: z.string(),
  atMs: z.int(),
  signature: z.string(),
});

/** The signed heads of a home. Disposing signs what is newer. */
export interface SignedHeads extends AsyncDisposable {
  /** The newest signed head of a stream, or undefined without one or with a wrong signature. */
  readonly find: (stream: string) => Promise<Head | undefined>;
}

/** Follows the chains of `store` and signs their heads into `dir`. */
export async function openSignedHeads({ store, dir, mac, now, log }: {
  store: Store;
  dir: string;
  mac: (text: string) => string;
  now: Clock;
  log: Log;
}): Promise<SignedHeads> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const heads = new Map<string, { head: Head; signedOffset: number }>();
  const scope = openScope({ onError: (error) => log.error("audit.head_unsigned", { error }) });
  const path = (stream: string): string => join(dir, `${escapeToken(stream)}.json`);

  async function sign(stream: string): Promise<void> {
    const entry = heads.get(stream);
    if (entry === undefined || entry.signedOffset === entry.head.offset) return;
    const { head } = entry;
    entry.signedOffset = head.offset;
    const temporary = `${path(stream)}.${head.offset}`;
    await writeFile(temporary, JSON.stringify(await signHead(head, mac)), { mode: 0o600 });
    await rename(temporary, path(stream));
  }

  const stop = store.onAppended((rows) => {
    for (const { table, row } of rows) {
      const streamOf = table === "turns"
        ? turnStream
        : table === "admin_audit"
        ? auditStream
        : null;
      if (streamOf === null) continue;
      const stream = streamOf(String(row["account_id"]));
      const offset = Number(row["offset"]);
      const signedOffset = heads.get(stream)?.signedOffset ?? 0;
      heads.set(stream, {
        head: { stream, offset, hash: String(row["hash"]), atMs: now() },
        signedOffset,
      });
      if (offset - signedOffset >= EVERY_ROWS) scope.run(() => sign(stream));
    }
  });

  return {
    async find(stream) {
      const text = await readFile(path(stream), "utf8").catch(() => undefined);
      if (text === undefined) return undefined;
      const signed = SignedHeadFile.parse(JSON.parse(text));
      const holds = await checkHead(signed, (content, signature) => mac(content) === signature);
      return holds && signed.stream === stream ? signed : undefined;
    },
    async [Symbol.asyncDispose]() {
      stop();
      await scope.idle();
      await Promise.all([...heads.keys()].map(sign));
    },
  };
}
