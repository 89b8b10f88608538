/**
 * The processes of one version of a microapp's code: one after another under a supervisor, each prepared,
 * guarded and swept.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Candidate } from "./candidate.ts";
import type { MicroappFault } from "./faults.ts";
import type { HttpHandshake } from "./http/identity.ts";
import type { HttpServers } from "./http/servers.ts";
import { noteFile } from "./leftover.ts";
import type { MicroappState } from "./lifeline.ts";
import type { PeerLimits } from "./peer.ts";
import type { RestartPolicy } from "./restart_plan.ts";
import type { Guard, Guarded } from "./sandbox/guard.ts";
import type { Confinement } from "./sandbox/prepare.ts";
import { stateDirOf } from "./sandbox/state_dir.ts";
import { endMarked } from "./sandbox/warden.ts";
import { initializeParams, prepareChild, type StartDeps } from "./start_child.ts";
import type { Tail } from "./stderr.ts";
import { type LifeTimeouts, openSupervisor, type Supervisor } from "./supervisor.ts";

/** What generations need; see `HostDeps`. */
export interface GenerationDeps extends StartDeps {
  readonly guard: Guard;
  /** Where running processes are written down. */
  readonly runDir: string;
  readonly servers: HttpServers;
  readonly now: Clock;
  readonly logFor: (microappId: string) => Log;
  readonly onRequest: (
    call: { readonly microappId: string; readonly method: string; readonly params: unknown },
  ) => Promise<unknown>;
  readonly onState: (microappId: string, state: MicroappState, reason?: string) => void;
  readonly onFault: (microappId: string, fault: MicroappFault) => void;
  readonly timeouts: LifeTimeouts;
  readonly restart: RestartPolicy;
  readonly limits: PeerLimits;
  /** Called whenever the microapps that run, or their tools, may have changed. */
  readonly onChange: () => void;
}

/** See the module. */
export interface Generation {
  readonly supervisor: Supervisor;
  /** How the process started last is confined; null before the first. */
  readonly confinement: Confinement | null;
  /** Whether it is the one that counts: only then is its state told. */
  isCurrent: boolean;
}

/** What a generation is opened for. */
export interface GenerationOptions {
  /** As it is at each start. */
  readonly candidate: () => Candidate;
  readonly tail: Tail;
  /** Counts the generations of this microapp, from 1: two may run beside each other for a while. */
  readonly number: number;
  readonly isCurrent: boolean;
}

/** Starts the first process. */
export function openGeneration(
  { candidate, tail, number, isCurrent }: GenerationOptions,
  deps: GenerationDeps,
): Generation {
  const { id } = candidate();
  const log = deps.logFor(id);
  const name = number === 1 ? id : `${id}~${number}`;
  const mark = deps.warden.markOf(name);
  let confinement: Confinement | null = null;
  let http: HttpHandshake | null = null;

  function guard(pid: number, onBreach: Guarded["onBreach"]): () => void {
    const forget = deps.warden.watch(pid);
    if (confinement === null) return forget;
    const { limits } = confinement;
    const stateDir = stateDirOf(deps.homeDir, id);
    const unguard = deps.guard.watch({ pid, stateDir, limits, onBreach });
    return () => {
      unguard();
      forget();
    };
  }

  let counts = isCurrent; // told while the supervisor is still being opened
  const supervisor = openSupervisor({
    id,
    prepare: async () => {
      const prepared = await prepareChild(candidate(), mark, deps, log);
      confinement = prepared.confinement;
      http = prepared.http;
      return prepared.child;
    },
    initializeParams: () => initializeParams(candidate(), http, deps),
    onRequest: ({ method, params }) => deps.onRequest({ microappId: id, method, params }),
    onState(state, reason) {
      if (!counts) return;
      deps.servers.follow(candidate(), state);
      deps.onChange();
      deps.onState(id, state, reason);
    },
    onFault: (kind, summary) => deps.onFault(id, { kind, summary, stderr: tail.lines() }),
    guard,
    sweep: async () => {
      const ended = await endMarked(mark);
      if (ended > 0) log.warn("microapp.strays_ended", { processes: ended });
    },
    tail,
    pidFile: noteFile(deps.runDir, name),
    mark,
    pollerKinds: candidate().manifest.capabilities.pollers,
    limits: deps.limits,
    timeouts: deps.timeouts,
    restart: deps.restart,
    now: deps.now,
    log,
  });
  return {
    supervisor,
    get confinement() {
      return confinement;
    },
    get isCurrent() {
      return counts;
    },
    set isCurrent(value) {
      counts = value;
    },
  };
}
