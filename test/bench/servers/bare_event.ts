/**
 * An event as the peers of our firehose send it.
 *
 * @module
 */
import { EVENT_TEXT } from "./firehose_job.ts";

/** As many bytes as ours, with the same fields. */
export function bareEvent(number: number): object {
  return {
    type: "event",
    cursor: `0123456789ab.${number}`,
    event: {
      kind: "transcript_appended",
      agent_id: "ana",
      session_id: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11",
      seq: number,
      role: "user",
      body: EVENT_TEXT,
      sent_at_ms: 1_700_000_000_000,
      source_plugin: "webchat",
      tenant_id: "acme",
    },
  };
}
