import { describe, expect, it } from "vitest";

import {
  readToolCalls,
  rowsForToolCall,
  type ToolCall,
} from "../../../../core/record/tool_calls.ts";
import { openTestStore } from "../../../support/store.ts";
import { redact } from "./samples.ts";

function call(step: number, rest: Partial<ToolCall> = {}): ToolCall {
  return {
    id: `call-${step}`,
    accountId: "acme",
    turnId: "turn-1",
    step,
    tool: "shop_lookup",
    microappId: "shop",
    arguments: { q: "zapatos" },
    result: "3 left",
    outcome: "ok",
    durationMs: 12,
    atMs: 1_000 + step,
    ...rest,
  };
}

describe("rowsForToolCall", () => {
  it("keeps arguments and results redacted, in the order of the steps", async () => {
    await using test = await openTestStore();
    const commit = (made: ToolCall) => test.store.commit(rowsForToolCall(made, { redact }));
    await commit(call(2, { outcome: "rate_limited", microappId: null }));
    await commit(call(1, {
      arguments: { api_key: "k", mail: "a@b.co" },
      result: JSON.stringify({ token: "hunter2", left: 3 }),
    }));
    expect(await readToolCalls(test.store, "acme", "turn-1")).toEqual([
      call(1, {
        arguments: { api_key: "[REDACTED:secret]", mail: "[REDACTED:email]" },
        result: JSON.stringify({ token: "[REDACTED:secret]", left: 3 }),
      }),
      call(2, { outcome: "rate_limited", microappId: null }),
    ]);
  });

  it("shows nothing to another tenant", async () => {
    await using test = await openTestStore();
    await test.store.commit(rowsForToolCall(call(1), { redact }));
    expect(await readToolCalls(test.store, "globex", "turn-1")).toEqual([]);
  });

  it("keeps the first record of a call that is written again", async () => {
    await using test = await openTestStore();
    await test.store.commit(rowsForToolCall(call(1), { redact }));
    await test.store.commit(rowsForToolCall(call(1, { result: "again" }), { redact }));
    const calls = await readToolCalls(test.store, "acme", "turn-1");
    expect(calls.map(({ result }) => result)).toEqual(["3 left"]);
  });

  it("cuts what is too long, and says so", async () => {
    await using test = await openTestStore();
    await test.store.commit(
      rowsForToolCall(call(1, { result: "x".repeat(100_000), arguments: undefined }), { redact }),
    );
    const [kept] = await readToolCalls(test.store, "acme", "turn-1");
    expect(kept?.arguments).toBeNull();
    expect(kept?.result).toMatchObject({ truncated: true, chars: 100_002 });
    expect(JSON.stringify(kept).length).toBeLessThan(50_000);
  });
});
