/**
 * What the console needs beside the commands: links and sessions, and one delivery or turn as a whole.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../contract/mod.ts";
import type { DeliveryStory } from "../contract/views/deliveries.ts";
import type { TurnStory } from "../contract/views/turns.ts";
import { type AdminMethod, type Call, operatorMethod } from "./method.ts";

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
