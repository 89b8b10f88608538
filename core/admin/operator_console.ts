/**
 * What the console needs beside the commands: links and sessions, and one delivery or turn as a whole.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../contract/mod.ts";
import type { InboxRow } from "../queues/inbox.ts";
import type { TurnView } from "../record/turns.ts";
import { type AdminMethod, type Call, operatorMethod } from "./method.ts";

/** One message a delivery became, with the turn over it once that has ended. */
export interface DeliveryStep {
  readonly inbound_id: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly state: "queued" | "running" | "done" | "dead";
  /** Turns over it that failed, and turns over it that were started. */
  readonly attempts: number;
  readonly starts: number;
  readonly next_at_ms: number;
  readonly turn_id: string | null;
  readonly turn: TurnView | null;
}

/** A delivery without its body: what it became, and what went wrong. */
export interface DeliveryStory {
  /** With what the edge checked of it; null for a source that is not configured now. */
  readonly delivery: InboxRow & { readonly verified_by: string | null };
  /** The delivery this one repeats by an operator's wish. */
  readonly replayed_from: string | null;
  readonly steps: readonly DeliveryStep[];
  readonly dead_letters: readonly {
    readonly id: string;
    readonly code: string;
    readonly detail: string;
    readonly at_ms: number;
    readonly replayed_at_ms: number | null;
  }[];
}

/** A finished turn with everything it did; texts and arguments are redacted. */
export interface TurnStory {
  readonly turn: TurnView;
  readonly tool_calls: readonly {
    readonly call_id: string;
    readonly tool: string;
    readonly microapp_id: string | null;
    readonly arguments: unknown;
    readonly result: unknown;
    readonly outcome: string;
    /** What holds for it now on this binding; null is no limit. */
    readonly limit: { readonly rps: number; readonly burst: number } | null;
    readonly duration_ms: number;
    /** When it began. */
    readonly at_ms: number;
  }[];
  readonly model_calls: readonly {
    readonly id: string;
    readonly provider: string;
    readonly model: string;
    readonly state: string;
    readonly error: string | null;
    readonly tokens_in: number;
    readonly tokens_out: number;
    readonly tokens_cached: number;
    readonly cost_micros: number;
    readonly at_ms: number;
    readonly ended_at_ms: number | null;
  }[];
  readonly entries: readonly {
    readonly seq: number;
    readonly role: string;
    readonly body: string;
    readonly sent_at_ms: number;
  }[];
  /** What it sent, as far as each message has come. */
  readonly sends: readonly {
    readonly id: string;
    readonly channel: string;
    readonly instance: string;
    readonly state: "queued" | "sent" | "dead";
    readonly attempts: number;
    readonly created_at_ms: number;
    readonly sent_at_ms: number | null;
  }[];
}

/** What these methods need. */
export interface OperatorConsoleDeps {
  /** A link that signs its holder in once; `url` is null where no edge runs beside this core. */
  readonly consoleLink: (
    subject: string,
  ) => Promise<{ path: string; url: string | null; expires_at_ms: number }>;
  readonly createToken: (request: {
    subject: string;
    scope: ["operator"];
    ttlMs: number;
  }) => Promise<{ token: string; jti: string; expiresAtMs: number }>;
  readonly deliveryStory: (envelopeId: string) => Promise<DeliveryStory | undefined>;
  readonly turnStory: (turnId: string) => Promise<TurnStory | undefined>;
}

/** A working day: nobody has to sign in twice, and a browser left open does not stay an operator. */
const SESSION_MS = 8 * 60 * 60 * 1000;

/** Returns the methods of the console. */
export function operatorConsoleMethods(deps: OperatorConsoleDeps): AdminMethod[] {
  return [
    operatorMethod("console/link", z.object({}), (_, call) => deps.consoleLink(subjectOf(call))),
    operatorMethod("console/session", z.object({}), async (_, call) => {
      const subject = subjectOf(call);
      const { token, jti, expiresAtMs } = await deps.createToken({
        subject,
        scope: ["operator"],
        ttlMs: SESSION_MS,
      });
      return { token, jti, subject, expires_at_ms: expiresAtMs };
    }),
    operatorMethod("inbox/story", z.object({ envelope_id: z.string() }), async (p) => {
      const story = await deps.deliveryStory(p.envelope_id);
      if (story !== undefined) return story;
      throw new CodedError("not_found", `Cannot show delivery "${p.envelope_id}": there is none`);
    }, { unaudited: true }),
    operatorMethod("turns/story", z.object({ turn_id: z.string() }), async (p) => {
      const story = await deps.turnStory(p.turn_id);
      if (story !== undefined) return story;
      throw new CodedError("not_found", `Cannot show turn "${p.turn_id}": it has not ended`);
    }, { unaudited: true }),
  ];
}

function subjectOf({ caller }: Call): string {
  return caller.kind === "operator" ? caller.subject : caller.id;
}
