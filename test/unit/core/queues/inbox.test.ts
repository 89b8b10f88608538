/**
 * What a delivery's row gives back: the envelope, whatever its body was, and nothing readable on disk.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bodyOfBytes, type Handoff } from "../../../../core/contract/mod.ts";
import { createInbox } from "../../../../core/queues/inbox.ts";
import { openVault } from "../../../../core/vault/vault.ts";
import { handoff } from "../../../suites/bus.ts";
import { openTestStore } from "../../../support/store.ts";

const encoder = new TextEncoder();

async function open() {
  const opened = await openTestStore();
  const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
  const sealer = await openVault({ keysDir: join(opened.dir, "keys"), random, now: Date.now });
  const inbox = createInbox({ store: opened.store, sealer });
  return { ...opened, inbox, sealer };
}

const withBody = (n: number, bytes: Uint8Array): Handoff => ({
  ...handoff(n),
  body: bodyOfBytes(bytes),
});

describe("createInbox()", () => {
  it("shows a body as it came: its JSON, or base64 where it is none", async () => {
    await using opened = await open();
    const { inbox, store } = opened;
    const bodies: [Uint8Array, unknown][] = [
      [encoder.encode('{"a":\n[1, "é"]}\n'), { a: [1, "é"] }],
      [Uint8Array.of(0xff, 0x0a, 0x7b), { raw_base64: "/wp7" }],
      [new Uint8Array(), { raw_base64: "" }],
    ];
    for (const [n, [bytes, shown]] of bodies.entries()) {
      const sent = withBody(n, bytes);
      await store.commit(inbox.rowsForDelivery(sent, "acme", "unmatched"));
      const { envelope } = await inbox.showForOperator(sent.envelope.envelope_id) ?? {};
      expect(envelope).toEqual({ ...sent.envelope, body_json: shown });
    }
  });

  it("leaves nothing of a body readable in the database", async () => {
    await using opened = await open();
    const { inbox, store, dir } = opened;
    const sent = withBody(1, encoder.encode('{"word":"marzipan-1"}'));
    await store.commit(inbox.rowsForDelivery(sent, "acme", "unmatched"));
    for (const file of ["core.db", "core.db-wal"]) {
      expect((await readFile(join(dir, file))).includes("marzipan")).toBe(false);
    }
  });

  it("reads rows in which envelope and body were one JSON", async () => {
    await using opened = await open();
    const { inbox, store, sealer } = opened;
    const { envelope, ...rest } = handoff(1);
    const [row] = inbox.rowsForDelivery({ envelope, ...rest }, "acme", "unmatched");
    if (row?.type !== "insert") throw new Error("no row");
    const where = { table: "inbox", account: "acme", id: envelope.envelope_id };
    const earlier = { ...envelope, body_json: { text: "one\ntwo" } };
    const sealed = sealer.seal(where, JSON.stringify(earlier));
    await store.commit([{ ...row, row: { ...row.row, sealed } }]);
    expect((await inbox.showForOperator(envelope.envelope_id))?.envelope).toEqual(earlier);
  });
});
