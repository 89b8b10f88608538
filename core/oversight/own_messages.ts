/**
 * What our own side writes on a channel itself, on its phone for example: a person has taken over there.
 *
 * It comes in with deliveries, and is on disk with them or not at all.
 *
 * @module
 */
import type { ConversationKey } from "../contract/mod.ts";
import type { Write } from "../store/store.ts";
import { untilCommitted } from "./attempts.ts";
import type { OversightDeps } from "./deps.ts";
import { readPause, rowsForPaused } from "./pause_rows.ts";
import type { Operator, Pause, Pauses } from "./pauses.ts";
import { rowsForStateEvent } from "./pausing.ts";
import { type Sayings, senderOf, takeoverOf } from "./sayings.ts";
import { conversationScope, type Scope } from "./scopes.ts";
import type { Withheld } from "./withheld.ts";

/** Something our side wrote. */
export interface OwnMessage {
  readonly key: ConversationKey;
  readonly text: string;
}

/** Rows to commit with a delivery; call `settled` whether that went well or not. */
export interface OwnRows {
  readonly writes: readonly Write[];
  readonly settled: () => Promise<void>;
}

/** Makes the rows. */
export type HearOwn = (message: OwnMessage) => OwnRows;

/** Returns the maker; `one` runs what changes a scope, one after another. */
export function createHearOwn(
  deps: OversightDeps & {
    readonly pauses: Pauses;
    readonly sayings: Pick<Sayings, "heardOwn">;
    readonly withheld: Withheld;
    readonly one: <T>(scope: Scope, task: () => Promise<T>) => Promise<T>;
    readonly onPaused: () => void;
  },
): HearOwn {
  const { store, pauses, sayings, withheld, now } = deps;
  /** Conversations whose pause is on its way to the disk. */
  const beginning = new Set<string>();

  return function hearOwn({ key, text }) {
    const { own_messages: mode, auto_resume_after: resumeAfter } = takeoverOf(deps, key.agent_id);
    if (mode === "ignore") return { writes: [], settled: () => Promise.resolve() };
    const operator: Operator = { hash: `own:${key.channel}`, name: null };
    const said = sayings.heardOwn(key, {
      id: deps.uuid(),
      text,
      source: `intervention:${key.channel}`,
      sender: senderOf(operator),
    });
    const scope = conversationScope(key);
    const session = `${scope.account} ${deps.sessionIdOf(key)}`;
    if (mode === "record" || pauses.get(scope) !== undefined || beginning.has(session)) {
      return { writes: said, settled: () => Promise.resolve() };
    }
    const nowMs = now();
    const pause: Pause = {
      scope,
      id: deps.uuid(),
      pausedAtMs: nowMs,
      operator,
      reason: "own_message",
      // Whoever sits at the console may go on where the phone stopped.
      leaseUntilMs: nowMs,
      actedAtMs: nowMs,
      autoResumeMs: resumeAfter ?? null,
      alertedAtMs: null,
    };
    beginning.add(session);
    const open = pauses.shut(scope);
    return {
      writes: [
        ...rowsForPaused(pause, "ignore"),
        ...rowsForStateEvent(deps, scope, undefined, pause),
        ...said,
      ],
      settled: () =>
        deps.one(scope, async () => {
          try {
            await learn(scope);
          } finally {
            beginning.delete(session);
            open();
          }
        }),
    };
  };

  /** Takes note of the pause that is on disk now, and keeps back what the agent had written. */
  async function learn(scope: Scope): Promise<void> {
    if (pauses.get(scope) !== undefined) return;
    const pause = await readPause(store, scope);
    if (pause === undefined) return;
    pauses.set(pause);
    const { ids } = deps.sendsUnderWay(scope.account);
    await untilCommitted(async () => store.commit(await withheld.rowsForScope(scope, ids)));
    deps.wakeSends(scope.account);
    deps.onPaused();
  }
}
