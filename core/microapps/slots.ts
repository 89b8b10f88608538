/**
 * Which microapps a host has, and their starting, changing and stopping.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import type { MicroappView } from "../contract/views/microapps.ts";
import { aborted } from "../flow/aborted.ts";
import { openDeadline } from "../flow/deadline.ts";
import type { Candidate } from "./candidate.ts";
import { type Generation, type GenerationDeps, openGeneration } from "./generation.ts";
import { grantsOf } from "./grants.ts";
import type { HookPoint } from "./handshake.ts";
import type { HttpServers, ServerStatus } from "./http/servers.ts";
import type { MicroappState } from "./lifeline.ts";
import type { SandboxLevel } from "./sandbox/level.ts";
import { createTail, type Tail } from "./stderr.ts";
import type { Supervisor } from "./supervisor.ts";

/** What slots need; see `HostDeps`. */
export interface SlotsDeps extends GenerationDeps {
  /** How long calls may go on with a process whose successor runs, in milliseconds. */
  readonly drainMs: number;
  readonly redact?: ((line: string) => string) | undefined;
  /** Called when a microapp was stopped or renewed on purpose. */
  readonly onStopped: (microappId: string) => void;
}

/** See {@linkcode MicroappView}. */
export interface MicroappStatus extends MicroappView {
  readonly state: MicroappState;
  readonly sandbox: SandboxLevel | null;
  readonly hooks: readonly HookPoint[];
  readonly http: ServerStatus | null;
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
  all(): readonly Slot[];
  status(): MicroappStatus[];
  restart(microappId: string): Promise<void>;
  renew(microappId: string): Promise<void>;
  apply(candidates: readonly Candidate[]): Promise<void>;
  settled(microappId?: string): Promise<void>;
}

interface OwnSlot {
  candidate: Candidate;
  readonly supervisor: Supervisor | null;
  generation: Generation | null;
  /** How many generations there were. */
  generations: number;
  /** False once it is to go. */
  wanted: boolean;
  readonly tail: Tail;
  /** Changes of one microapp happen one after another. */
  changes: Promise<void>;
  /** Generations that finish what they were asked. */
  readonly leaving: Set<Promise<void>>;
}

const TAIL_LINES = 50;

