/**
 * A configuration in a file, for an edge that starts while core is away.
 *
 * @module
 */
import {
  type Clock,
  CodedError,
  codeOf,
  type EdgeConfig,
  EdgeSnapshot,
  EdgeSnapshotFile,
  messageOf,
} from "../core/contract/mod.ts";
import type { Log } from "../core/flow/log.ts";
import { decodeBase64 } from "../core/signing/bytes.ts";

/** Where a snapshot is, and how this runtime reads it. */
export interface SnapshotFile {
  readonly path: string;
  readonly read: () => Promise<string>;
}

/** What {@linkcode readSnapshot} needs. */
export interface SnapshotDeps {
  /** Opens what core sealed for files. @throws {CodedError} `sealed_unreadable` */
  readonly unwrap: (message: Uint8Array) => Promise<Uint8Array>;
  /** Whether this edge has a key, so that a file anybody could have written is refused. */
  readonly hasKey: boolean;
  readonly now: Clock;
  readonly log: Log;
}

/**
 * The configuration in the file.
 *
 * @throws {CodedError} `config_invalid` when it cannot be read, is something else or has expired;
 * `sealed_unreadable` when it was changed, or sealed with another key
 */
export async function readSnapshot(
  { path, read }: SnapshotFile,
  deps: SnapshotDeps,
): Promise<EdgeConfig> {
  const cannot = (state: string, cause?: unknown): CodedError => {
    const code = codeOf(cause) === "sealed_unreadable" ? "sealed_unreadable" : "config_invalid";
    return new CodedError(code, `Cannot start from snapshot "${path}": ${state}`, { cause });
  };
  const text = await read().catch((cause: unknown) => {
    throw cannot(messageOf(cause), cause);
  });
  const file = parseFile(text);
  if (file === undefined) {
    throw cannot("it is none; write one with `nexo edge config --out`");
  }
  const snapshot = await openFile(file, deps).catch((cause: unknown) => {
    throw cannot(messageOf(cause).replace(/^[^:]*: /, ""), cause);
  });
  const { made_at_ms, expires_at_ms, config } = snapshot;
  const nowMs = deps.now();
  if (expires_at_ms <= nowMs) {
    const since = new Date(expires_at_ms).toISOString();
    throw cannot(`it expired at ${since}; write a new one with \`nexo edge config --out\``);
  }
  deps.log.info("edge.snapshot_read", { version: config.version, ageMs: nowMs - made_at_ms });
  return config;
}

function parseFile(text: string): EdgeSnapshotFile | undefined {
  try {
    return EdgeSnapshotFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function openFile(
  file: EdgeSnapshotFile,
  { unwrap, hasKey }: SnapshotDeps,
): Promise<EdgeSnapshot> {
  if ("snapshot" in file) {
    if (!hasKey) return file.snapshot;
    const message = "Cannot open a snapshot: it is not sealed, and NEXO_EDGE_KEY is set here";
    throw new CodedError("sealed_unreadable", message);
  }
  const sealed = decodeBase64(file.sealed) ?? new Uint8Array();
  return EdgeSnapshot.parse(JSON.parse(new TextDecoder().decode(await unwrap(sealed))));
}
