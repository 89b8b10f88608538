import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createEventLog } from "../../../../core/events/event_log.ts";
import type { TranscriptEntry } from "../../../../core/record/transcript_rows.ts";
import { createTranscripts, type Transcripts } from "../../../../core/record/transcripts.ts";
import { insert, type Store } from "../../../../core/store/store.ts";
import { openTestStore, silentLog } from "../../../support/store.ts";
import { redact, sealer } from "./samples.ts";

const SESSION = "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11";

function transcriptsOf(store: Store, modelHistory: "sealed" | "redacted" = "sealed"): Transcripts {
  return createTranscripts({
    store,
    redact,
    sealer,
    modelHistory: () => modelHistory,
    isIndexed: () => true,
  });
}

function entry(text: string, rest: Partial<TranscriptEntry> = {}): TranscriptEntry {
  return { role: "user", text, sourcePlugin: "web", messageId: `m-${text}`, sentAtMs: 5, ...rest };
}

const session = (account: string, entries: readonly TranscriptEntry[], sessionId = SESSION) => ({
  account,
  agentId: "ana",
  sessionId,
  entries,
});

interface Live {
  readonly session_id: string;
  readonly seq: number;
  readonly body: string;
}

/** The transcript events of an account, as the firehose carries them. */
async function liveOf(store: Store, account: string): Promise<Live[]> {
  using log = createEventLog({ store, log: silentLog });
  const { events } = await log.list({ account, after: 0, limit: 1000 });
  return events.map(({ body }) => JSON.parse(body) as Live);
}

describe("rowsForTranscript", () => {
  it("keeps bodies redacted and says the same in the event", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    await test.store.commit(transcripts.rowsForTranscript(session("acme", [
      entry("write to ana@tienda.co", {
        senderId: "573001112233",
        messageId: "m-1",
        turnId: "t-1",
      }),
      entry("done", { role: "assistant", sourcePlugin: "", messageId: "m-2" }),
    ])));
    expect(await transcripts.readTranscript({ account: "acme", sessionId: SESSION })).toEqual([
      {
        agentId: "ana",
        seq: 0,
        role: "user",
        body: "write to [REDACTED:email]",
        sourcePlugin: "web",
        senderId: "573001112233",
        messageId: "m-1",
        turnId: "t-1",
        sentAtMs: 5,
      },
      {
        agentId: "ana",
        seq: 1,
        role: "assistant",
        body: "done",
        sourcePlugin: "internal",
        senderId: null,
        messageId: "m-2",
        turnId: null,
        sentAtMs: 5,
      },
    ]);
    expect(await liveOf(test.store, "acme")).toEqual([
      {
        kind: "transcript_appended",
        agent_id: "ana",
        session_id: SESSION,
        seq: 0,
        role: "user",
        body: "write to [REDACTED:email]",
        sent_at_ms: 5,
        sender_id: "573001112233",
        source_plugin: "web",
        turn_id: "t-1",
        tenant_id: "acme",
      },
      {
        kind: "transcript_appended",
        agent_id: "ana",
        session_id: SESSION,
        seq: 1,
        role: "assistant",
        body: "done",
        sent_at_ms: 5,
        source_plugin: "internal",
        tenant_id: "acme",
      },
    ]);
  });

  it("F2: gives live and backfill the same seq, across failing units and restarts", async () => {
    const sessions = ["s-1", "s-2"];
    const unit = fc.record({
      session: fc.constantFrom(...sessions),
      account: fc.constantFrom("acme", "globex"),
      entries: fc.integer({ min: 1, max: 3 }),
      fails: fc.boolean(),
    });
    const batches = fc.array(fc.array(unit, { minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(batches, async (plan) => {
        let test = await openTestStore();
        const { url } = test;
        const opened = [test];
        let count = 0;
        try {
          const bad = insert("meta", { key: "k", value: "v" });
          await test.store.commit([bad]);
          for (const batch of plan) {
            const transcripts = transcriptsOf(test.store);
            await Promise.allSettled(batch.map(({ session: id, account, entries, fails }) => {
              const texts = Array.from({ length: entries }, () => entry(`n${++count}`));
              const writes = transcripts.rowsForTranscript(session(account, texts, id));
              return test.store.commit(fails ? [...writes, bad] : writes);
            }));
            await test.store[Symbol.asyncDispose]();
            test = await openTestStore({ url });
            opened.push(test);
          }
          for (const account of ["acme", "globex"]) {
            const live = await liveOf(test.store, account);
            for (const sessionId of sessions) {
              const kept = await transcriptsOf(test.store)
                .readTranscript({ account, sessionId, limit: 1000 });
              const told = live.filter((event) => event.session_id === sessionId);
              expect(told.map(({ seq, body }) => [seq, body])).toEqual(
                kept.map(({ seq, body }) => [seq, body]),
              );
              expect(kept.map(({ seq }) => seq)).toEqual(kept.map((_, i) => i));
            }
          }
        } finally {
          for (const each of opened) await each[Symbol.asyncDispose]();
        }
      }),
      { numRuns: 8 },
    );
  });

  it("stores any text in a way that comes back as it was told", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    const texts = ["a\0b", "lone \ud800 half", "\ud83d\ude00", "", "línea\n2"];
    await test.store.commit(
      transcripts.rowsForTranscript(session("acme", texts.map((text) => entry(text)))),
    );
    const kept = await transcripts.readTranscript({ account: "acme", sessionId: SESSION });
    expect(kept.map(({ body }) => body)).toEqual([
      "a\ufffdb",
      "lone \ufffd half",
      "\ud83d\ude00",
      "",
      "línea\n2",
    ]);
    expect((await liveOf(test.store, "acme")).map(({ body }) => body)).toEqual(
      kept.map(({ body }) => body),
    );
  });
});

