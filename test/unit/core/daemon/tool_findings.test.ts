import { describe, expect, it } from "vitest";
import { toolFindings } from "../../../../core/daemon/tool_findings.ts";
import { settingsOf } from "../../../support/settings.ts";

const tools = [
  { name: "ext_notebook_note_add", ownName: "note_add" },
  { name: "ext_notebook_note_list", ownName: "note_list" },
  { name: "schedule", ownName: "schedule" },
];

async function found(agent: string): Promise<string[]> {
  const settings = await settingsOf({
    "agents.yaml": `
agents:
  - id: ana
    tenant_id: acme
    model: { provider: offline, model: rules }
${agent}`,
    "tenants.yaml": "tenants: { acme: {} }\n",
  });
  return toolFindings(settings, tools).map(({ subject, message, fix }) =>
    `${subject}: ${message}. ${fix}`
  );
}

describe("toolFindings()", () => {
  it("says nothing of entries that fit a tool by either name", async () => {
    expect(
      await found(`
    allowed_tools: ["*", schedule, note_*, ext_notebook_note_add]
    inbound_bindings: [{ plugin: webchat, instance: acme, allowed_tools: [note_add] }]
    tool_rate_limits:
      patterns: { "*_add": 1/s, _default: 9/s }
      "webchat:acme": { note_list: 2/s }
`),
    ).toEqual([]);
  });

  it("names each entry that fits none once, wherever it stands", async () => {
    expect(
      await found(`
    allowed_tools: [schedul, "note_*_x"]
    inbound_bindings:
      - plugin: webchat
        instance: acme
        allowed_tools: [schedul]
        tool_rate_limits: { patterns: { send_drip: 10/min } }
    tool_rate_limits:
      "webchat:acme": { "drip_*": 2/s }
`),
    ).toEqual([
      'ana/schedul: allowed_tools names it, and no tool that is there fits. Did you mean "schedule"?',
      "ana/note_*_x: allowed_tools names it, and no tool that is there fits. `nexo ext status` shows the tools there are; a microapp's may be missing",
      "ana/drip_*: tool_rate_limits names it, and no tool that is there fits. `nexo ext status` shows the tools there are; a microapp's may be missing",
      "ana/send_drip: tool_rate_limits names it, and no tool that is there fits. `nexo ext status` shows the tools there are; a microapp's may be missing",
    ]);
  });

  it("leaves an agent alone that is switched off", async () => {
    expect(await found("    active: false\n    allowed_tools: [schedul]\n")).toEqual([]);
  });
});
