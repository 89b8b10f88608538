/**
 * Core's work for many tenants: messages in, turns, replies out; nothing else of a daemon.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tool } from "../../../core/agents/tool_gate.ts";
import { webchatMessage } from "../../../core/channels/webchat.ts";
import { loadSettings } from "../../../core/settings/load.ts";
import type { Settings } from "../../../core/settings/settings.ts";
import { openCoreWork, type OpenedWork } from "../../support/work.ts";
import { quietLog } from "./quiet.ts";

/** A running core without its edges. */
export interface TurnWork extends OpenedWork {
  readonly settings: Settings;
  /** Says something to a tenant and waits for its turn to end, its reply in the outbox. */
  readonly talk: (tenant: number, contact: string) => Promise<void>;
  /** Says something on behalf of person `contact`; waits only until it is on disk. */
  readonly flood: (tenant: number, contact: number) => Promise<void>;
}

/** What a person writes: the offline model answers it with one call of the tool. */
const NOTE = 'Please note {"text": "that the order of Tuesday comes a day later"} for me.';

const ANSWER_LIMIT_MS = 60_000;

/** The name of a tenant, its agent and its instance. */
export const tenantName = (index: number): string => `t${index}`;

async function writeConfig(dir: string, tenants: number): Promise<void> {
  const all = Array.from({ length: tenants }, (_, i) => tenantName(i));
  const agents = all.map((id) =>
    `  - { id: ${id}, tenant_id: ${id}, model: { provider: offline, model: rules }, ` +
    `system_prompt: Answer., allowed_tools: [note], ` +
    `inbound_bindings: [{ plugin: webchat, instance: ${id} }], config: { debounce_ms: 0 } }\n`
  );
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "agents.yaml"), `agents:\n${agents.join("")}`);
  const declared = all.map((id) => `  ${id}: {}\n`).join("");
  await writeFile(join(dir, "tenants.yaml"), `tenants:\n${declared}`);
}

/** A tool that waits for `takesMs` milliseconds, and does nothing else. */
function noteTool(takesMs: number): Tool {
  return {
    name: "note",
    ownName: "note",
    microappId: undefined,
    account: null,
    description: "Writes something down.",
    inputSchema: {
      type: "object",
      properties: { text: { type: "string" } },
      required: ["text"],
      additionalProperties: false,
    },
    async call() {
      if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
      return { ok: true, text: "noted" };
    },
  };
}

/** Opens it in `dir`, which must be empty, with so many tenants of one agent each. */
export async function openTurnWork(
  { dir, migrationsDir, tenants, toolMs = 0 }: {
    dir: string;
    migrationsDir: string;
    tenants: number;
    toolMs?: number;
  },
): Promise<TurnWork> {
  await writeConfig(join(dir, "config"), tenants);
  const { settings, problems } = await loadSettings({ configDir: join(dir, "config"), env: {} });
  if (settings === undefined) throw new Error(`Cannot measure: ${JSON.stringify(problems)}`);
  const tools = [noteTool(toolMs)];
  const opened = await openCoreWork({ dir, migrationsDir, settings, tools, log: quietLog });
  return {
    ...opened,
    settings,
    async flood(tenant, contact) {
      const words = { instance: tenantName(tenant), contact: `flood-${contact}`, text: NOTE };
      // By the settings with every tenant active, whatever is in force: what comes then waits.
      const message = webchatMessage(settings, { op: "say", ...words }, Date.now());
      await opened.work.intake.receive(message);
    },
    async talk(tenant, contact) {
      const say = { op: "say" as const, instance: tenantName(tenant), contact, text: NOTE };
      const answer = await opened.work.chat(say, { signal: undefined, waitMs: ANSWER_LIMIT_MS });
      if (answer.outcome === "ok" && answer.reply !== null) return;
      throw new Error(`Cannot measure: a turn ended ${JSON.stringify(answer)}`);
    },
  };
}
