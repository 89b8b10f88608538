import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTranscriptFiles } from "../../../../core/record/transcript_files.ts";
import { statement } from "../../../../core/store/store.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine, uuid } from "../../../support/spine.ts";
import { silentLog } from "../../../support/store.ts";

const SESSION = "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11";
const OTHER = "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c12";
const AGENTS = "agents: [{ id: ana, model: { provider: offline, model: rules } }]\n";

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), "transcripts-"))));
afterEach(() => rm(dir, { recursive: true, force: true }));

async function openTest() {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings);
  const files = () =>
    openTranscriptFiles({
      ...spine,
      dirs: () => new Map([["ana", dir], ["bob", dir]]),
      log: silentLog,
    });
  return { spine, files };
}

function say(
  spine: Spine,
  text: string,
  { account = "acme", agentId = "ana", sessionId = SESSION } = {},
): Promise<void> {
  return spine.store.commit(spine.transcripts.rowsForTranscript({
    account,
    agentId,
    sessionId,
    entries: [{ role: "user", text, sourcePlugin: "webchat", messageId: uuid(), sentAtMs: 1_000 }],
  }));
}

const read = async (path: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(dir, path), "utf8")).trimEnd().split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const said = async (path: string) => (await read(path)).slice(1).map(({ content }) => content);

describe("openTranscriptFiles()", () => {
  it("F6: writes nexo's lines as they are committed: redacted, by tenant, for their owner's eyes", async () => {
    const { spine, files } = await openTest();
    await using _spine = spine;
    await using following = files();
    await say(spine, "my card is 4111 1111 1111 1111");
    await say(spine, "two");
    await say(spine, "elsewhere", { account: "globex", sessionId: OTHER });
    await say(spine, "nobody asked for files", { agentId: "eve", sessionId: uuid() });
    await following.written();
    await say(spine, "three");
    await following.written();
    expect(await read(`acme/${SESSION}.jsonl`)).toMatchObject([
      { type: "session", version: 1, id: SESSION, agent_id: "ana", source_plugin: "webchat" },
      { type: "entry", role: "user", content: "my card is [REDACTED:card]" },
      { type: "entry", content: "two" },
      { type: "entry", content: "three" },
    ]);
    expect((await readdir(dir)).sort()).toEqual(["acme", "globex"]);
    expect(await readdir(join(dir, "globex"))).toEqual([`${OTHER}.jsonl`]);
    expect((await stat(join(dir, "acme"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(dir, `acme/${SESSION}.jsonl`))).mode & 0o777).toBe(0o600);
  });

  it("goes on where another process ended, without a line twice or missing", async () => {
    const { spine, files } = await openTest();
    await using _spine = spine;
    {
      await using _following = files();
      await say(spine, "one");
    }
    await say(spine, "two");
    await say(spine, "new", { sessionId: OTHER });
    {
      await using following = files();
      await following.written();
      await say(spine, "three");
    }
    expect(await said(`acme/${SESSION}.jsonl`)).toEqual(["one", "two", "three"]);
    expect(await said(`acme/${OTHER}.jsonl`)).toEqual(["new"]);
  });

  it("F6: loses what retention and erasures take, and nothing else", async () => {
    const { spine, files } = await openTest();
    await using _spine = spine;
    await using following = files();
    for (const text of ["old", "young"]) await say(spine, text);
    await say(spine, "gone", { sessionId: OTHER });
    await say(spine, "of bob", {
      agentId: "bob",
      sessionId: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c13",
    });
    await following.written();
    const drop = (where: string, arg: string) =>
      spine.store.commit([statement(`DELETE FROM transcripts WHERE ${where} = ?`, [arg])]);
    await drop("body", "old");
    await following.trim();
    expect(await said(`acme/${SESSION}.jsonl`)).toEqual(["young"]);
    await drop("session_id", OTHER);
    await following.trim({ account: "acme", sessionIds: [OTHER] });
    expect((await readdir(join(dir, "acme"))).sort()).toEqual([
      `${SESSION}.jsonl`,
      "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c13.jsonl",
    ]);
    await say(spine, "later");
    await following.written();
    expect(await said(`acme/${SESSION}.jsonl`)).toEqual(["young", "later"]);
    await drop("account_id", "acme");
    await following.trim({ account: "acme" });
    expect(await readdir(join(dir, "acme"))).toEqual([]);
  });
});
