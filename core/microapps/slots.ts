/**
 * Which microapps a host has, and their starting, changing and stopping.
 *
 * @module
 */
import { type Clock, CodedError } from "../contract/mod.ts";
import { type Log } from "../flow/log.ts";
import type { Candidate } from "./discovery.ts";
import type { MicroappFault } from "./faults.ts";
import { grantsOf } from "./grants.ts";
import type { HookPoint } from "./handshake.ts";
import { noteFile } from "./leftover.ts";
import type { HttpHandshake } from "./http/identity.ts";
import type { HttpServers, ServerStatus } from "./http/servers.ts";
import type { MicroappState } from "./lifeline.ts";
import type { PeerLimits } from "./peer.ts";
import type { RestartPolicy } from "./restart_plan.ts";
import type { Guard, Guarded } from "./sandbox/guard.ts";
import type { SandboxLevel } from "./sandbox/level.ts";
import type { Confinement } from "./sandbox/prepare.ts";
import { stateDirOf } from "./sandbox/state_dir.ts";
import { endMarked } from "./sandbox/warden.ts";
import { initializeParams, prepareChild, type StartDeps } from "./start_child.ts";
import { createTail, type Tail } from "./stderr.ts";
import { type LifeTimeouts, openSupervisor, type Supervisor } from "./supervisor.ts";

/** What slots need; see `HostDeps`. */
export interface SlotsDeps extends StartDeps {
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
  /** Called when a microapp was stopped on purpose. */
  readonly onStopped: (microappId: string) => void;
}

/** One microapp, as `nexo ext status` shows it. */
export interface MicroappStatus {
  readonly id: string;
  readonly version: string;
  readonly state: MicroappState;
  /** Why it is not ready. */
  readonly reason: string | null;
  readonly pid: number | null;
  /** Starts after the first. */
  readonly restarts: number;
  /** How its process is confined; null while none was started. */
  readonly sandbox: SandboxLevel | null;
  /** What the sandbox leaves open, or why it is not a stronger one. */
  readonly sandbox_notes: readonly string[];
  readonly tools: readonly { readonly name: string }[];
  readonly hooks: readonly HookPoint[];
  /** Null when it declares no HTTP server. */
  readonly http: ServerStatus | null;
  /** Names of the capabilities it was given. */
  readonly grants: readonly string[];
  /** Its last lines on stderr, and stray ones on stdout. */
  readonly stderr: readonly string[];
}

/** One microapp of a host. */
export interface Slot {
  readonly candidate: Candidate;
  /** Null while it may not run or is being replaced. */
  readonly supervisor: Supervisor | null;
}

/** The microapps of a host. Disposing stops them all. */
export interface Slots extends AsyncDisposable {
  get(microappId: string): Slot | undefined;
  /** Sorted by id. */
  all(): Slot[];
  status(): MicroappStatus[];
  restart(microappId: string): Promise<void>;
  apply(candidates: readonly Candidate[]): Promise<void>;
  settled(microappId?: string): Promise<void>;
}

interface OwnSlot {
  candidate: Candidate;
  supervisor: Supervisor | null;
  /** False once it is to go. */
  wanted: boolean;
  readonly tail: Tail;
  /** Of the last start. */
  confinement: Confinement | null;
  http: HttpHandshake | null;
  /** Changes of one microapp happen one after another. */
  changes: Promise<void>;
}

type Breach = Guarded["onBreach"];

const TAIL_LINES = 50;

