/**
 * What an agent remembers over turns, restarts and more words than it may be shown.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import type { TurnDeps } from "../../../../core/agents/turn_types.ts";
import type { ModelMessage, ModelRequest } from "../../../../core/models/model.ts";
import { ModelError } from "../../../../core/models/model_error.ts";
import { offlineModel } from "../../../../core/models/offline.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { asking, depsOf, messageFrom, queued, tool, VISITOR } from "../../../support/turns.ts";

const never = new AbortController().signal;
const note = tool("note", () => Promise.resolve({ ok: true, text: "kept as 17" }));

async function open(config: string): Promise<Spine> {
  const settings = await settingsOf({
    "agents.yaml": `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
    config: { ${config} }
`,
  });
  return openSpine(() => settings);
}

/** The offline model, and what it was asked. */
function listening(): { asked: Omit<ModelRequest, "signal">[]; ask: TurnDeps["ask"] } {
  const asked: Omit<ModelRequest, "signal">[] = [];
  return {
    asked,
    ask: asking((request) => {
      asked.push(request);
      return offlineModel(request);
    }),
  };
}

async function say(spine: Spine, text: string, over: Partial<TurnDeps>, key = VISITOR) {
  const job = await queued(spine, messageFrom(key, text));
  return runTurn(job, depsOf(spine, [note], over), never);
}

const roles = (messages: readonly ModelMessage[] = []): string =>
  messages.map(({ role }) => role[0]).join("");

describe("an agent remembers", () => {
  it("A9: tool calls with their results in later turns, also after a restart", async () => {
    await using spine = await open("");
    await say(spine, 'note {"text": "milk"}', { ask: listening().ask });
    const { asked, ask } = listening();
    await say(spine, "hello again", { ask });
    const [request] = asked;
    expect(roles(request?.messages)).toBe("uatau");
    expect(request?.messages.slice(0, 3)).toMatchObject([
      { role: "user", content: 'note {"text": "milk"}' },
      { role: "assistant", toolCalls: [{ name: "ext_app_note", arguments: { text: "milk" } }] },
      { role: "tool", name: "ext_app_note", content: "kept as 17" },
    ]);
  });

  it("A6: what two turns say at once, neither in place of the other", async () => {
    await using spine = await open("");
    const { ask } = listening();
    await Promise.all(["one", "two", "three"].map((text) => say(spine, text, { ask })));
    const rows = await spine.transcripts.readTranscript({
      account: "acme",
      sessionId: sessionIdOf(VISITOR),
    });
    expect(rows.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5]);
    const said = rows.filter(({ role }) => role === "user").map(({ body }) => body);
    expect(said.toSorted()).toEqual(["one", "three", "two"]);
    expect(new Set(rows.map(({ turnId }) => turnId)).size).toBe(3);
  });

  it("a summary of what is too old to be shown, made once and on record", async () => {
    await using spine = await open("max_history_turns: 8");
    const { asked, ask } = listening();
    for (let i = 0; i < 5; i++) await say(spine, `word ${i}`, { ask });
    expect(asked.every(({ purpose }) => purpose === undefined)).toBe(true);
    await say(spine, "word 5", { ask });
    const [summing, answering] = asked.slice(5);
    expect(summing).toMatchObject({ purpose: "summary", tools: [] });
    expect(summing?.messages[0]?.content).toContain("Person: word 0");
    expect(answering?.system).toContain("# EARLIER IN THIS CONVERSATION");
    expect(answering?.system).toContain("Person: word 0");
    expect(answering?.messages.map(({ content }) => content)).toEqual([
      "word 3",
      expect.stringContaining("word 3"),
      "word 4",
      expect.stringContaining("word 4"),
      "word 5",
    ]);
    const entries = await spine.transcripts.readTranscript({
      account: "acme",
      sessionId: sessionIdOf(VISITOR),
    });
    expect(entries.filter(({ role }) => role === "system").map(({ body }) => body)).toEqual([
      expect.stringMatching(/^Summary of what was said before: .*word 0/s),
    ]);

    const later = listening();
    await say(spine, "word 6", { ask: later.ask });
    expect(later.asked).toHaveLength(1);
    expect(later.asked[0]?.system).toContain("Person: word 0");
    expect(later.asked[0]?.messages[0]?.content).toBe("word 3");
  });

  it("what was remembered before in each new summary", async () => {
    await using spine = await open("max_history_turns: 4");
    const { asked, ask } = listening();
    for (let i = 0; i < 8; i++) await say(spine, `word ${i}`, { ask });
    const summaries = asked.filter(({ purpose }) => purpose === "summary");
    expect(summaries.length).toBeGreaterThan(1);
    for (const { messages: [material] } of summaries.slice(1)) {
      expect(material?.content).toMatch(/^Remembered so far:\n.*word 0/s);
    }
    expect(asked.at(-1)?.system).toContain("word 0");
  });

  it("by tokens as well as by messages", async () => {
    await using spine = await open("max_history_tokens: 200");
    const { asked, ask } = listening();
    await say(spine, "long ".repeat(100), { ask });
    await say(spine, "short", { ask });
    await say(spine, "short again", { ask });
    expect(asked.map(({ purpose }) => purpose)).toEqual([
      undefined,
      undefined,
      "summary",
      undefined,
    ]);
    expect(asked.at(-1)?.messages.map(({ content }) => content)).toEqual([
      "short",
      expect.any(String),
      "short again",
    ]);
  });

  it("nothing of the same contact at another tenant", async () => {
    await using spine = await open("max_history_turns: 4");
    const { asked, ask } = listening();
    const other = { ...VISITOR, account_id: "globex", instance: "globex" };
    for (let i = 0; i < 5; i++) {
      await say(spine, `for acme ${i}`, { ask });
      await say(spine, `for globex ${i}`, { ask }, other);
    }
    for (const { system, messages } of asked) {
      const all = JSON.stringify([system, messages]);
      expect(all.includes("for acme") && all.includes("for globex")).toBe(false);
    }
  });

  it("no more than it is shown when it is to sum nothing up", async () => {
    await using spine = await open("max_history_turns: 4, summarize_history: false");
    const { asked, ask } = listening();
    for (let i = 0; i < 6; i++) await say(spine, `word ${i}`, { ask });
    expect(asked).toHaveLength(6);
    expect(asked.at(-1)?.system).not.toContain("EARLIER");
    expect(asked.at(-1)?.messages.length).toBeLessThanOrEqual(5);
  });
});

