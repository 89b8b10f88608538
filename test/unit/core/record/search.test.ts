import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { createTranscriptSearch } from "../../../../core/record/search.ts";
import { searchExpression } from "../../../../core/record/search_query.ts";
import { createTranscripts } from "../../../../core/record/transcripts.ts";
import { statement, type Store } from "../../../../core/store/store.ts";
import { openTestStore, type TestStore } from "../../../support/store.ts";
import { sealer } from "./samples.ts";

let test: TestStore;
let made = 0;

beforeAll(async () => {
  test = await openTestStore();
});
beforeEach(async () => {
  await test.store.commit([statement("DELETE FROM transcripts", [])]);
});
afterAll(() => test[Symbol.asyncDispose]());

/** Says texts in a session of their own, and returns what searches over the store. */
function openSearch(store: Store, isIndexed = (): boolean => true) {
  const transcripts = createTranscripts({
    store,
    redact: (text) => text,
    sealer,
    modelHistory: () => "sealed",
    isIndexed,
  });
  const { search, searchForOperator } = createTranscriptSearch({ store, isIndexed });
  return {
    say: (account: string, agentId: string, texts: readonly string[], sessionId = "s-1") =>
      store.commit(transcripts.rowsForTranscript({
        account,
        agentId,
        sessionId,
        entries: texts.map((text) => ({
          role: "user",
          text,
          sourcePlugin: "web",
          messageId: `m-${++made}`,
          sentAtMs: 7,
        })),
      })),
    search,
    searchForOperator,
    snippets: async (text: string, account = "acme", agentId = "ana") =>
      (await search({ accounts: [account], agentId, text })).map(({ snippet }) => snippet),
  };
}

