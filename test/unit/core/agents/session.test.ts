import { describe, expect, it } from "vitest";
import { sessionIdOf, stepId } from "../../../../core/agents/session.ts";
import { Uuid } from "../../../../core/contract/mod.ts";
import { uuid } from "../../../support/spine.ts";
import { VISITOR } from "../../../support/turns.ts";

describe("stepId()", () => {
  it("is the same for the same step, another for any other, and of the turn's time", () => {
    const turns = [uuid(), uuid()];
    const ids = turns.flatMap((turn) =>
      [0, 1, -1].flatMap((step) =>
        (["call", "send", "entry"] as const).map((what) => stepId(turn, step, what))
      )
    );
    expect(new Set(ids).size).toBe(18);
    expect(stepId(turns[0] ?? "", 0, "call")).toBe(ids[0]);
    for (const [i, id] of ids.entries()) {
      expect(Uuid.parse(id)).toBe(id);
      expect(id.slice(0, 13)).toBe(turns[Math.floor(i / 9)]?.slice(0, 13));
    }
  });
});

describe("sessionIdOf()", () => {
  it("is the conversation's, whichever object says its key", () => {
    expect(sessionIdOf({ ...VISITOR })).toBe(sessionIdOf(VISITOR));
    expect(sessionIdOf({ ...VISITOR, account_id: "globex" })).not.toBe(sessionIdOf(VISITOR));
  });
});
