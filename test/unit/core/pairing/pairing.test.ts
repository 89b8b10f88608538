import fc from "fast-check";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createUuids, type PairingStatus } from "../../../../core/contract/mod.ts";
import { createChallenges, type TenantLine } from "../../../../core/pairing/challenges.ts";
import { linkCodeIn, startParameter } from "../../../../core/pairing/codes.ts";
import { createGate, type DmPolicy } from "../../../../core/pairing/gate.ts";
import { createPairing } from "../../../../core/pairing/pairing.ts";
import { createPeople } from "../../../../core/pairing/people.ts";
import { openVault } from "../../../../core/vault/vault.ts";
import { openTestStore, silentLog } from "../../../support/store.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
const uuid = createUuids({ now: Date.now, random });
const ACME: TenantLine & { agent_id: string } = {
  account_id: "acme",
  agent_id: "ana",
  channel: "telegram",
  instance: "acme",
};
const GLOBEX = { ...ACME, account_id: "globex", instance: "globex" };

/** Pairing over a store of its own, with a clock that stands until it is moved. */
async function openPlace(policy: DmPolicy = { policy: "pairing", allowFrom: [] }) {
  const opened = await openTestStore();
  const { store, dir } = opened;
  const clock = { now: 1_000_000 };
  const now = () => clock.now;
  const vault = await openVault({ keysDir: join(dir, "keys"), random, now });
  const told: { account: string; status: PairingStatus }[] = [];
  const links: string[] = [];
  /** How many challenges there were when a turn was put on disk as under way. */
  const settled: number[] = [];
  const challenges = createChallenges({
    store,
    sealer: vault,
    mac: (code) => vault.mac("pairing", code),
  });
  const people = createPeople({ store });
  const pairing = createPairing({
    store,
    challenges,
    people,
    invite: (_line, parameter) => {
      links.push(parameter);
      const link = `https://t.me/acme_bot?start=${parameter}`;
      return Promise.resolve({ link, instructions: "Scan it." });
    },
    eventRows: () => [],
    notify: (account, status) => void told.push({ account, status }),
    random,
    uuid,
    now,
    log: silentLog,
  });
  const gate = createGate({ pairing, people, policyFor: () => policy, now });
  return {
    ...opened,
    clock,
    challenges,
    people,
    pairing,
    gate,
    told,
    settled,
    async start(line = ACME) {
      const { challenge_id } = await pairing.start(line);
      return { id: challenge_id, code: links.at(-1)?.replace("pair-", "") ?? "" };
    },
    async status(id: string) {
      const challenge = await challenges.findForOperator(id);
      if (challenge === undefined) throw new Error(`no challenge ${id}`);
      return pairing.status(challenge);
    },
    ask: (text: string, senderId: string, turnId = uuid(), line = ACME) =>
      gate({
        line,
        senderId,
        chat: "direct",
        text,
        turnId,
        settle: async () => void settled.push((await store.read("SELECT 1 FROM pairings")).length),
      }),
  };
}

describe("a link", () => {
  it("G5: goes from pending over the picture to linked, and tells of each step", async () => {
    await using place = await openPlace();
    const { id, code } = await place.start();
    const shown = await place.status(id);
    expect(shown).toMatchObject({
      state: "qr_ready",
      data: { link: `https://t.me/acme_bot?start=pair-${code}` },
    });
    expect(Buffer.from(shown.data?.qr_png_base64 ?? "", "base64").subarray(1, 4).toString())
      .toBe("PNG");
    expect((await place.status(id)).state).toBe("awaiting_user");

    expect(await place.ask(`/start ${startParameter(code)}`, "573001"))
      .toEqual({ kind: "answer", text: "You are connected. Just write." });
    expect(await place.status(id)).toMatchObject({
      state: "linked",
      data: { device_jid: "573001" },
    });
    expect(place.told.map(({ account, status }) => [account, status.state])).toEqual([
      ["acme", "qr_ready"],
      ["acme", "awaiting_user"],
      ["acme", "linked"],
    ]);
    expect(await place.ask("hello", "573001")).toEqual({ kind: "admit" });
    expect(await place.ask("hello", "573002")).toMatchObject({ kind: "answer" });
  });

  it("G1: is good once, for its own line, for five minutes, and not after it was cancelled", async () => {
    await using place = await openPlace();
    const { code } = await place.start();
    expect(await place.pairing.redeem(GLOBEX, "573001", code)).toBe("unknown");
    expect(await place.pairing.redeem(ACME, "573001", code)).toBe("linked");
    expect(await place.pairing.redeem(ACME, "573001", code)).toBe("linked");
    expect(await place.pairing.redeem(ACME, "573009", code)).toBe("used");
    expect(await place.people.knows(ACME, "573009")).toBe(false);

    const late = await place.start();
    place.clock.now += 300_000;
    expect(await place.pairing.redeem(ACME, "573001", late.code)).toBe("expired");
    expect(await place.status(late.id)).toMatchObject({ state: "expired", data: {} });

    const cancelled = await place.start();
    const challenge = await place.challenges.findForOperator(cancelled.id);
    expect(await place.pairing.cancel(challenge!)).toBe(true);
    expect(await place.pairing.cancel(challenge!)).toBe(false);
    expect(await place.pairing.redeem(ACME, "573001", cancelled.code)).toBe("expired");
  });

  it("goes to one of two people who send it at the same moment", async () => {
    await using place = await openPlace();
    const { code } = await place.start();
    const became = await Promise.all(
      ["a", "b", "c"].map((sender) => place.pairing.redeem(ACME, sender, code)),
    );
    expect(became.toSorted()).toEqual(["linked", "used", "used"]);
    expect(await place.people.list("acme", { limit: 10 })).toHaveLength(1);
  });

  it("expires by itself, and says so", async () => {
    await using place = await openPlace();
    await place.start();
    place.clock.now += 300_001;
    await place.pairing.sweep();
    expect(place.told.at(-1)).toMatchObject({ account: "acme", status: { state: "expired" } });
  });

  it("G1: is in no table in the clear, and in none at all once it was used", async () => {
    await using place = await openPlace();
    const { id, code } = await place.start();
    const rows = () => place.store.read("SELECT * FROM pairings WHERE id = ?", [id]);
    expect(JSON.stringify(await rows())).not.toContain(code);
    await place.pairing.redeem(ACME, "573001", code);
    expect(await rows()).toMatchObject([{ sealed: null }]);
  });
});