describe("search", () => {
  it("F8: finds words in any order, phrases, beginnings and alternatives, and leaves out", async () => {
    const { say, snippets } = openSearch(test.store);
    await say("acme", "ana", [
      "refund for the blue chair",
      "the chair is blue",
      "a refundable tent",
    ]);
    const [chair, blue, tent] = [
      "refund for the blue chair",
      "the chair is blue",
      "a refundable tent",
    ];
    const marked = (text: string, ...words: string[]): string =>
      words.reduce((all, word) => all.replace(word, `[${word}]`), text);
    expect(await snippets("chair blue")).toEqual([
      marked(blue, "chair", "blue"),
      marked(chair, "blue", "chair"),
    ]);
    expect(await snippets('"blue chair"')).toEqual([marked(chair, "blue chair")]);
    expect(await snippets("refund*")).toEqual([
      marked(tent, "refundable"),
      marked(chair, "refund"),
    ]);
    expect(await snippets("tent OR refund")).toEqual([
      marked(tent, "tent"),
      marked(chair, "refund"),
    ]);
    expect(await snippets("chair -refund")).toEqual([marked(blue, "chair")]);
    expect(await snippets("chair NOT refund")).toEqual([marked(blue, "chair")]);
    expect(await snippets("chair AND refund")).toHaveLength(1);
    expect(await snippets("chairs")).toEqual([]);
    expect(await snippets("-chair")).toEqual([]);
    expect(await snippets('"unclosed')).toEqual([]);
    expect(await snippets("?! * ( ^ )")).toEqual([]);
  });

  it("knows no difference of case, diacritics or script", async () => {
    const { say, snippets } = openSearch(test.store);
    await say("acme", "ana", [
      "¿Cuánto cuesta el ENVÍO a Bogotá?",
      "Это стоит пять рублей",
      "请问这个商品什么时候发货",
      "パスワードを忘れました",
      "สวัสดีครับ ขอบคุณ",
      "مرحبا بالعالم",
    ]);
    expect(await snippets("bogota envio")).toEqual(["¿Cuánto cuesta el [ENVÍO] a [Bogotá]?"]);
    expect(await snippets("СТОИТ")).toEqual(["Это [стоит] пять рублей"]);
    expect(await snippets("商品")).toEqual(["请问这个[商品]什么时候发货"]);
    expect(await snippets("品商")).toEqual([]);
    expect(await snippets("忘れ")).toEqual(["パスワードを[忘れ]ました"]);
    expect(await snippets("ขอบคุณ")).toHaveLength(1);
    expect(await snippets("بالعالم")).toEqual(["مرحبا [بالعالم]"]);
  });

  it("cuts snippets to some words around the match", async () => {
    const { say, snippets } = openSearch(test.store);
    const words = Array.from({ length: 60 }, (_, i) => `w${i}`);
    await say("acme", "ana", [words.join(" ")]);
    const [snippet = ""] = await snippets("w30");
    expect(snippet).toContain("[w30]");
    expect(snippet.split(/\s+/).length).toBeLessThanOrEqual(14);
    expect(snippet).toMatch(/^\.\.\..*\.\.\.$/);
  });

  it("F8: never finds another tenant's words, whatever is asked", async () => {
    const { say, search } = openSearch(test.store);
    const word = fc.constantFrom("alpha", "beta", "gamma", "x616e61", "61636d65", "-alpha", "*");
    const asked = fc.oneof(
      fc.array(fc.oneof(word, fc.constantFrom("OR", "NOT", "AND", '"', "scope", ":", "(")), {
        maxLength: 6,
      }).map((words) => words.join(" ")),
      fc.string({ unit: "binary", maxLength: 40 }),
    );
    for (const account of ["acme", "globex", "acm", "acme2"]) {
      await say(account, "ana", [`alpha beta ${account}`, `gamma ${account}`], `s-${account}`);
      await say(account, "bob", [`alpha ${account}`], `b-${account}`);
    }
    await fc.assert(
      fc.asyncProperty(
        asked,
        fc.subarray(["acme", "globex", "acm", "nobody"]),
        async (text, accounts) => {
          const hits = await search({ accounts, agentId: "ana", text });
          for (const { session_id } of hits) {
            expect(accounts.map((account) => `s-${account}`)).toContain(session_id);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("finds what has every word, none that is left out, and any alternative, as counted by hand", async () => {
    const { say, search } = openSearch(test.store);
    const words = ["one", "four", "twelve", "thousand", "a", "bb"];
    const entries = Array.from({ length: 64 }, (_, i) => words.filter((_, at) => i >> at & 1));
    await say("acme", "ana", entries.map((entry) => entry.join(" ")));
    await say("globex", "ana", entries.map((entry) => entry.join(" ")), "s-globex");
    const group = fc.record({
      wanted: fc.subarray(words, { minLength: 1 }),
      excluded: fc.subarray(words, { maxLength: 2 }),
    });
    const property = fc.asyncProperty(
      fc.array(group, { minLength: 1, maxLength: 3 }),
      async (groups) => {
        const text = groups.map(({ wanted, excluded }) =>
          [...wanted, ...excluded.map((word) => `-${word}`)].join(" ")
        ).join(" OR ");
        const hits = await search({ accounts: ["acme"], agentId: "ana", text, limit: 100 });
        const expected = entries.filter((entry) =>
          groups.some(({ wanted, excluded }) =>
            wanted.every((word) => entry.includes(word)) &&
            !excluded.some((word) => entry.includes(word))
          )
        );
        const found = hits.map(({ snippet }) => snippet.replaceAll(/[[\]]/g, "")).toReversed();
        expect(found).toEqual(expected.map((entry) => entry.join(" ")));
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it("takes as many words as a query may have", async () => {
    const { say, snippets } = openSearch(test.store);
    const words = Array.from({ length: 32 }, (_, i) => `word${i}`);
    await say("acme", "ana", [words.join(" "), words.slice(1).join(" ")]);
    expect(await snippets(words.join(" "))).toHaveLength(1);
    expect(await snippets(words.slice(1).join(" "))).toHaveLength(2);
    expect(await snippets(words.join(" OR "))).toHaveLength(2);
  });

  it("pages without a gap or a repeat, for a tenant and for operators", async () => {
    const { say, search, searchForOperator } = openSearch(test.store);
    for (const account of ["acme", "globex"]) {
      await say(account, "ana", Array.from({ length: 7 }, (_, i) => `chair ${account} ${i}`));
      await say(account, "bob", ["chair of bob"]);
    }
    async function all(find: typeof searchForOperator): Promise<string[]> {
      const seen: string[] = [];
      for (let before: number | undefined;;) {
        const page = await find({ agentId: "ana", text: "chair", before, limit: 3 });
        seen.push(...page.map(({ snippet }) => snippet));
        before = page.at(-1)?.id;
        if (before === undefined) return seen;
      }
    }
    const own = (account: string) =>
      Array.from({ length: 7 }, (_, i) => `[chair] ${account} ${6 - i}`);
    expect(await all((query) => search({ ...query, accounts: ["acme"] }))).toEqual(own("acme"));
    expect(await all(searchForOperator)).toEqual([...own("globex"), ...own("acme")]);
  });

  it("takes no query that is too long, and says so when the index is off", async () => {
    let on = true;
    const { say, snippets } = openSearch(test.store, () => on);
    await expect(snippets("a ".repeat(33))).rejects.toMatchObject({ code: "invalid_params" });
    await expect(snippets("a".repeat(1001))).rejects.toMatchObject({ code: "invalid_params" });
    on = false;
    await say("acme", "ana", ["hidden word"]);
    await expect(snippets("word")).rejects.toThrow(/fts\.enabled/);
    on = true;
    expect(await snippets("word")).toEqual([]);
  });

  it("F8: forgets what is deleted in the same commit", async () => {
    const { say, snippets } = openSearch(test.store);
    await say("acme", "ana", ["blue chair", "世界 chair"]);
    expect(await snippets("chair")).toHaveLength(2);
    await test.store.commit([
      statement("DELETE FROM transcripts WHERE body = 'blue chair'", [], 1),
    ]);
    expect(await snippets("chair")).toEqual(["世界 [chair]"]);
    await test.store.commit([statement("DELETE FROM transcripts WHERE account_id = ?", ["acme"])]);
    expect(await snippets("chair")).toEqual([]);
    await test.store.commit([
      statement(
        "INSERT INTO transcripts_fts (transcripts_fts, rank) VALUES ('integrity-check', 1)",
        [],
      ),
    ]);
  });
});

describe("searchExpression", () => {
  it("makes an expression of any text that the index takes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), async (text) => {
        const expression = searchExpression(text, 'scope : ("a" OR "b")');
        if (expression === undefined) return;
        await test.store.read("SELECT rowid FROM transcripts_fts WHERE transcripts_fts MATCH ?", [
          expression,
        ]);
      }),
      { numRuns: 300 },
    );
  });
});
