import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agentMethods } from "../../../../core/admin/agents.ts";
import {
  type AdminAudit,
  createDispatcher,
  type Dispatch,
} from "../../../../core/admin/dispatcher.ts";
import {
  type AdminMethod,
  type Caller,
  method,
  operatorMethod,
} from "../../../../core/admin/method.ts";
import { answerRpc } from "../../../../core/admin/rpc_body.ts";
import { tenantMethods } from "../../../../core/admin/tenants.ts";
import { CodedError } from "../../../../core/contract/mod.ts";
import { settingsOf } from "../../../support/settings.ts";
import { silentLog } from "../../../support/store.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
  - { id: bob, tenant_id: globex, active: false, model: { provider: offline, model: rules } }
`;

function microapp(grants: Readonly<Record<string, "all" | readonly string[]>>): Caller {
  return { kind: "microapp", id: "shop", grant: (capability) => grants[capability] };
}
const operator: Caller = { kind: "operator", subject: "sam" };

function open(methods: readonly AdminMethod[]): { dispatch: Dispatch; audit: string[] } {
  const audit: string[] = [];
  const recorded: AdminAudit = {
    intent({ method: name, capability, account }) {
      audit.push(`intent ${name} ${capability} ${account}`);
      return Promise.resolve("1");
    },
    outcome(_id, { method: name }, { result, errorCode }) {
      audit.push(`outcome ${name} ${result} ${errorCode}`);
      return Promise.resolve();
    },
  };
  return {
    dispatch: createDispatcher({ methods, audit: recorded, now: Date.now, log: silentLog }),
    audit,
  };
}

async function admin() {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  return open([
    ...agentMethods({
      settings: () => settings,
      changeConfig: () => Promise.reject(new Error("not in this test")),
      reload: () => Promise.resolve(settings),
      now: Date.now,
    }),
    ...tenantMethods({
      settings: () => settings,
      changeConfig: () => Promise.reject(new Error("not in this test")),
      createdAtMs: () => Promise.resolve(0),
      erase: () => Promise.reject(new Error("not in this test")),
      now: Date.now,
    }),
  ]);
}

describe("createDispatcher()", () => {
  it("U3: answers a granted call and leaves an intent before and an outcome after", async () => {
    const { dispatch, audit } = await admin();
    const result = await dispatch(microapp({ _echo: "all" }), "nexo/admin/echo", { a: 1 });
    expect(result).toEqual({ echoed: { a: 1 }, microapp_id: "shop" });
    expect(audit).toEqual([
      "intent nexo/admin/echo _echo null",
      "outcome nexo/admin/echo ok null",
    ]);
  });

  it("denies what is not granted with the wire's code and data", async () => {
    const { dispatch, audit } = await admin();
    await expect(dispatch(microapp({}), "nexo/admin/agents/get", { agent_id: "ana" })).rejects
      .toMatchObject({
        code: -32004,
        message: "capability_not_granted: agents_crud for method nexo/admin/agents/get",
        data: { capability: "agents_crud", microapp_id: "shop", method: "nexo/admin/agents/get" },
      });
    expect(audit[1]).toBe("outcome nexo/admin/agents/get denied -32004");
  });

  it("says that a method does not exist, also on record", async () => {
    const { dispatch, audit } = await admin();
    await expect(dispatch(operator, "nexo/admin/nothing", {})).rejects.toMatchObject({
      code: -32601,
      message: "method_not_found: no admin handler registered for `nexo/admin/nothing`",
    });
    expect(audit[0]).toBe("intent nexo/admin/nothing (unknown_method) null");
  });

  it("refuses malformed params instead of falling back to no filter", async () => {
    const { dispatch } = await admin();
    await expect(dispatch(operator, "nexo/admin/agents/list", { tenant_id: 7 })).rejects
      .toMatchObject({
        code: -32602,
        message: expect.stringMatching(/^invalid_params: tenant_id/),
      });
    await expect(dispatch(operator, "nexo/admin/agents/get", {})).rejects.toMatchObject({
      message: "invalid_params: agent_id: is required",
    });
    expect(await dispatch(operator, "nexo/admin/agents/list", null)).toMatchObject({
      agents: [{ id: "ana" }, { id: "bob" }],
    });
  });

  it("shows a pinned grant its tenants alone, and puts the pin on record", async () => {
    const { dispatch, audit } = await admin();
    const pinned = microapp({ agents_crud: ["acme"], tenants_crud: ["acme"] });
    expect(await dispatch(pinned, "nexo/admin/agents/list", {})).toMatchObject({
      agents: [{ id: "ana" }],
    });
    await expect(dispatch(pinned, "nexo/admin/agents/get", { agent_id: "bob" })).rejects
      .toMatchObject({ code: -32603, message: "internal: not_found: agent `bob` not in yaml" });
    expect(await dispatch(pinned, "nexo/admin/tenants/get", { tenant_id: "globex" })).toEqual({
      tenant: null,
    });
    expect(audit[0]).toBe("intent nexo/admin/agents/list agents_crud acme");
  });

  it("keeps operator methods from microapps, whatever they were granted", async () => {
    const { dispatch } = open([operatorMethod("secret", z.object({}), () => Promise.resolve(1))]);
    await expect(dispatch(microapp({ _operator: "all" }), "nexo/operator/secret", {})).rejects
      .toMatchObject({ code: -32004 });
    expect(await dispatch(operator, "nexo/operator/secret", {})).toBe(1);
  });

  it("U3: does not act when the intent cannot be written", async () => {
    let acted = false;
    const dispatch = createDispatcher({
      methods: [method("m", "c", z.object({}), () => Promise.resolve(acted = true))],
      audit: {
        intent: () =>
          Promise.reject(new CodedError("store_full", "Cannot write: the disk is full")),
        outcome: () => Promise.resolve(),
      },
      now: Date.now,
      log: silentLog,
    });
    await expect(dispatch(operator, "m", {})).rejects.toMatchObject({ code: "store_full" });
    expect(acted).toBe(false);
  });

  it("tells nothing of a defect but that there is one", async () => {
    const { dispatch } = open([
      method("m", "c", z.object({}), () => Promise.reject(new Error("password is hunter2"))),
    ]);
    await expect(dispatch(operator, "m", {})).rejects.toMatchObject({
      code: -32603,
      message: "internal: see the log",
    });
  });
});

describe("answerRpc()", () => {
  it.each([
    ["not JSON", "{", -32700],
    ["no method", '{"jsonrpc":"2.0","id":1}', -32600],
    ["a notification", '{"jsonrpc":"2.0","method":"nexo/admin/echo"}', -32600],
    ["an unknown method", '{"jsonrpc":"2.0","id":1,"method":"x"}', -32601],
  ])("answers %s with the code of JSON-RPC", async (_what, body, code) => {
    const { dispatch } = await admin();
    expect(JSON.parse(await answerRpc(body, operator, { dispatch })).error.code).toBe(code);
  });
});
