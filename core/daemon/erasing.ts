/**
 * Erasing while everything runs: nothing of the person is under way when their rows go.
 *
 * @module
 */
import type { Eraser } from "../admin/tenants.ts";
import { sessionIdOf } from "../agents/session.ts";
import type { Clock } from "../contract/mod.ts";
import type { Conversations } from "../conversations/conversations.ts";
import { rowsForEvents } from "../events/event_rows.ts";
import type { Log } from "../flow/log.ts";
import { erase, sessionsOfContact } from "../record/erase.ts";
import type { Inbounds } from "../queues/inbounds.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { Transcripts } from "../record/transcripts.ts";
import type { Store } from "../store/store.ts";
import type { EraseInMicroapps } from "./microapp_erasing.ts";

/** Returns the eraser; its event follows what it erased, so that it is not erased with it. */
export function createEraser({
  store,
  inbounds,
  outbox,
  transcripts,
  conversations,
  forgetPauses,
  forgetFiles,
  eraseInMicroapps,
  now,
  log,
}: {
  store: Store;
  inbounds: Pick<Inbounds, "forget">;
  outbox: Pick<Outbox, "forget">;
  transcripts: Pick<Transcripts, "forget">;
  conversations: Pick<Conversations, "quietly">;
  /** Forgets the pauses whose rows are gone. */
  forgetPauses: (account: string) => Promise<void>;
  /** Takes what is gone out of transcripts' files; of the whole tenant without sessions. */
  forgetFiles: (gone: { account: string; sessionIds: readonly string[] | undefined }) => Promise<
    void
  >;
  eraseInMicroapps: EraseInMicroapps;
  now: Clock;
  log: Log;
}): Eraser {
  return async function eraseNow({ account, contact }) {
    const sessionIds = contact === undefined
      ? undefined
      : await sessionsOfContact(store, { account, contact }, sessionIdOf);
    const erased = await conversations.quietly(
      (ofAccount, sessionId) => ofAccount === account && (sessionIds?.includes(sessionId) ?? true),
      async () => {
        const counts = await erase({ store, nowMs: now() }, { account, sessionIds, contact });
        inbounds.forget();
        outbox.forget();
        transcripts.forget();
        await forgetPauses(account);
        await forgetFiles({ account, sessionIds });
        return counts;
      },
    );
    const what = contact === undefined ? "tenant" : "contact";
    await store.commit(rowsForEvents({
      account,
      events: [{ kind: "data_erased", what, erased: { ...erased }, at_ms: now() }],
    }));
    log.info("data.erased", { account, what, ...erased });
    const microapps = await eraseInMicroapps({ account_id: account, contact: contact ?? null });
    for (const { microapp_id, error } of microapps) {
      if (error !== null) {
        log.warn("data.not_erased", { account, what, microapp: microapp_id, error });
      }
    }
    return { erased, microapps };
  };
}
