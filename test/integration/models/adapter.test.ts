/**
 * One suite for every protocol: what the adapter makes of answers, good and bad.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import type { ModelMessage, ModelProgress, ModelRequest } from "../../../core/models/model.ts";
import { askOnce } from "../../../core/models/wire/adapter.ts";
import type { Endpoint } from "../../../core/models/wire/libraries.ts";
import { freePort } from "../../support/free_port.ts";
import type { Protocol } from "../../support/model_protocols.ts";
import { type ModelServer, openModelServer } from "../../support/model_server.ts";

const KEY = "sk-planted-secret-0123456789";
const never = new AbortController().signal;
const PROTOCOLS: readonly Protocol[] = ["openai_compatible", "anthropic", "google"];
const cases = PROTOCOLS.flatMap((protocol) =>
  [true, false].map((streaming) => ({ protocol, streaming }))
);

const tool = {
  name: "note_add",
  ownName: "note_add",
  description: "Keeps a note",
  inputSchema: {
    type: "object",
    properties: { text: { type: "string" } },
    required: ["text"],
  },
};

function request(over: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: "m",
    system: "Be brief.",
    messages: [{ role: "user", content: "hi" }],
    tools: [],
    signal: never,
    maxOutputTokens: 100,
    ...over,
  };
}

describe.each(cases)(
  "askOnce() with $protocol, streaming $streaming",
  ({ protocol, streaming }) => {
    const endpoint = (server: ModelServer, over: Partial<Endpoint> = {}): Endpoint => ({
      name: "prov",
      flavor: protocol,
      baseUrl: server.baseUrl,
      apiKey: KEY,
      headers: { "x-team": "header-secret-42" },
      timeoutMs: 60_000,
      streaming,
      accepts: [],
      ...over,
    });
    const ask = (
      server: ModelServer,
      over: Partial<ModelRequest> = {},
      to: Partial<Endpoint> = {},
    ) => askOnce(endpoint(server, to), request(over), { now: Date.now });
    const failing = (server: ModelServer, to: Partial<Endpoint> = {}) =>
      ask(server, {}, to).then(
        () => expect.unreachable("it answered"),
        (error: unknown) => error as Record<string, unknown> & Error,
      );

    it("gives the text, the tokens and the reason it stopped, and tells the text as it comes", async () => {
      const usage = { input: 120, output: 7, cached: 100 };
      await using server = await openModelServer(protocol, {
        kind: "answer",
        text: "Grüße, you! 🙂 How are you?",
        usage,
      });
      const heard: ModelProgress[] = [];
      const { answer, usage: counted } = await ask(server, {
        onProgress: (p) => void heard.push(p),
      });
      expect(answer).toMatchObject({ text: "Grüße, you! 🙂 How are you?", finishReason: "stop" });
      expect(counted).toEqual({ inputTokens: 120, outputTokens: 7, cachedTokens: 100 });
      const told = heard.map((p) => p.kind === "text" ? p.text : "!").join("");
      expect(told).toBe(answer.text);
      if (streaming) expect(heard.length).toBeGreaterThan(3);
      expect(JSON.stringify(server.heard[0]?.headers)).toContain(KEY);
      expect(JSON.stringify(server.heard[0]?.body)).toContain("Be brief.");
      expect(JSON.stringify(server.heard[0]?.body)).toContain("100");
    });

    it("brings tool calls with unique ids, and takes their results and the thoughts back", async () => {
      const call = { id: "c1", name: "note_add", arguments: '{"text":"milk"}' };
      await using server = await openModelServer(
        protocol,
        {
          kind: "answer",
          thought: { text: "A note.", signature: "c2lnbmVk" },
          calls: [call, { ...call, arguments: '{"text":"eggs"}' }],
        },
        { kind: "answer", text: "done" },
      );
      const first = await ask(server, { tools: [tool] });
      expect(first.answer).toMatchObject({ text: null, finishReason: "tool_calls" });
      const { toolCalls, reasoning } = first.answer;
      expect(toolCalls.map(({ arguments: args }) => args)).toEqual([
        { text: "milk" },
        { text: "eggs" },
      ]);
      expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(2);
      expect(reasoning?.[0]?.text).toBe("A note.");

      const messages: ModelMessage[] = [
        { role: "user", content: "note milk and eggs" },
        {
          role: "assistant",
          content: "",
          toolCalls,
          ...(reasoning === undefined ? {} : { reasoning }),
        },
        ...toolCalls.map(({ id, name }): ModelMessage => ({
          role: "tool",
          toolCallId: id,
          name,
          content: `saved ${id}`,
        })),
      ];
      const second = await ask(server, { messages, tools: [tool] });
      expect(second.answer.text).toBe("done");
      const sent = JSON.stringify(server.heard[1]?.body);
      for (const { id } of toolCalls) expect(sent).toContain(`saved ${id}`);
      if (protocol !== "openai_compatible") expect(sent).toContain("c2lnbmVk");
    });

    it("keeps arguments that are no JSON as text, and never sends them back as arguments", async () => {
      await using server = await openModelServer(
        protocol,
        { kind: "answer", calls: [{ id: "c1", name: "note_add", arguments: '{"text": "mi' }] },
      );
      const { answer: { toolCalls: [call] } } = await ask(server, { tools: [tool] });
      expect(typeof call?.arguments).toBe("string");
      await ask(server, {
        messages: [
          { role: "user", content: "go" },
          { role: "assistant", content: "", toolCalls: call === undefined ? [] : [call] },
          {
            role: "tool",
            toolCallId: call?.id ?? "",
            name: "note_add",
            content: "no",
            isError: true,
          },
        ],
      });
      const { heard } = server;
      expect(JSON.stringify(heard[1]?.body)).not.toContain('"mi');
    });

    it("says of a cut answer that it was cut, and that it may cost", async () => {
      await using server = await openModelServer(protocol);
      for (const how of ["broken", "ended"] as const) {
        server.plays({ kind: "cut", how });
        expect(await failing(server)).toMatchObject({ mayCost: true, retryable: true });
      }
    });

    it("reports an answer that was stopped by its length", async () => {
      await using server = await openModelServer(protocol, {
        kind: "answer",
        text: "and so",
        finish: "length",
      });
      expect((await ask(server)).answer).toMatchObject({ text: "and so", finishReason: "length" });
    });

    it("has no count when the provider gives none", async () => {
      await using server = await openModelServer(protocol, {
        kind: "answer",
        text: "x",
        usage: null,
      });
      expect((await ask(server)).usage).toBeUndefined();
    });

    it.each([
      [401, "model_auth", false],
      [403, "model_auth", false],
      [404, "model_bad_request", false],
      [400, "model_bad_request", false],
      [413, "model_context_length", false],
      [429, "model_rate_limited", true],
      [500, "model_overloaded", true],
      [503, "model_overloaded", true],
      [504, "model_timeout", true],
    ])("makes %i a %s", async (status, code, retryable) => {
      await using server = await openModelServer(protocol, { kind: "status", status });
      const error = await failing(server);
      expect(error).toMatchObject({ code, retryable });
      expect(error.message).toContain(`refused with ${status}`);
      expect(server.heard).toHaveLength(1);
    });

    it("recognises a conversation that is too long by the provider's words", async () => {
      const message = "This model's maximum context length is 8192 tokens.";
      const body = JSON.stringify({
        type: "error",
        error: { message, type: "x", code: 400, status: "X" },
      });
      await using server = await openModelServer(protocol, { kind: "status", status: 400, body });
      expect(await failing(server)).toMatchObject({ code: "model_context_length" });
    });

    it("reads how long to wait from seconds, milliseconds and dates", async () => {
      await using server = await openModelServer(protocol);
      const after = async (headers: Record<string, string>) => {
        server.plays({ kind: "status", status: 429, headers });
        return (await failing(server))["retryAfterMs"];
      };
      expect(await after({ "retry-after": "7" })).toBe(7_000);
      expect(await after({ "retry-after-ms": "250" })).toBe(250);
      const date = new Date(Date.now() + 60_000).toUTCString();
      expect(await after({ "retry-after": date })).toBeGreaterThan(50_000);
      expect(await after({})).toBeUndefined();
    });

    it("shows no secret a provider repeats, nor what was asked", async () => {
      const said = `key ${KEY} (starts with ${KEY.slice(0, 8)}…) header-secret-42 is wrong`;
      const body = JSON.stringify({
        type: "error",
        error: { message: said, type: "x", code: 4, status: "X" },
      });
      await using server = await openModelServer(protocol, { kind: "status", status: 401, body });
      const error = await ask(server, { messages: [{ role: "user", content: "my-own-words" }] })
        .then(
          () => expect.unreachable("it answered"),
          (thrown: unknown) => thrown as Error,
        );
      const everything = JSON.stringify([
        error.message,
        error.stack,
        error.cause,
        Object.entries(error),
      ]);
      expect(everything).toContain("[secret]");
      for (const secret of [KEY, KEY.slice(0, 8), "header-secret-42", "my-own-words"]) {
        expect(everything).not.toContain(secret);
      }
    });

    it("says so when what comes is no answer", async () => {
      await using server = await openModelServer(protocol, { kind: "garbage" });
      expect(await failing(server)).toMatchObject({ code: "model_failed", mayCost: true });
    });

    it("gives up on a provider that is silent, before and after its headers", async () => {
      await using server = await openModelServer(protocol);
      for (const play of [{ kind: "silence" }, { kind: "silence", after: "headers" }] as const) {
        server.plays(play);
        const error = await failing(server, { timeoutMs: 100 });
        expect(error).toMatchObject({ code: "model_timeout", mayCost: true });
        expect(error.message).toContain("100 ms");
      }
    });

    it("ends the request with the caller, with the caller's reason", async () => {
      await using server = await openModelServer(protocol, { kind: "silence", after: "headers" });
      const stop = new AbortController();
      const asking = ask(server, { signal: stop.signal });
      await expect.poll(() => server.heard.length).toBe(1);
      stop.abort(new Error("the turn is over"));
      await expect(asking).rejects.toThrow("the turn is over");
      await server.left();
    });

    it("does not carry its key to where a redirect points", async () => {
      await using elsewhere = await openModelServer(protocol, { kind: "answer", text: "stolen" });
      await using server = await openModelServer(protocol, {
        kind: "status",
        status: 307,
        headers: { location: elsewhere.baseUrl },
      });
      expect((await failing(server)).message).toMatch(/cannot be reached/);
      expect(elsewhere.heard).toEqual([]);
    });

    it("says that nobody listens", async () => {
      await using server = await openModelServer(protocol);
      const nobody = new URL(server.baseUrl);
      nobody.port = String(await freePort());
      expect(await failing(server, { baseUrl: nobody.href }))
        .toMatchObject({ code: "model_overloaded", mayCost: false });
    });
  },
);
