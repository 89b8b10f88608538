import { describe, expect, it } from "vitest";
import type { AgentEvent } from "../../../../core/contract/mod.ts";
import { forwardEvents } from "../../../../core/daemon/event_feed.ts";
import { OPERATOR_STREAM, rowsForEvents } from "../../../../core/events/event_rows.ts";
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
    strict: { capabilities_grant: [agent_events_subscribe_all], event_kinds: [webhook_accepted] }
    globex_only: { capabilities_grant: [agent_events_subscribe_all], tenant_id: globex }
    nobody: { capabilities_grant: [{ capability: transcripts_subscribe, tenants: [acme] }], tenant_id: globex }
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

const restarted: AgentEvent = {
  kind: "microapp_state",
  microapp_id: "shop",
  state: "restarting",
  at_ms: 1,
};

/** Commits events of two tenants and of none, and gives what each microapp heard. */
async function heardWith(env: Record<string, string>) {
  const settings = await settingsOf({ "agents.yaml": AGENTS, "extensions.yaml": EXTENSIONS });
  await using spine = await openSpine(() => settings);
  const heard: string[] = [];
  const stop = forwardEvents({
    events: spine.events,
    settings: () => settings,
    env,
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
    ...rowsForEvents({ account: OPERATOR_STREAM, events: [restarted] }),
  ]);
  const before = heard.length;
  stop();
  await spine.store.commit(spine.rows.events({ account: "acme", events: [said("later")] }));
  expect(heard).toHaveLength(before);
  return heard.sort();
}

describe("forwardEvents()", () => {
  it("T4: tells each microapp what its grant covers, after the commit, and nobody else", async () => {
    expect(await heardWith({})).toEqual([
      "all_kinds agent_event microapp_state undefined",
      "all_kinds agent_event transcript_appended acme",
      "all_kinds agent_event transcript_appended globex",
      "all_kinds agent_event webhook_accepted acme",
      "globex_only agent_event transcript_appended globex",
      "nexo_kinds agent_event transcript_appended acme",
      "nexo_kinds agent_event transcript_appended globex",
      "pinned agent_event transcript_appended acme",
      "pinned agent_event webhook_accepted acme",
      "strict agent_event webhook_accepted acme",
    ]);
  });

  it.each(["0", "false", "FALSE", "off", "OFF", ""])(
    "tells nobody anything when the switch says %j",
    async (off) => {
      expect(await heardWith({ NEXO_MICROAPP_AGENT_EVENTS_ENABLED: off })).toEqual([]);
    },
  );
});
