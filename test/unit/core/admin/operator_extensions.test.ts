/**
 * The operators' methods over microapps.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import {
  type ExtensionEdit,
  operatorExtensionMethods,
} from "../../../../core/admin/operator_extensions.ts";
import { microapp, openDispatch, operator } from "../../../support/admin.ts";

const APPLY = "nexo/operator/ext/apply";

function open() {
  const applied: [ExtensionEdit, { waitMs: number }][] = [];
  return {
    applied,
    ...openDispatch(operatorExtensionMethods({
      listMicroapps: () => Promise.resolve([{ id: "shop" }]),
      applyExtension: (...call) => {
        applied.push(call);
        return Promise.resolve({ changed: true });
      },
    })),
  };
}

describe("nexo/operator/ext", () => {
  it("changes what is said of a microapp, on record", async () => {
    const { dispatch, audit, applied } = open();
    const edit = { id: "shop", enabled: true, grant: ["agents_crud"], path: "/apps/shop" };
    expect(await dispatch(operator, APPLY, { ...edit, wait_ms: 5 })).toEqual({ changed: true });
    expect(await dispatch(operator, APPLY, { id: "shop", path: null })).toEqual({ changed: true });
    expect(applied).toEqual([[edit, { waitMs: 5 }], [{ id: "shop", path: null }, {
      waitMs: 15_000,
    }]]);
    expect(audit.slice(0, 2)).toEqual([
      `intent ${APPLY} _operator null`,
      `outcome ${APPLY} ok null`,
    ]);
  });

  it("lists without a row in the record", async () => {
    const { dispatch, audit } = open();
    expect(await dispatch(operator, "nexo/operator/ext/list", {})).toEqual({
      microapps: [{ id: "shop" }],
    });
    expect(audit).toEqual([]);
  });

  it.each([
    [{}],
    [{ id: "../../etc" }],
    [{ id: "Shop" }],
    [{ id: "shop", path: "relative" }],
    [{ id: "shop", grant: "agents_crud" }],
    [{ id: "shop", enabled: "yes" }],
    [{ id: "shop", wait_ms: -1 }],
  ])("refuses %j", async (params) => {
    const { dispatch, audit, applied } = open();
    await expect(dispatch(operator, APPLY, params)).rejects.toMatchObject({ code: -32602 });
    expect(applied).toEqual([]);
    expect(audit).toEqual([`intent ${APPLY} _operator null`, `outcome ${APPLY} error -32602`]);
  });

  it("is for operators alone, whatever a microapp was granted", async () => {
    const { dispatch, audit, applied } = open();
    const shop = microapp({ _operator: "all", agents_crud: "all" });
    await expect(dispatch(shop, APPLY, { id: "shop", grant: ["all"] })).rejects.toMatchObject({
      code: -32004,
      data: { capability: "_operator", microapp_id: "shop", method: APPLY },
    });
    expect(applied).toEqual([]);
    expect(audit[1]).toBe(`outcome ${APPLY} denied -32004`);
  });
});
