/**
 * Transcripts for operators: taken along, checked.
 *
 * @module
 */
import { z } from "zod";
import type { SessionView } from "../record/sessions.ts";
import type { TranscriptReport } from "../record/transcript_check.ts";
import type { Transcripts } from "../record/transcripts.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** What stands behind the methods. */
export interface OperatorTranscriptDeps {
  readonly transcripts: Pick<Transcripts, "readTranscript">;
  readonly listSessions: (page: {
    account: string;
    agentId: string | undefined;
    sessionId: string | undefined;
    after: string | undefined;
    limit: number;
  }) => Promise<SessionView[]>;
  /** Checks one tenant, or all. */
  readonly checkTranscripts: (account: string | undefined) => Promise<readonly TranscriptReport[]>;
}

const limit = z.int().positive().max(1000).default(500);

/** Returns the methods. */
export function operatorTranscriptMethods(deps: OperatorTranscriptDeps): AdminMethod[] {
  return [
    operatorMethod(
      "transcripts/sessions",
      z.object({
        account: z.string(),
        agent: z.string().nullish(),
        session: z.string().nullish(),
        after: z.string().nullish(),
        limit,
      }),
      async (p) => ({
        sessions: await deps.listSessions({
          account: p.account,
          agentId: p.agent ?? undefined,
          sessionId: p.session ?? undefined,
          after: p.after ?? undefined,
          limit: p.limit,
        }),
      }),
    ),
    operatorMethod(
      "transcripts/read",
      z.object({
        account: z.string(),
        session: z.string(),
        after_seq: z.int().min(-1).default(-1),
        limit,
      }),
      async ({ account, session, after_seq: afterSeq, limit: most }) => ({
        entries: await deps.transcripts.readTranscript({
          account,
          sessionId: session,
          afterSeq,
          limit: most,
        }),
      }),
      // Who takes sessions along is on record by the call that lists them.
      { unaudited: true },
    ),
    operatorMethod(
      "transcripts/check",
      z.object({ account: z.string().nullish() }),
      async ({ account }) => ({ transcripts: await deps.checkTranscripts(account ?? undefined) }),
    ),
  ];
}
