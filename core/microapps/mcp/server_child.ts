/**
 * The process of an MCP server: its command in the sandbox of the microapp it belongs to, under guard.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import type { Clock } from "../../contract/mod.ts";
import type { Log } from "../../flow/log.ts";
import { childEnv } from "../env.ts";
import type { GuardedChildDeps } from "../guarded_child.ts";
import { noteFile } from "../leftover.ts";
import type { Guard } from "../sandbox/guard.ts";
import {
  type Confinement,
  prepareSandbox,
  type SandboxDeps,
  type SandboxedChild,
} from "../sandbox/prepare.ts";
import { stateDirOf } from "../sandbox/state_dir.ts";
import { endMarked, MARK_VARIABLE, type Warden } from "../sandbox/warden.ts";
import type { Tail } from "../stderr.ts";
import { type McpServerSpec, serverId, type StdioWire } from "./spec.ts";

/** What servers' processes need; see `HostDeps`. */
export interface ServerChildDeps extends SandboxDeps {
  readonly guard: Guard;
  readonly warden: Warden;
  readonly runDir: string;
  readonly logFor: (id: string) => Log;
  readonly now: Clock;
}

/** How to start a server; unused for one that is reached over HTTP. */
export function childOf(
  { key, wire }: McpServerSpec,
  deps: ServerChildDeps,
  { tail, onConfined }: {
    readonly tail: Tail;
    /** Hears before each start what the process will be confined to. */
    readonly onConfined: (confinement: Confinement) => void;
  },
): GuardedChildDeps {
  const id = serverId(key);
  const mark = deps.warden.markOf(id);
  let confinement: Confinement | null = null;
  return {
    async prepare() {
      if (wire.kind !== "stdio") throw new TypeError("only a child is prepared");
      const sandboxed = await sandboxedOf(wire, mark, deps);
      confinement = sandboxed.confinement;
      onConfined(confinement);
      return sandboxed.child;
    },
    guard(pid, onBreach) {
      const forget = deps.warden.watch(pid);
      if (confinement === null || wire.kind !== "stdio") return forget;
      const stateDir = stateDirOf(deps.homeDir, wire.candidate.id);
      const unguard = deps.guard.watch({ pid, stateDir, limits: confinement.limits, onBreach });
      return () => {
        unguard();
        forget();
      };
    },
    tail,
    sweep: async () => void await endMarked(mark),
    pidFile: noteFile(deps.runDir, id),
    mark,
    now: deps.now,
    log: deps.logFor(id),
  };
}

async function sandboxedOf(
  { candidate, command, args, cwd, env: own }: StdioWire,
  mark: string,
  deps: ServerChildDeps,
): Promise<SandboxedChild> {
  await mkdir(stateDirOf(deps.homeDir, candidate.id), { recursive: true, mode: 0o700 });
  const passed = candidate.manifest.requires.env;
  const added = { ...own, [MARK_VARIABLE]: mark };
  const env = childEnv({ parent: deps.env, passed, added });
  const named = new Set([...passed, ...Object.keys(added)]);
  return prepareSandbox(candidate, { command, args, cwd, env }, named, deps);
}
