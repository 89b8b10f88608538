import { describe, expect, it } from "vitest";
import {
  type ConversationDeps,
  type DueTurn,
  type DueTurnEnd,
  openConversations,
} from "../../../../core/conversations/conversations.ts";
import type { Place } from "../../../../core/conversations/places.ts";
import type { OpenInbound } from "../../../../core/queues/inbounds.ts";
import { openInboundOf } from "../../../support/rows.ts";
import { uuid } from "../../../support/spine.ts";
import { silentLog } from "../../../support/store.ts";

/** An event of one conversation, unless told otherwise. */
const inbound = (id: string, over: Partial<OpenInbound> = {}): OpenInbound =>
  openInboundOf(id, {
    session_id: "one",
    channel: "event",
    instance: "orders",
    trigger: "event",
    ...over,
  });

/** A scheduler whose turns end when the test says so. */
function openPlayed(over: Partial<ConversationDeps["limits"]> = {}) {
  const begun: {
    turn: DueTurn;
    signal: AbortSignal;
    place: Place;
    end: (end: DueTurnEnd | Error) => void;
  }[] = [];
  let tell = (): void => {};
  const conversations = openConversations({
    limits: {
      maxTurns: () => 8,
      workingTurns: () => 8,
      workingTurnsBesideOthers: () => 8,
      tenantTurnsOf: () => 8,
      agentTurnsOf: () => 8,
      groupLimitOf: () => 8,
      maxWaiting: 1000,
      queueCapOf: () => 8,
      weightOf: () => 1,
      debounceMsOf: () => 0,
      isParked: () => false,
      ...over,
    },
    runTurn: (turn, signal, place) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
        begun.push({
          turn,
          signal,
          place,
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

  it("E2: keeps a subscriber within its concurrency until the turns end", async () => {
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

  it("lets no tenant take more than is left for all others, and has room again when turns end", async () => {
    const played = openPlayed({ maxWaiting: 4 });
    await using conversations = played.conversations;
    const { room } = conversations;
    const [one, two, three] = ["1", "2", "3"].map((id) => inbound(id));
    const other = inbound("g", { account_id: "globex" });
    if (!one || !two || !three) throw new Error("there are three");
    expect([one, two, three].map(room.reserve)).toEqual(["reserved", "reserved", "store_full"]);
    expect(room.reserve(other)).toBe("reserved");
    room.release([two, other]);
    expect(room.reserve(two)).toBe("reserved");
    conversations.push([one, two]);
    await played.began(1);
    expect(room.reserve(three)).toBe("store_full");
    played.end(0);
    await played.began(2);
    expect(room.reserve(three)).toBe("reserved");
    played.end(1);
  });

  it("A5: keeps a conversation's queue within its cap, what runs and what is no person's not counted", async () => {
    const played = openPlayed({ queueCapOf: () => 2 });
    await using conversations = played.conversations;
    const { room } = conversations;
    const said = (id: string, session = "one") =>
      inbound(id, { trigger: "channel", session_id: session });
    expect(["1", "2", "3"].map((id) => room.reserve(said(id)))).toEqual([
      "reserved",
      "reserved",
      "queue_full",
    ]);
    expect(room.reserve(said("x", "two"))).toBe("reserved");
    expect(["e1", "e2", "e3"].map((id) => room.reserve(inbound(id)))).toEqual([
      "reserved",
      "reserved",
      "reserved",
    ]);
    conversations.push([said("1"), said("2")]);
    await played.began(1);
    expect(room.reserve(said("4"))).toBe("reserved");
    played.end(0, { kind: "retry", nextAtMs: Date.now() + 60_000 });
    await expect.poll(() => room.reserve(said("5"))).toBe("queue_full");
  });

  it("T5: lets what a switched-off tenant or agent has wait, in order, until it is on again", async () => {
    const off = new Set(["acme/ana"]);
    const played = openPlayed({ isParked: (account, agent) => off.has(`${account}/${agent}`) });
    await using conversations = played.conversations;
    conversations.push([inbound("1"), inbound("2")]);
    conversations.push([inbound("b", { agent_id: "bob", session_id: "bob" })]);
    conversations.push([inbound("g", { account_id: "globex" })]);
    await played.began(2);
    expect(played.ids()).toEqual(["b", "g"]);
    conversations.push([inbound("3")]);
    off.clear();
    conversations.reload();
    await played.began(3);
    // One that learns of it only when it has begun goes back to its place.
    off.add("acme/ana");
    played.end(2, { kind: "parked" });
    played.end(0);
    await expect.poll(() => conversations.waiting()).toBe(4);
    expect(played.ids()).toEqual(["b", "g", "1"]);
    off.clear();
    conversations.reload();
    for (const [i, id] of ["1", "2", "3"].entries()) {
      await played.began(4 + i);
      expect(played.begun[3 + i]?.turn).toMatchObject({ inboundIds: [id], attempts: 0, starts: 0 });
      played.end(3 + i);
    }
  });

  it("keeps tenants and agents within their turns at once, tenants in turn at a shared agent", async () => {
    const played = openPlayed({
      tenantTurnsOf: (account) => account === "acme" ? 2 : 8,
      agentTurnsOf: (agent) => agent === "shared" ? 3 : 8,
    });
    await using conversations = played.conversations;
    const at = (account: string, i: number, agent = "shared") =>
      inbound(`${account}${i}`, { account_id: account, agent_id: agent, session_id: `s${i}` });
    conversations.push([0, 1, 2, 3].map((i) => at("acme", i)));
    conversations.push([0, 1, 2].map((i) => at("globex", i)));
    conversations.push([at("globex", 9, "own")]);
    await played.began(4);
    expect(played.ids()).toEqual(["acme0", "acme1", "globex0", "globex9"]);
    played.end(0);
    await played.began(5);
    played.end(1);
    await played.began(6);
    expect(new Set(played.ids().slice(4))).toEqual(new Set(["globex1", "acme2"]));
    for (const i of [2, 4, 5]) played.end(i);
    await played.began(8);
  });

  it("T7: gives every tenant a turn although one has filled the queue", async () => {
    const played = openPlayed({ maxTurns: () => 1 });
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

  it("T7: lets hundreds wait for a model, few work, and one of a quiet tenant begin at once", async () => {
    const played = openPlayed({
      maxTurns: () => 500,
      tenantTurnsOf: () => 400,
      agentTurnsOf: () => 500,
      groupLimitOf: () => 500,
      workingTurns: () => 6,
      workingTurnsBesideOthers: () => 4,
    });
    await using conversations = played.conversations;
    conversations.push(
      Array.from({ length: 500 }, (_, i) => inbound(`a${i}`, { session_id: `a${i}` })),
    );
    await played.began(6);
    expect(played.begun).toHaveLength(6);
    let answer = (): void => {};
    const model = new Promise<void>((resolve) => answer = resolve);
    const waits: Promise<void>[] = [];
    for (let i = 0; i < 390; i++) {
      await played.began(i + 1);
      waits.push(played.begun[i]?.place.away(() => model) as Promise<void>);
    }
    await played.began(396);
    conversations.push([inbound("g", { account_id: "globex", session_id: "g" })]);
    // Six of the other work, and more wait: the next place is not theirs.
    played.end(390);
    await played.began(397);
    expect(played.ids().at(-1)).toBe("g");
    answer();
    for (let i = 391; i < 397; i++) played.end(i);
    for (let i = 0; i < 390; i++) {
      await waits[i];
      played.end(i);
    }
    await expect.poll(() => played.begun.length).toBeGreaterThan(400);
  });

  it("lets ten thousand conversations stand still at once whose tenant is switched off", async () => {
    let off = false;
    const played = openPlayed({ isParked: () => off });
    await using conversations = played.conversations;
    conversations.push(
      Array.from({ length: 10_000 }, (_, i) => inbound(`a${i}`, { session_id: `a${i}` })),
    );
    await played.began(8);
    off = true;
    for (let i = 0; i < 8; i++) played.end(i);
    await expect.poll(() => conversations.waiting()).toBe(9_992);
    off = false;
    conversations.reload();
    await played.began(16);
    for (let i = 8; i < 16; i++) played.end(i);
    await played.began(24);
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
