/**
 * Second chances: a dead letter or a delivery goes through again, under its own id.
 *
 * @module
 */
import { bodyOfJson, type Clock, CodedError, type Handoff } from "../contract/mod.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { Inbounds, OpenInbound } from "../queues/inbounds.ts";
import { type Inbox, replayKey } from "../queues/inbox.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { Store } from "../store/store.ts";
import type { Intake } from "./intake.ts";
import { NO_ACCOUNT } from "./route.ts";

/** How long a replayed send may wait, in milliseconds. */
const SEND_TTL_MS = 3_600_000;
/** A replay is remembered as long as any delivery. */
const DEDUPE_WINDOW_MS = 72 * 3_600_000;

/** What replays need. */
export interface ReplayDeps {
  readonly store: Store;
  readonly inbox: Inbox;
  readonly inbounds: Inbounds;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly deliver: Intake["deliver"];
  readonly schedule: (items: readonly OpenInbound[]) => void;
  readonly resend: (outbound: { account: string; id: string }) => Promise<void>;
  readonly uuid: () => string;
  readonly now: Clock;
}

/** Replays for operators. */
export interface Replay {
  /** @throws {CodedError} `not_found`, or `conflict` when it was replayed already */
  readonly deadLetter: (id: string) => Promise<void>;
  /** Routes a delivery anew, as a new envelope. @throws {CodedError} `not_found` */
  readonly delivery: (envelopeId: string) => Promise<{ envelopeId: string }>;
}

/** Returns the replays. */
export function createReplay(deps: ReplayDeps): Replay {
  const { store, inbounds, outbox, deadLetters, now } = deps;

  async function delivery(envelopeId: string): Promise<{ envelopeId: string }> {
    const shown = await deps.inbox.showForOperator(envelopeId);
    if (shown === undefined || shown.envelope === null) {
      throw new CodedError("not_found", `Cannot replay delivery "${envelopeId}": it is not kept`);
    }
    const { row, envelope: { body_json: body, ...envelope } } = shown;
    const again = deps.uuid();
    const handoff: Handoff = {
      envelope: { ...envelope, envelope_id: again },
      body: bodyOfJson(body),
      subject: row.subject,
      dedupe_key: replayKey(envelopeId, again),
      dedupe_window_ms: DEDUPE_WINDOW_MS,
      account_id: row.account_id === NO_ACCOUNT ? null : row.account_id,
      delivery_id: row.delivery_id,
      hops: 0,
    };
    const [outcome] = await deps.deliver([handoff]);
    if (outcome?.kind !== "accepted") {
      throw new CodedError(
        "inbound_refused",
        `Cannot replay delivery "${envelopeId}": it was refused`,
      );
    }
    return { envelopeId: again };
  }

  return {
    delivery,
    async deadLetter(id) {
      const letter = await deadLetters.findForOperator(id);
      if (letter === undefined) {
        throw new CodedError("not_found", `Cannot replay dead letter "${id}": there is none`);
      }
      const { account_id: account, ref_id: ref } = letter;
      const replayed = deadLetters.rowsForReplayed(id, now());
      switch (letter.kind) {
        case "inbox":
          await store.commit(replayed);
          await delivery(ref);
          return;
        case "inbound": {
          await store.commit([...replayed, ...inbounds.rowsForReplay(account, ref, now())]);
          const item = await inbounds.find(account, ref);
          if (item !== undefined) deps.schedule([item]);
          return;
        }
        case "outbox":
          await store.commit([
            ...replayed,
            ...outbox.rowsForReplay(account, ref, now(), now() + SEND_TTL_MS),
          ]);
          await deps.resend({ account, id: ref });
          return;
      }
    },
  };
}