describe("readTranscript", () => {
  it("pages by seq without a gap or a repeat", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    const texts = Array.from({ length: 23 }, (_, i) => entry(`n${i}`));
    await test.store.commit(transcripts.rowsForTranscript(session("acme", texts)));
    const seen: string[] = [];
    for (let afterSeq = -1;;) {
      const page = await transcripts.readTranscript({
        account: "acme",
        sessionId: SESSION,
        afterSeq,
        limit: 5,
      });
      seen.push(...page.map(({ body }) => body));
      const last = page.at(-1);
      if (last === undefined) break;
      afterSeq = last.seq;
    }
    expect(seen).toEqual(texts.map(({ text }) => text));
  });

  it("is empty for another tenant, agent or session, like for one that does not exist", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    await test.store.commit(transcripts.rowsForTranscript(session("acme", [entry("hola")])));
    const query = { account: "acme", agentId: "ana", sessionId: SESSION };
    expect(await transcripts.readTranscript(query)).toHaveLength(1);
    expect(await transcripts.readHistory(query)).toHaveLength(1);
    for (const other of [{ account: "globex" }, { agentId: "bob" }, { sessionId: "other" }]) {
      expect(await transcripts.readTranscript({ ...query, ...other })).toEqual([]);
      expect(await transcripts.readHistory({ ...query, ...other })).toEqual([]);
    }
  });
});

describe("readHistory", () => {
  it("gives the newest entries, oldest first, with the model's own messages", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    const said = [
      entry("one", { modelMessage: { content: "one a@b.co" } }),
      entry("two"),
      entry("three", { role: "assistant", modelMessage: ["three"] }),
    ];
    await test.store.commit(transcripts.rowsForTranscript(session("acme", said)));
    const query = { account: "acme", agentId: "ana", sessionId: SESSION };
    expect(await transcripts.readHistory({ ...query, limit: 2 })).toEqual([
      { seq: 1, role: "user", body: "two", messageId: "m-two", modelMessage: undefined },
      { seq: 2, role: "assistant", body: "three", messageId: "m-three", modelMessage: ["three"] },
    ]);
    const [first] = await transcripts.readHistory(query);
    expect(first?.modelMessage).toEqual({ content: "one a@b.co" });
  });

  it("redacts the model's messages, too, when told", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store, "redacted");
    const said = [entry("one", { modelMessage: { content: "a@b.co", password: "hunter2" } })];
    await test.store.commit(transcripts.rowsForTranscript(session("acme", said)));
    const [first] = await transcripts.readHistory({
      account: "acme",
      agentId: "ana",
      sessionId: SESSION,
    });
    expect(first?.modelMessage).toEqual({
      content: "[REDACTED:email]",
      password: "[REDACTED:secret]",
    });
  });

  it("seals no message that its body says as it is, and reads it back from the body", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    const messages = [
      { role: "user", content: "plain" },
      { role: "user", content: "write to a@b.co" },
      { role: "user", content: "with a file", files: [{ id: "f", mime: "image/png", name: null }] },
      { role: "assistant", content: "" },
      { role: "tool", toolCallId: "c-1", name: "note", content: "noted" },
      { role: "assistant", content: "not what is told" },
    ] as const;
    const said = messages.map((modelMessage, i) =>
      entry(modelMessage.content, {
        role: i === 5 ? "user" : modelMessage.role,
        messageId: `m-${i}`,
        modelMessage,
      })
    );
    await test.store.commit(transcripts.rowsForTranscript(session("acme", said)));
    const query = { account: "acme", agentId: "ana", sessionId: SESSION };
    const fromDisk = await transcripts.readHistory(query);
    expect(fromDisk.map(({ modelMessage }) => modelMessage)).toEqual(messages);
    const rows = await test.store.read<{ seq: number }>(
      "SELECT seq FROM transcripts WHERE length(sealed) = 1 ORDER BY seq",
    );
    expect(rows.map(({ seq }) => seq)).toEqual([0, 3]);
  });

  it("gives from memory what it gives from disk", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    const query = { account: "acme", agentId: "ana", sessionId: SESSION };
    await transcripts.readHistory(query);
    const talk = (n: number) => [
      entry(`ask ${n}`, { modelMessage: { role: "user", content: `ask ${n}` } }),
      entry(`a@b.co ${n}`, { role: "assistant", modelMessage: [`a@b.co ${n}`] }),
    ];
    await test.store.commit(transcripts.rowsForTranscript(session("acme", talk(1))));
    const others = session("acme", talk(9), "another session");
    await Promise.all([
      test.store.commit(transcripts.rowsForTranscript(session("acme", talk(2)))),
      test.store.commit(transcripts.rowsForTranscript(others)),
      test.store.commit(transcripts.rowsForTranscript(session("acme", talk(3)))),
    ]);
    const remembered = await transcripts.readHistory(query);
    transcripts.forget();
    expect(remembered).toEqual(await transcripts.readHistory(query));
    expect(remembered.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("does not open a message that was moved to another row", async () => {
    await using test = await openTestStore();
    const transcripts = transcriptsOf(test.store);
    const said = [entry("one", { modelMessage: 1 }), entry("two", { modelMessage: 2 })];
    await test.store.commit(transcripts.rowsForTranscript(session("acme", said)));
    await test.store.commit([{
      type: "statement",
      sql:
        "UPDATE transcripts SET sealed = (SELECT sealed FROM transcripts WHERE seq = 1) WHERE seq = 0",
      args: [],
      changes: 1,
    }]);
    await expect(transcripts.readHistory({ account: "acme", agentId: "ana", sessionId: SESSION }))
      .rejects.toMatchObject({ code: "sealed_unreadable" });
  });
});
