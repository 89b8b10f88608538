/**
 * Our host calling a tool of one microapp as a turn does: rules, schema, limit, hooks, call. With
 * `kept` each call is also journalled and on record before the next step, as in a turn.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { callTool } from "../../../core/agents/converse.ts";
import { createPolicyReader } from "../../../core/agents/policy.ts";
import { sessionIdOf } from "../../../core/agents/session.ts";
import { createToolGate } from "../../../core/agents/tool_gate.ts";
import { createSchemaCheck } from "../../../core/agents/tool_schema.ts";
import { createTurnHooks } from "../../../core/agents/turn_hooks.ts";
import { createTurnRecord } from "../../../core/agents/turn_record.ts";
import type { Inbound } from "../../../core/contract/mod.ts";
import { createCauses, createToolList } from "../../../core/daemon/microapps.ts";
import { createParts } from "../../../core/daemon/parts.ts";
import { limitRulesOf } from "../../../core/daemon/rules.ts";
import { createPooledRandom } from "../../../core/flow/random.ts";
import { whenHere } from "../../../core/flow/soon.ts";
import { openLimits } from "../../../core/limits/limits.ts";
import { loadSettings } from "../../../core/settings/load.ts";
import type { Journal } from "../../../core/queues/turn_steps.ts";
import { openStore } from "../../../core/store/open_store.ts";
import { openVault } from "../../../core/vault/vault.ts";
import { CALL_TEXT, serveCallJobs } from "./call_loop.ts";
import { openHostOf } from "./host_of.ts";
import { quietLog } from "./quiet.ts";
import { benchGone, sayReady } from "./talk.ts";

const [homeDir = "", migrationsDir = "", child = "", mode = ""] = process.argv.slice(2);
const isKept = mode === "kept";

/** The limit is on and never reached: a refused call would be measured as a fast one. */
const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
    allowed_tools: ["ext_echo_*"]
    tool_rate_limits: { patterns: { "ext_echo_*": { rps: 1, burst: 1000000000 } } }
`;
const configDir = join(homeDir, "config");
await mkdir(configDir, { recursive: true });
await writeFile(join(configDir, "agents.yaml"), AGENTS);
await writeFile(join(configDir, "tenants.yaml"), "tenants: { acme: {} }\n");
const { settings, problems } = await loadSettings({ configDir, env: {} });
if (settings === undefined) throw new Error(`Cannot measure: ${JSON.stringify(problems)}`);

await using host = await openHostOf(child, homeDir);
await using store = await openStore({
  url: `file:${join(homeDir, "core.db")}`,
  migrationsDir,
  now: Date.now,
  log: quietLog,
});
await using limits = openLimits({ store, now: Date.now, log: quietLog });
limits.reload(limitRulesOf(() => settings));

const key = {
  account_id: "acme",
  agent_id: "ana",
  channel: "webchat",
  instance: "acme",
  contact: "visitor",
};
const inbound: Inbound = {
  id: "0190f0a0-0000-7000-8000-000000000001",
  key,
  trigger: "channel",
  kind: "external_user",
  text: "keep this",
  templated: false,
  sender_id: key.contact,
  sender_name: null,
  parts: [{ kind: "text", text: "keep this" }],
  chat: "direct",
  edit_of_msg_id: null,
  reply_address: null,
  msg_id: "m-1",
  reply_to_msg_id: null,
  sent_at_ms: Date.now(),
  event_source: null,
  envelope_id: null,
  delivery_id: null,
  hops: 0,
};
const inbounds = [inbound] as const;
const gate = createToolGate({
  tools: createToolList(host, createCauses(), []),
  policy: createPolicyReader(() => settings, key),
  check: createSchemaCheck(),
  take: (claim) => limits.tools.take(claim),
  now: Date.now,
});
const sessionId = sessionIdOf(key);

const random = createPooledRandom();
const vault = await openVault({ keysDir: join(homeDir, "keys"), random, now: Date.now });
const parts = createParts({
  store,
  vault,
  settings: () => settings,
  random,
  now: Date.now,
  log: quietLog,
});
const deps = {
  ...parts,
  store,
  hooks: host,
  now: Date.now,
  sends: () => true,
  depart: () => ({ writes: [], goWith: (commit: () => Promise<void>) => commit() }),
  takeover: { holds: () => false, hold: () => Promise.resolve(false) },
};

/** A journal that forgets, for calls that are not to be kept. */
function forgetful(): Journal {
  let next = 0;
  return {
    step: (run) => whenHere(run(next++), ({ result }) => result),
    owe: () => undefined,
    mark: () => undefined,
    commit: (writes) => store.commit(writes),
    settle: () => undefined,
    salvage: () => Promise.resolve(),
    end: (writes) => store.commit(writes),
    rowsForForgotten: () => [],
  };
}

/** A turn that makes one call after another. */
async function openTurn() {
  const turnId = parts.uuid();
  const { signal } = new AbortController();
  const { account_id: account } = key;
  const job = { turnId, account, inboundIds: [inbound.id], attempts: 0, starts: 0 };
  const journal = isKept ? await parts.steps.open(account, turnId, { isNew: true }) : forgetful();
  const hooks = createTurnHooks({ job, inbounds, journal, deps, signal });
  const record = isKept
    ? createTurnRecord(job, inbounds, journal, deps)
    : { rowsForToolCall: () => [] };
  return { account, turnId, sessionId, inbounds, journal, hooks, record, signal };
}

const idle: Awaited<ReturnType<typeof openTurn>>[] = [];
serveCallJobs(async () => {
  const turn = idle.pop() ?? await openTurn();
  const call = { name: "ext_echo_echo", arguments: { text: CALL_TEXT } };
  const { outcome, text } = await callTool(call, gate, turn);
  if (outcome !== "ok" || text !== CALL_TEXT) throw new Error(`Cannot measure: ${text}`);
  idle.push(turn);
});
sayReady({});
await benchGone();
