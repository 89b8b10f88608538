/**
 * The methods on takeovers, escalations and the conversations they are about.
 *
 * @module
 */
import { conversationMethods } from "../admin/conversations.ts";
import { escalationMethods } from "../admin/escalations.ts";
import type { AdminMethod } from "../admin/method.ts";
import { processingMethods } from "../admin/processing.ts";
import { sessionIdOf } from "../agents/session.ts";
import type { Log } from "../flow/log.ts";
import { createConversationViews } from "../oversight/conversation_views.ts";
import { findConversation } from "../oversight/conversations.ts";
import { listEscalations } from "../oversight/escalation_rows.ts";
import type { Oversight } from "../oversight/oversight.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import type { Parts } from "./parts.ts";

/** What the methods look at or act on. */
export interface OversightMethodDeps
  extends Pick<Parts, "inbounds" | "transcripts" | "redact" | "uuid"> {
  readonly settings: () => Settings;
  readonly store: Pick<Store, "read" | "readMany">;
  readonly oversight: Oversight;
  readonly log: Log;
}

/** Returns the methods. */
export function oversightMethods(deps: OversightMethodDeps): AdminMethod[] {
  const { store, oversight: { pauses, escalations } } = deps;
  return [
    ...processingMethods({
      ...deps,
      sessionIdOf,
      conversationOf: (account, sessionId) => findConversation(store, account, sessionId),
    }),
    ...escalationMethods({
      ...deps,
      pauses,
      escalations,
      listEscalations: (query) => listEscalations(store, query),
    }),
    ...conversationMethods({ ...deps, views: createConversationViews({ ...deps, pauses }) }),
  ];
}
