/**
 * Core's side of a microapp, for the tests of its author.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { type AgentEvent, DATA_ERASE, DataErased, NOTICES } from "../../../core/contract/mod.ts";
import type { Erasure } from "../erase.ts";
import type { HookAnswer, HookParams, HookPoint } from "../hook.ts";
import { isObject } from "../json.ts";
import type { Env, Microapp } from "../microapp.ts";
import { tokenHash } from "../operator.ts";
import { type AdminAnswers, type AdminCall, createTestAdmin } from "./admin.ts";
import { createTestLink, type TestFrame } from "./link.ts";
import { metaOf, type TestCall } from "./meta.ts";

/** How a test host is set up. */
export interface TestHostOptions {
  /** Where the microapp keeps its files. @default a directory that is removed at the end */
  readonly stateDir?: string;
  /** What core's admin methods answer; `nexo/publish` and `nexo/dispatch` accept everything. */
  readonly admin?: AdminAnswers;
  /** The capabilities the microapp has. @default all */
  readonly grants?: readonly string[];
  /** `entries.<id>.config`. */
  readonly config?: unknown;
  /** `extensions_config` by agent. */
  readonly agentsConfig?: Readonly<Record<string, unknown>>;
  readonly env?: Env;
  /** More that core says in `initialize`. */
  readonly handshake?: Readonly<Record<string, unknown>>;
}

/** A microapp that runs in this process. Disposing shuts it down. */
export interface TestHost extends AsyncDisposable {
  /** What it answered to `initialize`. */
  readonly handshake: unknown;
  readonly stateDir: string;
  /** @throws {TestCallError} the microapp's error reply */
  readonly callTool: (name: string, args: unknown, call?: TestCall) => Promise<unknown>;
  /** @throws {TestCallError} */
  readonly runHook: <Point extends HookPoint>(
    point: Point,
    params: Partial<HookParams[Point]>,
    call?: TestCall,
  ) => Promise<HookAnswer>;
  /** Resolves with how many records are gone. @throws {TestCallError} */
  readonly erase: (whom: Erasure) => Promise<number>;
  readonly notify: (method: string, params: unknown) => void;
  /** Tells of something that happened, as with a grant for events. */
  readonly emit: (event: AgentEvent) => void;
  readonly rotateToken: (rotation: { readonly from: string; readonly to: string }) => void;
  /** What it asked of core so far; those of one method with `method`. */
  readonly adminCalls: (method?: string) => AdminCall[];
  /** Every frame so far, in order. */
  readonly frames: readonly TestFrame[];
  /** What it logged so far. */
  readonly logged: () => string;
  /** Waits until `condition` holds, for what nobody answers, such as notifications; 5 s at most. */
  readonly until: (condition: () => boolean) => Promise<void>;
}

const UNTIL_MS = 5_000;

/**
 * Runs `app` and shakes hands with it, as core would.
 *
 * @throws {TestCallError} when it does not start
 */
export async function openTestHost(
  app: Microapp,
  options: TestHostOptions = {},
): Promise<TestHost> {
  const { config = {}, agentsConfig = {}, env = {} } = options;
  const ownDir = options.stateDir === undefined
    ? await mkdtemp(join(tmpdir(), "microapp-test-"))
    : undefined;
  const stateDir = options.stateDir ?? ownDir ?? "";
  const admin = createTestAdmin({ answers: options.admin, grants: options.grants });
  const link = createTestLink(admin.answer);
  const stderr = new PassThrough();
  let log = "";
  stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));

  const { stdin, stdout } = link;
  const ended = app.run({
    stdin,
    stdout,
    stderr,
    env: { NEXO_EXTENSION_STATE_ROOT: stateDir, ...env },
  });
  async function close(): Promise<void> {
    await link.request("shutdown", {}, 0);
    await ended;
    if (ownDir !== undefined) await rm(ownDir, { recursive: true, force: true });
  }

  const params = {
    extension_id: "test",
    state_dir: stateDir,
    config,
    agents_config: agentsConfig,
    ...options.handshake,
  };
  const handshake = await link.request("initialize", params, 0).catch(async (error: unknown) => {
    await close();
    throw error;
  });

  return {
    handshake,
    stateDir,
    callTool(name, args, call = {}) {
      const withMeta = isObject(args) ? { ...args, _meta: metaOf(call) } : args;
      return link.request("tools/call", { name, arguments: withMeta });
    },
    async runHook(point, given, call = {}) {
      const meta = metaOf(call);
      const { agent_id, session_id } = meta;
      const answered = await link.request(`hooks/${point}`, {
        agent_id,
        session_id,
        ...given,
        _meta: meta,
      });
      return answered as HookAnswer;
    },
    async erase({ accountId, contact }) {
      const answer = await link.request(DATA_ERASE, { account_id: accountId, contact });
      return DataErased.parse(answer).erased;
    },
    notify: link.notify,
    emit: (event) => link.notify(NOTICES.agent_event, event),
    rotateToken: ({ from, to }) =>
      link.notify(NOTICES.token_rotated, { old_hash: tokenHash(from), new: to }),
    adminCalls: (method) =>
      admin.calls.filter((call) => method === undefined || call.method === method),
    frames: link.frames,
    logged: () => log,
    async until(condition) {
      const deadline = performance.now() + UNTIL_MS;
      while (!condition()) {
        if (performance.now() > deadline) {
          throw new Error(`Waited in vain for ${String(condition)}`);
        }
        await setTimeout(1);
      }
    },
    [Symbol.asyncDispose]: close,
  };
}