/** Starts every candidate; none is waited for. */
export function openSlots(candidates: readonly Candidate[], deps: SlotsDeps): Slots {
  const slots = new Map<string, OwnSlot>();
  let closed = false;

  function start(slot: OwnSlot): void {
    const { candidate: { id, refusal }, tail } = slot;
    const log = deps.logFor(id);
    deps.onChange();
    if (refusal !== null) {
      log.error("microapp.failed", { reason: refusal });
      deps.onState(id, "failed", refusal);
      return;
    }
    slot.supervisor = openSupervisor({
      id,
      prepare: async () => {
        const { child, confinement, http } = await prepareChild(slot.candidate, deps, log);
        slot.http = http;
        slot.confinement = confinement;
        return child;
      },
      initializeParams: () => initializeParams(slot.candidate, slot.http, deps),
      onRequest: ({ method, params }) => deps.onRequest({ microappId: id, method, params }),
      onState(state, reason) {
        deps.servers.follow(slot.candidate, state);
        deps.onChange();
        deps.onState(id, state, reason);
      },
      onFault: (kind, summary) => deps.onFault(id, { kind, summary, stderr: tail.lines() }),
      guard: (pid, onBreach) => guardChild(slot, pid, onBreach),
      sweep: async () => {
        const ended = await endMarked(deps.warden.markOf(id));
        if (ended > 0) log.warn("microapp.strays_ended", { processes: ended });
      },
      tail,
      pidFile: noteFile(deps.runDir, id),
      mark: deps.warden.markOf(id),
      limits: deps.limits,
      timeouts: deps.timeouts,
      restart: deps.restart,
      now: deps.now,
      log,
    });
  }

  function guardChild(
    { candidate, confinement }: OwnSlot,
    pid: number,
    onBreach: Breach,
  ): () => void {
    const stateDir = stateDirOf(deps.homeDir, candidate.id);
    const forget = deps.warden.watch(pid);
    if (confinement === null) return forget;
    const { limits } = confinement;
    const unguard = deps.guard.watch({ pid, stateDir, limits, onBreach });
    return () => {
      unguard();
      forget();
    };
  }

  function add(candidate: Candidate): void {
    const tail = createTail(TAIL_LINES);
    const changes = Promise.resolve();
    const slot: OwnSlot = {
      candidate,
      supervisor: null,
      wanted: true,
      tail,
      confinement: null,
      http: null,
      changes,
    };
    slots.set(candidate.id, slot);
    start(slot);
  }

  /** Stops what runs in the slot, then starts what is wanted by then. */
  function replace(slot: OwnSlot): Promise<void> {
    slot.changes = slot.changes.then(async () => {
      const { id } = slot.candidate;
      await slot.supervisor?.[Symbol.asyncDispose]();
      slot.supervisor = null;
      deps.onStopped(id);
      deps.onChange();
      if (slot.wanted && !closed) start(slot);
      else if (!slot.wanted) slots.delete(id);
    });
    return slot.changes;
  }

  for (const candidate of candidates) add(candidate);
  const all = (): OwnSlot[] =>
    [...slots.values()].sort((a, b) => (a.candidate.id < b.candidate.id ? -1 : 1));

  return {
    get: (id) => slots.get(id),
    all,
    status: () => all().map((slot) => statusOf(slot, deps.servers)),
    async restart(id) {
      const slot = slots.get(id);
      if (slot === undefined || !slot.wanted) {
        throw new CodedError(
          "not_found",
          `Cannot restart microapp "${id}": there is none of that name`,
        );
      }
      const { refusal } = slot.candidate;
      if (refusal !== null) {
        throw new CodedError("microapp_not_ready", `Cannot restart microapp "${id}": ${refusal}`);
      }
      await replace(slot);
    },
    async apply(wanted) {
      const next = new Map(wanted.map((candidate) => [candidate.id, candidate]));
      const changes: Promise<void>[] = [];
      for (const [id, slot] of slots) {
        const candidate = next.get(id);
        const keeps = candidate !== undefined && slot.wanted && isSame(slot.candidate, candidate);
        slot.candidate = candidate ?? slot.candidate;
        slot.wanted = candidate !== undefined;
        if (!keeps) changes.push(replace(slot));
      }
      for (const candidate of wanted) if (!slots.has(candidate.id) && !closed) add(candidate);
      deps.onChange();
      await Promise.all(changes);
    },
    async settled(id) {
      const wanted = all().filter(({ candidate }) => id === undefined || candidate.id === id);
      await Promise.all(wanted.map(({ supervisor }) => supervisor?.settled ?? Promise.resolve()));
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all([...slots.values()].map(replace));
    },
  };
}

/** What of an entry a running process was made with. */
function ownEntry({ config, path, sandbox, network, read_paths, limits }: Candidate["entry"]) {
  return { config, path, sandbox, network, read_paths, limits };
}

/** Whether a microapp can go on as it is. Grants and its tenant are looked up for each call. */
function isSame(a: Candidate, b: Candidate): boolean {
  const essence = ({ root, manifest, refusal, entry }: Candidate): string =>
    JSON.stringify({ root, manifest, refusal, ...ownEntry(entry) });
  return essence(a) === essence(b);
}

function statusOf(
  { candidate, supervisor, tail, confinement }: OwnSlot,
  servers: HttpServers,
): MicroappStatus {
  const { id, manifest, entry, refusal } = candidate;
  const handshake = supervisor?.handshake;
  return {
    id,
    version: handshake?.version ?? manifest.version,
    state: supervisor?.state ?? (refusal === null ? "stopped" : "failed"),
    reason: supervisor?.reason ?? refusal,
    pid: supervisor?.pid ?? null,
    restarts: supervisor?.restarts ?? 0,
    sandbox: confinement?.level ?? null,
    sandbox_notes: confinement?.notes ?? [],
    tools: handshake?.tools.map(({ name }) => ({ name })) ?? [],
    hooks: handshake?.hooks ?? [],
    http: servers.statusOf(candidate),
    grants: grantsOf(manifest, entry).granted,
    stderr: tail.lines(),
  };
}