describe("a stranger", () => {
  it("G2: gets one code an hour, and writes once an operator approved it", async () => {
    await using place = await openPlace();
    const turnId = uuid();
    const first = await place.ask("hi", "s1", turnId);
    const code = /: ([A-Z2-9]{8})$/.exec(first.kind === "answer" ? first.text : "")?.[1] ?? "";
    expect(code).not.toBe("");
    // The turn that gets the code was on disk before it.
    expect(place.settled).toEqual([0]);
    expect(await place.ask("hi", "s1", turnId)).toEqual(first);
    expect(await place.ask("hi?", "s1")).toMatchObject({ kind: "drop" });
    expect(await place.ask("hi", "s2")).toMatchObject({ kind: "answer" });

    expect(await place.pairing.approve(GLOBEX, code)).toBeUndefined();
    expect(await place.pairing.approve(ACME, "WRONG234")).toBeUndefined();
    expect(await place.pairing.approve(ACME, code)).toBe("s1");
    expect(await place.pairing.approve(ACME, code)).toBeUndefined();
    expect(await place.ask("hi", "s1")).toEqual({ kind: "admit" });
    expect(await place.ask("hi", "s1", uuid(), GLOBEX)).toMatchObject({ kind: "answer" });
  });

  it("G2: who tries codes is not listened to after five, and nobody else suffers", async () => {
    await using place = await openPlace();
    const { code } = await place.start();
    for (let i = 0; i < 5; i++) {
      expect(await place.ask(`pair-${"ABCDEFGH".repeat(2)}`, "thief")).toMatchObject({
        kind: "answer",
        text: "This code is not known here.",
      });
    }
    expect(await place.ask(`pair-${code}`, "thief")).toMatchObject({ kind: "drop" });
    expect(await place.ask(`pair-${code}`, "owner")).toMatchObject({ kind: "answer" });
    expect(await place.people.knows(ACME, "owner")).toBe(true);
  });

  it("hears nothing from an allow list, and needs nothing on it", async () => {
    await using place = await openPlace({ policy: "allowlist", allowFrom: ["boss"] });
    expect(await place.ask("hi", "boss")).toEqual({ kind: "admit" });
    expect(await place.ask("hi", "other")).toMatchObject({ kind: "drop" });
    await expect(place.store.read("SELECT * FROM pairings")).resolves.toEqual([]);
  });

  it("is let in by nothing that cannot be read", async () => {
    const place = await openPlace();
    await place[Symbol.asyncDispose]();
    await expect(place.ask("hi", "s1")).rejects.toThrow();
  });
});

describe("revoking", () => {
  it("G3: reaches one tenant's person and nobody else's of the same name", async () => {
    await using place = await openPlace();
    for (const line of [ACME, GLOBEX]) {
      await place.store.commit(place.people.rowsForPaired(line, "573001", "operator", 1));
    }
    await place.store.commit(place.people.rowsForRevoked(ACME, "573001"));
    expect(await place.people.knows(ACME, "573001")).toBe(false);
    expect(await place.people.knows(GLOBEX, "573001")).toBe(true);
  });
});

describe("linkCodeIn()", () => {
  it("finds what startParameter() made, wherever a channel puts it, and nothing else", () => {
    const letters = Array.from("ABCDEFGHJKLMNPQRSTUVWXYZ23456789");
    const code = fc.array(fc.constantFrom(...letters), { minLength: 16, maxLength: 16 })
      .map((chars) => chars.join(""));
    fc.assert(fc.property(code, fc.constantFrom("/start ", "", "hi ", "text="), (given, before) => {
      expect(startParameter(given)).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(linkCodeIn(before + startParameter(given))).toBe(given);
      expect(linkCodeIn(`${before}${startParameter(given)}X`)).toBeUndefined();
    }));
    expect(linkCodeIn("repair-ABCDEFGHJKLMNPQR")).toBeUndefined();
  });
});
