import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { escapeToken } from "../../../../core/contract/mod.ts";
import { openSignedHeads } from "../../../../core/daemon/signed_heads.ts";
import { rowsForTurn } from "../../../../core/record/turns.ts";
import { statement } from "../../../../core/store/store.ts";
import { openAuditKey } from "../../../../core/vault/audit_key.ts";
import { openTestStore, silentLog, type TestStore } from "../../../support/store.ts";
import { turn, turnDeps } from "../record/samples.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
const STREAM = "turns:acme";

async function openHeads({ store, dir }: TestStore) {
  const said: string[] = [];
  const key = await openAuditKey({ path: join(dir, "audit.pem"), random });
  const heads = await openSignedHeads({
    store,
    dir: join(dir, "heads"),
    key,
    now: () => 7,
    log: { ...silentLog, error: (event) => void said.push(event) },
  });
  return { heads, said, key };
}

const deps = turnDeps();
const add = ({ store }: TestStore, from: number, to: number) =>
  store.commit(
    Array.from({ length: to - from + 1 }, (_, i) => rowsForTurn(turn("acme", from + i), deps))
      .flat(),
  );

/** Cuts the chain, head and all, as somebody with the database file can while nothing runs. */
const cutAfter = ({ store }: TestStore, offset: number) =>
  store.commit([
    statement("DELETE FROM turns WHERE offset > ?", [offset]),
    statement(
      "UPDATE streams SET head = ?1, hash = (SELECT hash FROM turns WHERE offset = ?1) WHERE name = ?2",
      [offset, STREAM],
    ),
  ]);

describe("openSignedHeads()", () => {
  it("signs what was written when it is closed, and goes on from there", async () => {
    await using test = await openTestStore();
    const first = await openHeads(test);
    await add(test, 1, 3);
    await first.heads[Symbol.asyncDispose]();
    const second = await openHeads(test);
    expect(await second.heads.find(STREAM)).toMatchObject({
      head: { kind: "head", stream: STREAM, offset: 3 },
      checkpoint: undefined,
      problems: [],
    });
    await add(test, 4, 4);
    await second.heads[Symbol.asyncDispose]();
    const { heads, said } = await openHeads(test);
    expect((await heads.find(STREAM)).head?.offset).toBe(4);
    expect(said).toEqual([]);
    await heads[Symbol.asyncDispose]();
  });

  it("keeps the statement that a cut chain contradicts", async () => {
    await using test = await openTestStore();
    const first = await openHeads(test);
    await add(test, 1, 5);
    await first.heads[Symbol.asyncDispose]();
    await test.store[Symbol.asyncDispose]();
    await using again = await openTestStore({ url: test.url });
    await cutAfter(again, 3);
    await again.store[Symbol.asyncDispose]();

    await using cut = await openTestStore({ url: test.url });
    const { heads, said } = await openHeads({ ...cut, dir: test.dir });
    await add(cut, 10, 15);
    await heads[Symbol.asyncDispose]();
    expect(said).toEqual(["audit.chain_broken"]);
    const { heads: later } = await openHeads({ ...cut, dir: test.dir });
    expect((await later.find(STREAM)).head?.offset).toBe(5);
    await later[Symbol.asyncDispose]();
  });

  it("believes no statement that was changed, nor a head in place of a checkpoint", async () => {
    await using test = await openTestStore();
    const { heads } = await openHeads(test);
    await add(test, 1, 2);
    await heads[Symbol.asyncDispose]();
    const { heads: next } = await openHeads(test);
    const head = join(test.dir, "heads", `${escapeToken(STREAM)}.head.json`);
    const text = await readFile(head, "utf8").catch(() => "");
    expect(text).not.toBe("");
    await writeFile(head.replace(".head.", ".checkpoint."), text);
    await writeFile(head, text.replace('"offset":2', '"offset":1'));
    expect(await next.find(STREAM)).toEqual({
      head: undefined,
      checkpoint: undefined,
      problems: [
        "the signed head is not what was signed",
        "the signed checkpoint is not what was signed",
      ],
    });
    await next[Symbol.asyncDispose]();
  });
});
