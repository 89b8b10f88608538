/**
 * What was queued a moment ago is taken from memory once, and never when its row was erased.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { createEraser } from "../../../../core/daemon/erasing.ts";
import { replyOutbound } from "../../../../core/agents/reply.ts";
import type { OpenOutbound, Outbound } from "../../../../core/queues/outbound.ts";
import { statement } from "../../../../core/store/store.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { messageFrom, queued, VISITOR } from "../../../support/turns.ts";

const { account_id: ACCOUNT, contact } = VISITOR;

async function open(): Promise<Spine> {
  const settings = await settingsOf({ "agents.yaml": "agents: []\n" });
  return openSpine(() => settings);
}

function replyOf(spine: Spine, text: string): Outbound {
  const message = messageFrom(VISITOR, "hello");
  const inbounds = [message] as const;
  return replyOutbound(text, { code: undefined, turnId: message.id, inbounds, nowMs: spine.now() });
}

/** Queues a reply and returns its item. */
async function replied(spine: Spine, text: string): Promise<OpenOutbound> {
  const { writes, items: [item] } = spine.outbox.queue(replyOf(spine, text), spine.now());
  await spine.store.commit(writes);
  if (item === undefined) throw new Error("nothing was queued");
  return item;
}

describe("a message that came in", () => {
  it("is there for its turn without a look at the disk, and from the disk for a second run", async () => {
    await using spine = await open();
    const message = messageFrom(VISITOR, "hello");
    const { inboundIds: ids } = await queued(spine, message);
    await spine.store.commit([statement("UPDATE inbounds SET sealed = NULL", [])]);
    expect(await spine.inbounds.load(ACCOUNT, ids)).toEqual([message]);
    await spine.store.commit([statement("DELETE FROM inbounds", [])]);
    expect(await spine.inbounds.load(ACCOUNT, ids)).toEqual([]);
  });

  it("is no other tenant's, and those of one turn are in their order", async () => {
    await using spine = await open();
    const [one, two] = [messageFrom(VISITOR, "one"), messageFrom(VISITOR, "two")];
    const { inboundIds: [first = "", second = ""] } = await queued(spine, one, two);
    expect(await spine.inbounds.load("globex", [first])).toEqual([]);
    expect(await spine.inbounds.load(ACCOUNT, [second, first])).toEqual([one, two]);
  });

  it("is read from the disk as it was changed, once it was held", async () => {
    await using spine = await open();
    const message = messageFrom(VISITOR, "hello");
    const { inboundIds: ids } = await queued(spine, message);
    const held = { ...message, on_record: true as const };
    await spine.store.commit(spine.inbounds.rowsForHeld(held));
    expect(await spine.inbounds.load(ACCOUNT, ids)).toEqual([held]);
  });
});

describe("a reply that was queued", () => {
  it("is there for the delivery as the disk has it", async () => {
    await using spine = await open();
    const item = await replied(spine, "hi");
    const fresh = await spine.outbox.load(item);
    expect(fresh).toMatchObject({ body: { text: "hi" } });
    expect(await spine.outbox.load(item)).toEqual(fresh);
  });

  it("stays as the disk has it when another of its id could not be queued", async () => {
    await using spine = await open();
    const reply = replyOf(spine, "hi");
    const { writes, items: [item] } = spine.outbox.queue(reply, spine.now());
    await spine.store.commit(writes);
    const body = { ...reply.body, text: "something else" };
    const again = spine.outbox.queue({ ...reply, body }, spine.now());
    await expect(spine.store.commit(again.writes)).rejects.toMatchObject({ code: "conflict" });
    if (item === undefined) throw new Error("nothing was queued");
    expect(await spine.outbox.load(item)).toMatchObject({ body: { text: "hi" } });
  });

  it("is not there when it was given up", async () => {
    await using spine = await open();
    const item = await replied(spine, "hi");
    await spine.store.commit(spine.outbox.rowsForDead(ACCOUNT, item.id));
    expect(await spine.outbox.load(item)).toBeUndefined();
  });
});

it("erasing a person takes them out of memory, too", async () => {
  await using spine = await open();
  const sessionId = sessionIdOf(VISITOR);
  const session = { account: ACCOUNT, agentId: VISITOR.agent_id, sessionId };
  await spine.store.commit(spine.transcripts.rowsForTranscript({
    ...session,
    entries: [{
      role: "user",
      text: "my word",
      modelMessage: { role: "user", content: "my word" },
      sourcePlugin: "webchat",
      messageId: "m-1",
      sentAtMs: spine.now(),
    }],
  }));
  expect(await spine.transcripts.readHistory(session)).toHaveLength(1);
  const { inboundIds: ids } = await queued(spine, messageFrom(VISITOR, "hello"));
  const item = await replied(spine, "hi");
  const asked: unknown[] = [];
  const erase = createEraser({
    ...spine,
    conversations: { quietly: (_isMeant, work) => work() },
    forgetPauses: () => Promise.resolve(),
    forgetFiles: () => Promise.resolve(),
    eraseInMicroapps: (whom) => {
      asked.push(whom);
      return Promise.resolve([]);
    },
  });
  await erase({ account: ACCOUNT, contact });
  expect(asked).toEqual([{ account_id: ACCOUNT, contact }]);
  expect(await spine.inbounds.load(ACCOUNT, ids)).toEqual([]);
  expect(await spine.outbox.load(item)).toBeUndefined();
  expect(await spine.transcripts.readHistory(session)).toEqual([]);
});
