import { describe, expect, it } from "vitest";
import { MicroappError, RPC_CODES, RpcFault } from "../../../../core/contract/mod.ts";
import {
  createAgentNews,
  createMicroappErrors,
  tellHolders,
  tellPairing,
} from "../../../../core/daemon/notices.ts";
import type { Settings } from "../../../../core/settings/settings.ts";
import { settingsOf } from "../../../support/settings.ts";

const EXTENSIONS = `
extensions:
  search_paths: []
  entries:
    all: { capabilities_grant: [agents_crud, pairing_initiate, agent_events_subscribe_all] }
    pinned:
      capabilities_grant:
        - { capability: agents_crud, tenants: [acme] }
        - { capability: pairing_initiate, tenants: [acme] }
        - { capability: agent_events_subscribe_all, tenants: [acme] }
    globex_only: { capabilities_grant: [agents_crud, pairing_initiate], tenant_id: globex }
    plain: {}
`;
const agent = (id: string, more = "") =>
  `  - { id: ${id}, model: { provider: offline, model: rules }${more} }\n`;
const OF_ACME = ", tenant_id: acme";
const OF_GLOBEX = ", tenant_id: globex";
const config = (text: string) => `, extensions_config: { plain: ${text} }`;

const load = (agents: string): Promise<Settings> =>
  settingsOf({ "agents.yaml": `agents:\n${agents}`, "extensions.yaml": EXTENSIONS });

/** A host that writes down what it is told to send; those in `down` cannot be told. */
function openEars(settings: () => Settings) {
  const told: (readonly [string, string, unknown])[] = [];
  const down = new Set<string>();
  return {
    told,
    down,
    deps: {
      settings,
      host: {
        notify(id: string, method: string, params: unknown) {
          if (down.has(id)) return false;
          told.push([id, method, params]);
          return true;
        },
      },
      redact: (text: string) => text.replaceAll("secret", "***"),
      now: () => 1_000,
    },
  };
}

describe("tellHolders()", () => {
  it("tells holders of the grant for that tenant, and no others", async () => {
    const settings = await load(agent("ana"));
    const { told, deps } = openEars(() => settings);
    const to = (account: string | null) => {
      told.length = 0;
      tellHolders({ capability: "pairing_initiate", account, method: "m", params: 1 }, deps);
      return told.map(([id]) => id);
    };
    expect(to("acme")).toEqual(["all", "pinned"]);
    expect(to("globex")).toEqual(["all", "globex_only"]);
    expect(to(null)).toEqual(["all"]);
    told.length = 0;
    tellPairing({ challenge_id: "c", state: "linked" }, "globex", deps);
    expect(told).toEqual(
      ["all", "globex_only"].map((id) => [
        id,
        "nexo/notify/pairing_status_changed",
        { challenge_id: "c", state: "linked" },
      ]),
    );
  });
});

describe("createAgentNews()", () => {
  it("tells those whose agents changed, of the agents they may see, with their own config", async () => {
    let settings = await load(agent("a", OF_ACME) + agent("g", OF_GLOBEX) + agent("n"));
    const { told, deps } = openEars(() => settings);
    const news = createAgentNews(deps);
    const after = async (agents: string) => {
      told.length = 0;
      settings = await load(agents);
      news.changed();
      return Object.fromEntries(told.map(([id, method, params]) => {
        expect(method).toBe("agents/updated");
        return [id, params];
      }));
    };
    expect(await after(agent("a", OF_ACME) + agent("g", OF_GLOBEX) + agent("n"))).toEqual({});
    expect(await after(agent("a", OF_ACME) + agent("b", OF_ACME) + agent("g", OF_GLOBEX)))
      .toEqual({
        all: { agent_ids: ["a", "b", "g"], agents_config: {} },
        pinned: { agent_ids: ["a", "b"], agents_config: {} },
      });
    const configured = agent("a", OF_ACME + config("{ lang: es }")) + agent("g", OF_GLOBEX);
    expect(await after(configured)).toEqual({
      all: { agent_ids: ["a", "g"], agents_config: {} },
      pinned: { agent_ids: ["a"], agents_config: {} },
      plain: { agent_ids: ["a"], agents_config: { a: { lang: "es" } } },
    });
    expect(await after(configured.replace("lang: es", "lang: en"))).toEqual({
      plain: { agent_ids: ["a"], agents_config: { a: { lang: "en" } } },
    });
  });
});

describe("createMicroappErrors()", () => {
  it("tells the microapp itself once it runs, and those who watch everything", async () => {
    const settings = await load(agent("ana"));
    const { told, down, deps } = openEars(() => settings);
    const errors = createMicroappErrors(deps);
    down.add("globex_only");
    const fault = {
      kind: "exit" as const,
      summary: "exited with a secret",
      stderr: ["a", "secret"],
    };
    errors.fault("globex_only", fault);
    errors.fault("plain", fault);
    expect(told.map(([id, , params]) => [id, (params as MicroappError).microapp_id])).toEqual([
      ["all", "globex_only"],
      ["all", "plain"],
    ]);
    expect(MicroappError.parse(told[0]?.[2])).toEqual({
      microapp_id: "globex_only",
      kind: "exit",
      occurred_at: "1970-01-01T00:00:01.000Z",
      summary: "exited with a ***",
      stack_trace: "a\n***",
    });
    told.length = 0;
    down.clear();
    errors.ready("plain");
    errors.ready("globex_only");
    errors.ready("globex_only");
    expect(told.map(([id, method]) => [id, method])).toEqual([
      ["globex_only", "nexo/notify/microapp_error"],
    ]);
  });

  it("tells of a denied capability, of no other refusal, and not of too many", async () => {
    const settings = await load(agent("ana"));
    const { told, deps } = openEars(() => settings);
    const errors = createMicroappErrors(deps);
    const refuse = (code: number) =>
      errors.watch("pinned", () => Promise.reject(new RpcFault(code, "no")));
    await expect(refuse(RPC_CODES.invalid_params)).rejects.toThrow("no");
    expect(told).toEqual([]);
    for (let n = 0; n < 100; n++) {
      await expect(refuse(RPC_CODES.capability_not_granted)).rejects.toThrow("no");
    }
    expect(told.filter(([id]) => id === "pinned")).toHaveLength(10);
    expect(told[0]?.[2]).toMatchObject({ microapp_id: "pinned", kind: "capability_denied" });
    expect(await errors.watch("pinned", () => Promise.resolve(7))).toBe(7);
  });
});
