import { describe, expect, it } from "vitest";
import type { AgentEvent } from "../../../../core/contract/mod.ts";
import { forwardEvents } from "../../../../core/daemon/microapps.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine } from "../../../support/spine.ts";

const AGENTS = "agents:\n  - { id: ana, model: { provider: offline, model: rules } }\n";
const EXTENSIONS = `
extensions:
  search_paths: []
  entries:
    nexo_kinds: { capabilities_grant: [transcripts_subscribe] }
    all_kinds: { capabilities_grant: [agent_events_subscribe_all] }
    pinned: { capabilities_grant: [{ capability: agent_events_subscribe_all, tenants: [acme] }] }
    nothing: { capabilities_grant: [agents_crud] }
`;

const said = (body: string): AgentEvent => ({
  kind: "transcript_appended",
  agent_id: "ana",
  session_id: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11",
  seq: 0,
  role: "user",
  body,
  sent_at_ms: 1,
  source_plugin: "webchat",
});
const accepted: AgentEvent = {
  kind: "webhook_accepted",
  source_id: "github",
  event_kind: "push",
  envelope_id: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11",
  delivery_id: null,
  inbounds: 1,
  at_ms: 1,
};

describe("forwardEvents()", () => {
  it("tells each microapp what its grant covers, after the commit, and nobody else", async () => {
    const settings = await settingsOf({ "agents.yaml": AGENTS, "extensions.yaml": EXTENSIONS });
    await using spine = await openSpine(() => settings);
    const heard: string[] = [];
    const stop = forwardEvents({
      events: spine.events,
      settings: () => settings,
      host: {
        notify(id, method, params) {
          const { kind, tenant_id } = params as { kind: string; tenant_id?: string };
          heard.push(`${id} ${method.slice("nexo/notify/".length)} ${kind} ${tenant_id}`);
          return true;
        },
      },
    });
    await spine.store.commit([
      ...spine.rows.events({ account: "acme", events: [said("a"), accepted] }),
      ...spine.rows.events({ account: "globex", events: [said("g")] }),
    ]);
    expect(heard.sort()).toEqual([
      "all_kinds agent_event transcript_appended acme",
      "all_kinds agent_event transcript_appended globex",
      "all_kinds agent_event webhook_accepted acme",
      "nexo_kinds agent_event transcript_appended acme",
      "nexo_kinds agent_event transcript_appended globex",
      "pinned agent_event transcript_appended acme",
      "pinned agent_event webhook_accepted acme",
    ]);
    stop();
    await spine.store.commit(spine.rows.events({ account: "acme", events: [said("later")] }));
    expect(heard).toHaveLength(7);
  });
});