/** Starts every candidate; none is waited for. */
export function openSlots(candidates: readonly Candidate[], deps: SlotsDeps): Slots {
  const slots = new Map<string, OwnSlot>();
  /** Asked for with each call; undefined once one has come or gone. */
  let sorted: readonly OwnSlot[] | undefined;
  const closing = new AbortController();

  function open(slot: OwnSlot, isCurrent: boolean): Generation {
    slot.generations += 1;
    return openGeneration({
      candidate: () => slot.candidate,
      tail: slot.tail,
      number: slot.generations,
      isCurrent,
    }, deps);
  }

  function start(slot: OwnSlot): void {
    const { candidate: { id, refusal, manifest } } = slot;
    deps.onChange();
    if (refusal === null) {
      // Without a program its MCP servers stand for themselves.
      if (manifest.transport.kind === "none") deps.onState(id, "ready");
      else slot.generation = open(slot, true);
      return;
    }
    deps.logFor(id).error("microapp.failed", { reason: refusal });
    deps.onState(id, "failed", refusal);
  }

  function add(candidate: Candidate): void {
    const tail = createTail(TAIL_LINES, deps.redact);
    const changes = Promise.resolve();
    const slot: OwnSlot = {
      candidate,
      get supervisor() {
        return slot.generation?.supervisor ?? null;
      },
      generation: null,
      generations: 0,
      wanted: true,
      tail,
      changes,
      leaving: new Set(),
    };
    slots.set(candidate.id, slot);
    sorted = undefined;
    start(slot);
  }

  async function stopAndStart(slot: OwnSlot): Promise<void> {
    const { id } = slot.candidate;
    await slot.supervisor?.[Symbol.asyncDispose]();
    await Promise.all(slot.leaving);
    slot.generation = null;
    deps.onStopped(id);
    deps.onChange();
    if (slot.wanted && !closing.signal.aborted) return start(slot);
    if (slot.wanted) return;
    slots.delete(id);
    sorted = undefined;
  }

  /** Stops what runs in the slot, then starts what is wanted by then. */
  function replace(slot: OwnSlot): Promise<void> {
    slot.changes = slot.changes.then(() => stopAndStart(slot));
    return slot.changes;
  }

  /** Lets a new generation take over from one that works; the old one goes on when it does not start. */
  async function takeOver(slot: OwnSlot, old: Generation): Promise<void> {
    const { id } = slot.candidate;
    const next = open(slot, false);
    await Promise.race([next.supervisor.lifeline.settled, aborted(closing.signal)]);
    if (next.supervisor.live === null) {
      const { reason } = next.supervisor.lifeline;
      slot.tail.add(`nexo: the new code did not start, the old goes on: ${reason}`);
      await next.supervisor[Symbol.asyncDispose]();
      throw new CodedError("microapp_handshake", `Cannot renew microapp "${id}": ${reason}`);
    }
    old.isCurrent = false;
    next.isCurrent = true;
    slot.generation = next;
    deps.onStopped(id);
    deps.onChange();
    deps.onState(id, "ready");
    const left: Promise<void> = finish(old).finally(() => slot.leaving.delete(left));
    slot.leaving.add(left);
  }

  /** Stops a generation once its open calls are answered. */
  async function finish({ supervisor }: Generation): Promise<void> {
    using limit = openDeadline(closing.signal, deps.drainMs);
    await Promise.race([supervisor.live?.peer.idle(), aborted(limit.signal)]);
    await supervisor[Symbol.asyncDispose]();
  }

  /** The slot of a microapp that may run. */
  function startable(id: string, doing: string): OwnSlot {
    const slot = slots.get(id);
    if (slot === undefined || !slot.wanted) {
      throw new CodedError(
        "not_found",
        `Cannot ${doing} microapp "${id}": there is none of that name`,
      );
    }
    const { refusal } = slot.candidate;
    if (refusal === null) return slot;
    throw new CodedError("microapp_not_ready", `Cannot ${doing} microapp "${id}": ${refusal}`);
  }

  for (const candidate of candidates) add(candidate);
  const all = (): readonly OwnSlot[] =>
    sorted ??= [...slots.values()].sort((a, b) => (a.candidate.id < b.candidate.id ? -1 : 1));

  return {
    get: (id) => slots.get(id),
    all,
    status: () => all().map((slot) => statusOf(slot, deps.servers)),
    restart: async (id) => replace(startable(id, "restart")),
    async renew(id) {
      const slot = startable(id, "renew");
      const renewed = slot.changes.then(async () => {
        const { generation, candidate: { manifest: { capabilities } } } = slot;
        const works = generation !== null && generation.supervisor.live !== null;
        if (!slot.wanted || closing.signal.aborted) return;
        // Two cannot listen on one port.
        if (works && capabilities.httpServer === null) return takeOver(slot, generation);
        await stopAndStart(slot);
        await slot.supervisor?.lifeline.settled;
      });
      slot.changes = renewed.catch(() => {}); // whoever asked hears of it
      await renewed;
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
      for (const candidate of wanted) {
        if (!slots.has(candidate.id) && !closing.signal.aborted) add(candidate);
      }
      deps.onChange();
      await Promise.all(changes);
    },
    async settled(id) {
      const wanted = all().filter(({ candidate }) => id === undefined || candidate.id === id);
      await Promise.all(wanted.map(async (slot) => {
        // One that is being replaced has settled already, but not what comes after it.
        await slot.changes;
        await slot.supervisor?.lifeline.settled;
      }));
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
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

/** The state of a microapp without a process. */
function stateWithout({ refusal, manifest: { transport } }: Candidate): MicroappState {
  if (refusal !== null) return "failed";
  return transport.kind === "none" ? "ready" : "stopped";
}

function statusOf(
  { candidate, supervisor, generation, tail }: OwnSlot,
  servers: HttpServers,
): MicroappStatus {
  const { id, manifest, entry, refusal } = candidate;
  const confinement = generation?.confinement;
  const handshake = supervisor?.handshake;
  return {
    id,
    version: handshake?.version ?? manifest.version,
    state: supervisor?.lifeline.state ?? stateWithout(candidate),
    reason: supervisor?.lifeline.reason ?? refusal,
    pid: supervisor?.pid ?? null,
    restarts: supervisor?.lifeline.restarts ?? 0,
    sandbox: confinement?.level ?? null,
    sandbox_notes: confinement?.notes ?? [],
    tools: handshake?.tools.map(({ name }) => ({ name })) ?? [],
    hooks: handshake?.hooks ?? [],
    http: servers.statusOf(candidate),
    grants: grantsOf(manifest, entry).granted,
    stderr: tail.lines(),
  };
}
