import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFiles, type FetchPart } from "../../../../core/agents/files.ts";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import type { Inbound, MessagePart } from "../../../../core/contract/mod.ts";
import type { ModelRequest } from "../../../../core/models/model.ts";
import { offlineModel } from "../../../../core/models/offline.ts";
import { wireOptions } from "../../../../core/models/wire/prompt.ts";
import { trimQueues } from "../../../../core/queues/retention.ts";
import { erase } from "../../../../core/record/erase.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { silentLog } from "../../../support/store.ts";
import { asking, depsOf, messageFrom, queued, VISITOR as KEY } from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
`;
const never = new AbortController().signal;
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
const SECRET = "a secret in a picture";
/** More than one commit of pieces. */
const LARGE = new Uint8Array(3 * 1024 * 1024).fill(7);
LARGE.set(PNG);
LARGE.set(new TextEncoder().encode(SECRET), 2 * 1024 * 1024 - 5);

const part = (over: Partial<MessagePart & { kind: "media" }> = {}): MessagePart => ({
  kind: "media",
  media: "image",
  ref: "file-1",
  mime: "image/png",
  name: "cat.png",
  size: null,
  ...over,
});
const withParts = (...parts: MessagePart[]): Inbound => ({
  ...messageFrom(KEY, "look [image: cat.png: image/png]"),
  parts: [{ kind: "text", text: "look" }, ...parts],
});

async function open(fetchPart: FetchPart) {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings);
  const files = createFiles({ media: spine.media, fetchPart, log: silentLog });
  return { spine, files };
}

async function grepState(dir: string, needle: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true });
  const hits = await Promise.all(
    names.filter((one) => one.isFile()).map(async (one) => {
      const path = join(one.parentPath, one.name);
      return (await readFile(path)).includes(needle) ? [path] : [];
    }),
  );
  return hits.flat();
}

async function turnOver(
  spine: Spine,
  files: ReturnType<typeof createFiles>,
  inbound: Inbound,
): Promise<ModelRequest> {
  const asked: ModelRequest[] = [];
  const ask = asking((request) => {
    asked.push(request);
    return offlineModel(request);
  });
  const job = await queued(spine, inbound);
  await runTurn(job, depsOf(spine, [], { ask, files }), never);
  const [request] = asked;
  if (request === undefined) throw new Error("nobody was asked");
  return request;
}

describe("the files of a turn", () => {
  it("are fetched once, kept sealed, and shown to a model that takes them, now and in later turns", async () => {
    let fetches = 0;
    const { spine, files } = await open(() => {
      fetches += 1;
      return Promise.resolve({ bytes: LARGE, mime: "image/png" });
    });
    await using _spine = spine;
    const inbound = withParts(part());
    const first = await files.gather([inbound], never);
    expect(await files.gather([inbound], never)).toEqual(first);
    const request = await turnOver(spine, files, inbound);
    expect(fetches).toBe(1);
    expect(await grepState(spine.dir, SECRET)).toEqual([]);
    expect(await grepState(spine.dir, "cat.png")).not.toContain("core.db");

    const shown = (accepts: ("image" | "pdf")[], given = request) =>
      wireOptions(given, never, accepts).prompt.flatMap((message) =>
        message.role === "user" ? message.content : []
      );
    expect(shown([])).toEqual([{ type: "text", text: "look [image: cat.png: image/png]" }]);
    expect(shown(["pdf"])).toHaveLength(1);
    const [, file] = shown(["image"]);
    if (file?.type !== "file") throw new Error("there is no file");
    expect([file.mediaType, file.filename]).toEqual(["image/png", "cat.png"]);
    expect(Buffer.from(file.data as Uint8Array).equals(LARGE)).toBe(true);

    const later = await turnOver(spine, files, messageFrom(KEY, "what was on it?"));
    expect(shown(["image"], later).filter(({ type }) => type === "file")).toHaveLength(1);
  });

  it("are words where they are text, cannot be had, or are too many", async () => {
    const { spine, files } = await open((_key, ref) =>
      ref === "gone"
        ? Promise.reject(new Error("410"))
        : Promise.resolve({ bytes: new TextEncoder().encode("ten apples"), mime: "text/plain" })
    );
    await using _spine = spine;
    const list = part({ ref: "list", name: "list.txt", media: "document" });
    const { files: found, notes } = await files.gather(
      [withParts(list, part({ ref: "gone" }))],
      never,
    );
    expect(found).toEqual([]);
    expect(notes).toEqual(["[content of list.txt]\nten apples", "[cat.png could not be opened]"]);
    const many = await files.gather([withParts(...Array.from({ length: 12 }, () => list))], never);
    expect(many.notes.filter((note) => note.includes("too many"))).toHaveLength(2);
    const request = await turnOver(spine, files, withParts(list));
    expect(request.messages.at(-1)?.content).toContain("ten apples");
  });

  it("are nobody else's, and go with the conversation and with time", async () => {
    const { spine, files } = await open(() => Promise.resolve({ bytes: PNG, mime: "image/png" }));
    await using _spine = spine;
    const { files: [file] } = await files.gather([withParts(part())], never);
    const own = { account: "acme", sessionId: sessionIdOf(KEY), id: file?.id ?? "" };
    expect(await spine.media.read(own)).toEqual(PNG);
    expect(await spine.media.read({ ...own, account: "globex" })).toBeUndefined();
    expect(await spine.media.read({ ...own, sessionId: "another" })).toBeUndefined();

    await trimQueues({ store: spine.store, days: 1, nowMs: Date.now() });
    expect(await spine.media.find(own)).toBeDefined();
    const sessionIds = [own.sessionId];
    await erase({ store: spine.store, nowMs: Date.now() }, {
      account: "acme",
      sessionIds,
      contact: KEY.contact,
    });
    expect(await spine.media.find(own)).toBeUndefined();
    expect(await spine.media.heldBytes("acme", own.sessionId)).toBe(0);

    await files.gather([withParts(part())], never);
    expect(await spine.media.heldBytes("acme", own.sessionId)).toBeGreaterThan(0);
    await trimQueues({ store: spine.store, days: 1, nowMs: Date.now() + 2 * 86_400_000 });
    expect(await spine.media.heldBytes("acme", own.sessionId)).toBe(0);
  });
});
