/**
 * A host of small children, for tests.
 *
 * @module
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CallMeta } from "../../../core/contract/mod.ts";
import type { Log } from "../../../core/flow/log.ts";
import type { Candidate, ExtensionEntry } from "../../../core/microapps/candidate.ts";
import { type Host, type HostDeps, openHost } from "../../../core/microapps/host.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import { createWaker } from "../waker.ts";

const here = dirname(fileURLToPath(import.meta.url));

/** A child of this directory as a candidate; `args` follow the file name. */
export function childCandidate(
  id: string,
  file: string,
  { args = [], entry = {}, extra = "", priority = 0 }: {
    args?: readonly string[];
    entry?: ExtensionEntry;
    /** More TOML. */
    extra?: string;
    priority?: number;
  } = {},
): Candidate {
  const plugin = `[plugin]\nid = "${id}"\nversion = "1.0.0"\npriority = ${priority}\n` +
    `[plugin.entrypoint]\ncommand = ${JSON.stringify(process.execPath)}\n` +
    `args = ${JSON.stringify([join(here, file), ...args])}\n${extra}`;
  const { manifest } = parseManifest({ plugin, agentVersion: "0.1.5" });
  return { id, root: here, manifest, entry, refusal: null };
}

/** What was logged: event and fields. */
export type LogLines = { id: string; level: string; event: string; fields: unknown }[];

/** A host in a temporary home. Disposing stops it and removes the home. */
export interface TestHost extends AsyncDisposable {
  readonly host: Host;
  readonly homeDir: string;
  readonly logs: LogLines;
  /** Looks now, and whenever a state changes or something is logged; resolves when it is so. */
  until(isSo: () => boolean): Promise<void>;
  /** Resolves when the microapp has entered `state` `times` times in all. */
  entered(id: string, state: string, times?: number): Promise<void>;
}

/** Opens a host that soon ends children which do not end by themselves; answers have their time. */
export async function openTestHost(
  candidates: readonly Candidate[],
  options: Partial<HostDeps> = {},
): Promise<TestHost> {
  const homeDir = await mkdtemp(join(tmpdir(), "nexo-host-"));
  const logs: LogLines = [];
  const counts = new Map<string, number>();
  const { wake, until } = createWaker();
  const logFor = (id: string): Log => {
    const at = (level: string) => (event: string, fields: unknown = {}): void => {
      logs.push({ id, level, event, fields });
      wake();
    };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  };
  const host = await openHost({
    candidates,
    homeDir,
    env: { PATH: process.env["PATH"] },
    agentVersion: "0.1.5",
    now: Date.now,
    logFor,
    onRequest: ({ method }) => Promise.resolve({ asked: method }),
    timeouts: { politeMs: 300, killMs: 600 },
    restart: { restarts: 5, windowMs: 60_000, pause: { firstMs: 10, maxMs: 50 } },
    ...options,
    onState(id, state, reason) {
      const key = `${id} ${state}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      options.onState?.(id, state, reason);
      wake();
    },
  });
  return {
    host,
    homeDir,
    logs,
    until,
    entered: (id, state, times = 1) => until(() => (counts.get(`${id} ${state}`) ?? 0) >= times),
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await rm(homeDir, { recursive: true, force: true });
    },
  };
}

/** A `_meta` for tests. */
export function testMeta(callId = "c-1", account = "acme"): CallMeta {
  return {
    agent_id: "ana",
    session_id: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11",
    nexo: {
      binding: { agent_id: "ana", channel: "webchat", account_id: account, tenant_id: account },
      inbound: { kind: "external_user", sender_id: "visitor-1" },
      call_id: callId,
    },
  };
}

/** Calls a tool by its own name. */
export function callTool(
  { host }: TestHost,
  microappId: string,
  ownName: string,
  args: unknown = {},
  { account = "acme", callId, signal }: {
    account?: string;
    callId?: string;
    signal?: AbortSignal;
  } = {},
): ReturnType<Host["callTool"]> {
  const tool = host.tools().find((each) =>
    each.microappId === microappId && each.ownName === ownName
  );
  if (tool === undefined) {
    throw new RangeError(`Cannot call "${ownName}": "${microappId}" has none`);
  }
  const meta = testMeta(callId, account);
  return host.callTool({ tool, arguments: args, meta, account, signal });
}

/** Whether a process exists and has not ended. */
export async function isAlive(pid: number): Promise<boolean> {
  // A process that has ended stays in the table until its parent looks.
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return stat !== null && !/\) [ZX] /.test(stat);
}

/** The processes that a process started and that have not ended. */
export async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  }));
  return pids.filter((_, at) => parents[at] === parent);
}
