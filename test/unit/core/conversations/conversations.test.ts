import { describe, expect, it } from "vitest";
import {
  type ConversationDeps,
  type DueTurn,
  type DueTurnEnd,
  openConversations,
} from "../../../../core/conversations/conversations.ts";
import type { OpenInbound } from "../../../../core/queues/inbounds.ts";
import { uuid } from "../../../support/spine.ts";
import { silentLog } from "../../../support/store.ts";

function inbound(id: string, over: Partial<OpenInbound> = {}): OpenInbound {
  return {
    id,
    account_id: "acme",
    agent_id: "ana",
    session_id: "one",
    channel: "event",
    instance: "orders",
    trigger: "event",
    turn_id: null,
    attempts: 0,
    starts: 0,
    next_at_ms: 0,
    ...over,
  };
}

/** A scheduler whose turns end when the test says so. */
function openPlayed(over: Partial<ConversationDeps["limits"]> = {}) {
  const begun: {
    turn: DueTurn;
    signal: AbortSignal;
    end: (end: DueTurnEnd | Error) => void;
  }[] = [];
  let tell = (): void => {};
  const conversations = openConversations({
    limits: {
      maxTurns: 8,
      maxWaiting: 1000,
      weightOf: () => 1,
      debounceMsOf: () => 0,
      groupLimitOf: () => 8,
      ...over,
    },
    runTurn: (turn, signal) =>
      new Promise((resolve, reject) => {
        begun.push({
          turn,
          signal,
          end: (end) => end instanceof Error ? reject(end) : resolve(end),
        });
        tell();
      }),
    uuid,
    now: Date.now,
    log: silentLog,
  });
  return {
    conversations,
    begun,
    /** Resolves when so many turns have begun in all. */
    async began(count: number): Promise<void> {
      while (begun.length < count) await new Promise<void>((resolve) => (tell = resolve));
    },
    end: (index: number, end: DueTurnEnd | Error = { kind: "finished" }) => begun[index]?.end(end),
    ids: () => begun.map(({ turn }) => turn.inboundIds.join("+")),
  };
}

describe("openConversations()", () => {
  it("runs one turn of a conversation at a time, in order, and others beside it", async () => {
    const played = openPlayed();
    await using conversations = played.conversations;
    conversations.push([inbound("1"), inbound("2"), inbound("x", { session_id: "two" })]);
    await played.began(2);
    expect(played.ids()).toEqual(["1", "x"]);
    played.end(0);
    await played.began(3);
    expect(played.ids()).toEqual(["1", "x", "2"]);
    played.end(1);
    played.end(2);
    await conversations.drain(new AbortController().signal);
    expect(conversations.waiting()).toBe(0);
  });

  it("picks up an interrupted turn with all of its messages, whatever else was recovered", async () => {
    const played = openPlayed();
    await using conversations = played.conversations;
    const begun = { trigger: "channel", turn_id: "t-1", starts: 1 } as const;
    conversations.push([
      inbound("1", begun),
      inbound("2", begun),
      inbound("3", { trigger: "channel" }),
    ]);
    await played.began(1);
    expect(played.begun[0]?.turn).toMatchObject({
      turnId: "t-1",
      inboundIds: ["1", "2"],
      starts: 1,
    });
    played.end(0);
    await played.began(2);
    expect(played.ids()).toEqual(["1+2", "3"]);
    played.end(1);
    await conversations.drain(new AbortController().signal);
  });

  it("keeps a subscriber within its concurrency until the turns end", async () => {
    const played = openPlayed({ groupLimitOf: () => 1 });
    await using conversations = played.conversations;
    conversations.push([
      inbound("1", { session_id: "a" }),
      inbound("2", { session_id: "b" }),
      inbound("3", { session_id: "c", instance: "other" }),
    ]);
    await played.began(2);
    expect(played.ids()).toEqual(["1", "3"]);
    played.end(0);
    await played.began(3);
    expect(played.ids()).toEqual(["1", "3", "2"]);
    played.end(1);
    played.end(2);
  });

  it("tries a failed turn again under its id, counted, before what came later", async () => {
    const played = openPlayed();
    await using conversations = played.conversations;
    conversations.push([inbound("1"), inbound("2")]);
    await played.began(1);
    played.end(0, { kind: "retry", nextAtMs: Date.now() });
    await played.began(2);
    const [first, again] = played.begun.map(({ turn }) => turn);
    expect(again?.turnId).toBe(first?.turnId);
    expect(again).toMatchObject({ inboundIds: ["1"], attempts: 1, starts: 1 });
    played.end(1);
    await played.began(3);
    expect(played.ids()).toEqual(["1", "1", "2"]);
    played.end(2);
  });

  it("lets work be done while no turn of a conversation runs, and goes on afterwards", async () => {
    const played = openPlayed();
    await using conversations = played.conversations;
    conversations.push([inbound("1"), inbound("x", { session_id: "two" })]);
    await played.began(2);
    let worked = false;
    const done = conversations.quietly(
      (account, session) => account === "acme" && session === "one",
      () => {
        expect(played.begun[0]?.signal.aborted).toBe(true);
        expect(played.begun[1]?.signal.aborted).toBe(false);
        conversations.push([inbound("2"), inbound("y", { session_id: "two" })]);
        played.end(1);
        return played.began(3).then(() => {
          expect(played.ids()).toEqual(["1", "x", "y"]);
          worked = true;
        });
      },
    );
    played.end(0, new Error("interrupted"));
    await done;
    expect(worked).toBe(true);
    await played.began(4);
    const { turn } = played.begun[3] ?? {};
    expect(turn).toMatchObject({ inboundIds: ["1"], attempts: 0, starts: 1 });
    expect(turn?.turnId).toBe(played.begun[0]?.turn.turnId);
    played.end(2);
    played.end(3);
    await played.began(5);
    played.end(4);
    await conversations.drain(new AbortController().signal);
    expect(conversations.waiting()).toBe(0);
  });

  it("refuses more than it may hold, and has room again when turns end", async () => {
    const played = openPlayed({ maxWaiting: 2 });
    await using conversations = played.conversations;
    conversations.push([inbound("1"), inbound("2")]);
    expect(conversations.accepts(1)).toBe(false);
    await played.began(1);
    played.end(0);
    await played.began(2);
    expect(conversations.accepts(1)).toBe(true);
    played.end(1);
  });

  it("gives every tenant a turn although one has filled the queue", async () => {
    const played = openPlayed({ maxTurns: 1 });
    await using conversations = played.conversations;
    conversations.push(
      Array.from({ length: 50 }, (_, i) => inbound(`a${i}`, { session_id: `a${i}` })),
    );
    conversations.push([inbound("g", { account_id: "globex", session_id: "g" })]);
    await played.began(1);
    played.end(0);
    await played.began(2);
    played.end(1);
    await played.began(3);
    expect(played.ids().slice(0, 3)).toContain("g");
    played.end(2);
  });

  it("takes no new turn once it drains", async () => {
    const played = openPlayed();
    await using conversations = played.conversations;
    conversations.push([inbound("1"), inbound("2")]);
    await played.began(1);
    const drained = conversations.drain(new AbortController().signal);
    played.end(0);
    await drained;
    expect(played.ids()).toEqual(["1"]);
  });
});
