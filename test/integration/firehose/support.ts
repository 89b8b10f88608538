/**
 * A core with a real store and an edge on a real port, each of which can be restarted; and clients
 * that write down what they see.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { type LocalBus, openLocalBus } from "../../../core/bus/local.ts";
import {
  type AgentEvent,
  EdgeAuth,
  type EdgeConfig,
  FIREHOSE_PROTOCOL,
  FirehoseFrame,
  WebhookReceiver,
} from "../../../core/contract/mod.ts";
import { createEventLog } from "../../../core/events/event_log.ts";
import { rowsForEvents } from "../../../core/events/event_rows.ts";
import { trimEvents } from "../../../core/events/retention.ts";
import { serveEvents } from "../../../core/events/serve.ts";
import type { Log } from "../../../core/flow/log.ts";
import { edgeConfigOf } from "../../../core/settings/edge_config.ts";
import { openStore } from "../../../core/store/open_store.ts";
import type { Store } from "../../../core/store/store.ts";
import { serveTickets } from "../../../core/vault/tickets.ts";
import type { TokenRequest } from "../../../core/vault/tokens.ts";
import { openVault, type Vault } from "../../../core/vault/vault.ts";
import type { FirehoseOptions } from "../../../edge/firehose/firehose.ts";
import { type NodeEdge, startNodeEdge } from "../../../edge/node.ts";
import { freePort } from "../../support/free_port.ts";
import { migrationsDir, silentLog } from "../../support/store.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

/** An event that says who and which it is. */
export function noted(agent: string, n: number, extra: object = {}): AgentEvent {
  return {
    kind: "tool_called",
    agent_id: agent,
    session_id: "01890000-0000-7000-8000-00000000000a",
    turn_id: "01890000-0000-7000-8000-00000000000b",
    call_id: String(n),
    tool: "note",
    outcome: "ok",
    duration_ms: 1,
    at_ms: n,
    ...extra,
  };
}

/** Core's half. */
export interface CoreHalf extends AsyncDisposable {
  readonly store: Store;
  /** Commits one unit of events. */
  put(account: string, ...events: AgentEvent[]): Promise<void>;
  /** Trims every account to its newest rows. */
  retain(rows: number): Promise<void>;
}

/** Both halves and the bus between them. */
export interface Place extends AsyncDisposable {
  readonly bus: LocalBus;
  readonly vault: Vault;
  core(): CoreHalf;
  edge(): NodeEdge;
  /** Ends core's half and starts it again on the same files, or on none. */
  restartCore(options?: { wipe?: boolean }): Promise<void>;
  restartEdge(): Promise<void>;
  token(request?: Partial<TokenRequest>): Promise<string>;
  /** Takes a token back at core, without telling the edge. */
  revokeAtCore(token: string): void;
  /** Tells the edge which tokens were taken back. */
  pushRevoked(...tokens: string[]): void;
  /** `path` on the edge. */
  url(path: string): string;
}