describe("summing up", () => {
  it("is a step of the turn: after a crash the summary is replayed, not asked for and paid again", async () => {
    await using spine = await open("max_history_turns: 4");
    for (let i = 0; i < 3; i++) await say(spine, `word ${i}`, { ask: listening().ask });
    const crash = new AbortController();
    const first = listening();
    const job = await queued(spine, messageFrom(VISITOR, "word 3"));
    const dying: TurnDeps["ask"] = (caller, model, request) => {
      if (request.purpose === "summary") return first.ask(caller, model, request);
      crash.abort(new Error("the process dies here"));
      return Promise.reject(crash.signal.reason as Error);
    };
    const deps = depsOf(spine, [note], { ask: dying });
    await expect(runTurn(job, deps, crash.signal)).rejects.toThrow("dies here");
    expect(first.asked).toHaveLength(1);

    const second = listening();
    const again = depsOf(spine, [note], { ask: second.ask });
    expect(await runTurn({ ...job, starts: 1 }, again, never)).toMatchObject({ outcome: "ok" });
    expect(second.asked.map(({ purpose }) => purpose)).toEqual([undefined]);
    expect(second.asked[0]?.system).toContain("word 0");
    const entries = await spine.transcripts.readTranscript({
      account: "acme",
      sessionId: sessionIdOf(VISITOR),
    });
    expect(entries.filter(({ role }) => role === "system")).toHaveLength(1);
  });

  it("fails no turn when the provider refuses it, and is tried again with the next", async () => {
    await using spine = await open("max_history_turns: 4");
    for (let i = 0; i < 3; i++) await say(spine, `word ${i}`, { ask: listening().ask });
    const { asked, ask } = listening();
    const refusing: TurnDeps["ask"] = (caller, model, request) =>
      request.purpose === "summary"
        ? Promise.reject(new ModelError("model_bad_request", "Cannot ask model: no"))
        : ask(caller, model, request);
    expect(await say(spine, "word 3", { ask: refusing })).toMatchObject({ outcome: "ok" });
    expect(asked.at(-1)?.messages.length).toBeLessThanOrEqual(5);
    await say(spine, "word 4", { ask });
    expect(asked.at(-2)?.purpose).toBe("summary");
    expect(asked.at(-1)?.system).toContain("word 0");
  });

  it("makes the turn try again when the provider is only away", async () => {
    await using spine = await open("max_history_turns: 4");
    for (let i = 0; i < 3; i++) await say(spine, `word ${i}`, { ask: listening().ask });
    const { ask } = listening();
    const away: TurnDeps["ask"] = (caller, model, request) =>
      request.purpose === "summary"
        ? Promise.reject(new ModelError("model_overloaded", "Cannot ask model: 529"))
        : ask(caller, model, request);
    expect((await say(spine, "word 3", { ask: away })).kind).toBe("retry");
  });
});