/** The claims of a token, unchecked. */
export function claimsOf(token: string): { jti: string } {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** Opens both halves. */
export async function openPlace(
  { firehose, maxMessageBytes, wrapBus = (bus) => bus, log = silentLog }: {
    firehose?: FirehoseOptions;
    maxMessageBytes?: number;
    /** What the edge sees of the bus. */
    wrapBus?: (bus: LocalBus) => LocalBus;
    /** The edge's. */
    log?: Log;
  } = {},
): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), "firehose-"));
  const bus = openLocalBus();
  const vault = await openVault({ keysDir: join(dir, "keys"), random, now: Date.now });
  const revoked = new Set<string>();
  const verify = (token: string) =>
    vault.verifyToken(token, {
      scope: ["operator", "tenant", "firehose"],
      isRevoked: (jti) => revoked.has(jti),
    });
  serveTickets({ bus, verify, random, now: Date.now });

  let databases = 0;
  async function openCore(): Promise<CoreHalf> {
    const store = await openStore({
      url: `file:${join(dir, `core-${databases}.db`)}`,
      migrationsDir,
      now: Date.now,
      log: silentLog,
    });
    const events = createEventLog({ store, log: silentLog });
    const service = await serveEvents({
      bus,
      store,
      events,
      verify,
      random,
      log: silentLog,
      heartbeatMs: 100,
      maxMessageBytes,
    });
    return {
      store,
      put: (account, ...some) => store.commit(rowsForEvents({ account, events: some })),
      async retain(rows) {
        await trimEvents({ store, keep: { days: 0, rows }, nowMs: 0 });
      },
      async [Symbol.asyncDispose]() {
        service[Symbol.dispose]();
        events[Symbol.dispose]();
        await store[Symbol.asyncDispose]();
      },
    };
  }

  const config = (): EdgeConfig => ({
    ...edgeConfigOf(WebhookReceiver.parse({}), () => undefined, 1),
    auth: EdgeAuth.parse({ token_keys: [vault.publicJwk()], revoked: [] }),
  });
  const port = await freePort();
  const openEdge = (): Promise<NodeEdge> =>
    startNodeEdge({
      bus: wrapBus(bus),
      config: config(),
      port,
      hostname: "127.0.0.1",
      log,
      version: "test",
      firehose,
      drainMs: 1000,
    });

  let core = await openCore();
  let edge = await openEdge();
  return {
    bus,
    vault,
    core: () => core,
    edge: () => edge,
    async restartCore({ wipe = false } = {}) {
      await core[Symbol.asyncDispose]();
      if (wipe) databases += 1;
      core = await openCore();
    },
    async restartEdge() {
      await edge[Symbol.asyncDispose]();
      edge = await openEdge();
    },
    async token(request = {}) {
      const { token } = await vault.createToken({
        subject: "test",
        scope: ["firehose"],
        ...request,
      });
      return token;
    },
    revokeAtCore: (token) => void revoked.add(claimsOf(token).jti),
    pushRevoked(...tokens) {
      const auth = { ...config().auth, revoked: tokens.map((token) => claimsOf(token).jti) };
      edge.apply({ ...config(), auth: EdgeAuth.parse(auth) });
    },
    url: (path) => `${edge.url}${path}`,
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await core[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A WebSocket client that keeps every frame. */
export interface Follower {
  readonly frames: FirehoseFrame[];
  readonly socket: WebSocket;
  /** Everything it received, as text. */
  readonly texts: string[];
  /** Resolves when `done` holds for the frames so far; rejects when the connection ends before. */
  until(done: (frames: readonly FirehoseFrame[]) => boolean): Promise<void>;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  close(): Promise<number>;
  /** The cursor to resume from. */
  cursor(): string | undefined;
}

/** Connects; rejects with the HTTP status when refused. */
export function follow(
  place: Pick<Place, "url">,
  token: string | undefined,
  query = "",
): Promise<Follower> {
  const protocols = token === undefined ? [] : [FIREHOSE_PROTOCOL, `bearer.${token}`];
  const socket = new WebSocket(place.url(`/firehose${query}`).replace("http", "ws"), protocols);
  const frames: FirehoseFrame[] = [];
  const texts: string[] = [];
  const watchers = new Set<() => void>();
  let isClosed = false;
  const closed = new Promise<number>((resolve) =>
    socket.on("close", (code) => {
      isClosed = true;
      resolve(code);
      for (const look of watchers) look();
    })
  );
  socket.on("message", (data: Buffer) => {
    texts.push(data.toString());
    frames.push(FirehoseFrame.parse(JSON.parse(data.toString())));
    for (const look of watchers) look();
  });
  const follower: Follower = {
    frames,
    texts,
    socket,
    closed,
    until: (done) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          try {
            if (done(frames)) resolve();
            else if (isClosed) throw new Error(`closed after ${JSON.stringify(frames.at(-1))}`);
            else return;
          } catch (error) {
            reject(error);
          }
          watchers.delete(look);
        };
        watchers.add(look);
        look();
      }),
    close() {
      socket.close();
      return closed;
    },
    cursor: () => cursorAfter(frames),
  };
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(follower));
    socket.on("unexpected-response", (request, response) => {
      request.destroy();
      reject(new Error(String(response.statusCode)));
    });
    socket.on("error", reject);
  });
}

/** Where a client that saw these frames resumes. */
export function cursorAfter(frames: readonly FirehoseFrame[]): string | undefined {
  const last = frames.at(-1);
  if (last === undefined) return undefined;
  if (last.type === "gap") return last.to;
  return ("cursor" in last ? last.cursor : undefined) ?? cursorAfter(frames.slice(0, -1));
}

/** The `call_id`s of the events among frames, as numbers. */
export function numbersIn(frames: readonly FirehoseFrame[]): number[] {
  return frames.flatMap((frame) =>
    frame.type === "event" && frame.event.kind === "tool_called"
      ? [Number(frame.event.call_id)]
      : []
  );
}

/** Holds when `count` events are there. */
export const events = (count: number) => (frames: readonly FirehoseFrame[]): boolean =>
  frames.filter(({ type }) => type === "event").length >= count;
