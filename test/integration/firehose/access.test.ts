import { createHmac, generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { events, follow, noted, numbersIn, openPlace, type Place } from "./support.ts";

const refusal = (place: Place, token: string | undefined, query = ""): Promise<string> =>
  follow(place, token, query).then(() => "accepted", (error: Error) => error.message);

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function ticketOf(place: Place, token: string): Promise<string> {
  const response = await fetch(place.url("/session"), { method: "POST", ...bearer(token) });
  expect(response.status).toBe(201);
  const { ticket, expires_at_ms } = await response.json() as {
    ticket: string;
    expires_at_ms: number;
  };
  expect(expires_at_ms).toBeGreaterThan(Date.now());
  return ticket;
}

describe("who may follow", () => {
  it("refuses tokens that are missing, garbled, expired, forged or for something else", async () => {
    await using place = await openPlace();
    const good = await place.token({ accountId: "acme" });
    const [head, body, signature] = good.split(".");
    const claims = JSON.parse(Buffer.from(body ?? "", "base64url").toString());
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const { privateKey } = generateKeyPairSync("ed25519");
    const kid = place.vault.publicJwk().kid ?? "";
    const foreign = await new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", kid }).sign(
      privateKey,
    );
    const hmacHead = encode({ alg: "HS256", kid });
    const hmac = createHmac("sha256", place.vault.publicJwk().x ?? "").update(
      `${hmacHead}.${body}`,
    );
    const bad = {
      missing: undefined,
      garbled: "x.y.z",
      "with another tenant": `${head}.${encode({ ...claims, account_id: "globex" })}.${signature}`,
      "of a foreign key": foreign,
      unsigned: `${encode({ alg: "none", kid })}.${body}.`,
      "signed with the public key": `${hmacHead}.${body}.${hmac.digest("base64url")}`,
      expired: await place.token({ accountId: "acme", ttlMs: 1 }),
      "for edges": await place.token({ scope: ["edge"] }),
    };
    // Expiry is in whole seconds.
    const { exp } = JSON.parse(
      Buffer.from(bad.expired.split(".")[1] ?? "", "base64url").toString(),
    ) as { exp: number };
    await expect.poll(() => Date.now() >= exp * 1000).toBe(true);
    for (const [what, token] of Object.entries(bad)) {
      expect(`${what}: ${await refusal(place, token)}`).toBe(`${what}: 401`);
    }
    expect(await refusal(place, good)).toBe("accepted");
  });

  it("takes the token from Authorization, a subprotocol or a ticket, and answers with no token", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const bySubprotocol = await follow(place, token);
    expect(bySubprotocol.socket.protocol).toBe("nexo.firehose");
    const byTicket = await follow(place, undefined, `?token=${await ticketOf(place, token)}`);
    await place.core().put("acme", noted("ana", 1));
    for (const follower of [bySubprotocol, byTicket]) await follower.until(events(1));
    const response = await fetch(place.url("/firehose/sse"), bearer(token));
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it("K7: takes a ticket once, and a token in the URL never", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const ticket = await ticketOf(place, token);
    expect(await refusal(place, undefined, `?token=${ticket}`)).toBe("accepted");
    expect(await refusal(place, undefined, `?token=${ticket}`)).toBe("401");
    expect(await refusal(place, undefined, `?token=${token}`)).toBe("401");
    expect(await refusal(place, undefined, "?token=")).toBe("401");
  });

  it("gives no ticket for a bad token", async () => {
    await using place = await openPlace();
    expect((await fetch(place.url("/session"), { method: "POST" })).status).toBe(401);
    const revoked = await place.token({ accountId: "acme" });
    place.revokeAtCore(revoked);
    const refused = await fetch(place.url("/session"), { method: "POST", ...bearer(revoked) });
    expect(refused.status).toBe(401);
  });

  it("never tells one tenant of another, whatever the query says", async () => {
    await using place = await openPlace();
    await place.core().put("globex", noted("secret-agent", 1), noted("secret-agent", 2));
    await place.core().put("acme", noted("ana", 3));
    const token = await place.token({ accountId: "acme", scope: ["tenant"] });
    const queries = [
      "?since=0",
      "?since=0&account_id=globex",
      "?since=0&account_id=acme,globex",
      "?since=0&account_id=*",
      "?since=0&agent_id=secret-agent",
      "?account_id=globex",
    ];
    const followers = await Promise.all(queries.map((query) => follow(place, token, query)));
    await place.core().put("globex", noted("secret-agent", 4));
    await place.core().put("acme", noted("ana", 5));
    await Promise.all([
      followers[0]?.until(events(2)),
      followers[2]?.until(events(2)),
    ]);
    await place.edge()[Symbol.asyncDispose]();
    await Promise.all(followers.map(({ closed }) => closed));
    const counts = followers.map(({ frames }) => numbersIn(frames));
    expect(counts).toEqual([[3, 5], [], [3, 5], [], [], []]);
    expect(followers.flatMap(({ texts }) => texts).join()).not.toMatch(/globex|secret/);
  });

  it("cuts a connection when its token is taken back, and lets nobody in with it", async () => {
    await using place = await openPlace();
    const [bad, good] = [
      await place.token({ accountId: "acme" }),
      await place.token({ accountId: "acme" }),
    ];
    const [cut, kept] = [await follow(place, bad), await follow(place, good)];
    place.pushRevoked(bad);
    expect(await cut.closed).toBe(4001);
    expect(cut.frames.at(-1)).toMatchObject({ type: "error", code: "token_invalid" });
    expect(await refusal(place, bad)).toBe("401");
    await place.core().put("acme", noted("ana", 1));
    await kept.until(events(1));
  });

  it("asks core, too: a token that only core knows to be taken back reads no history", async () => {
    await using place = await openPlace();
    await place.core().put("acme", noted("ana", 1));
    const [bad, good] = [
      await place.token({ accountId: "acme" }),
      await place.token({ accountId: "acme" }),
    ];
    place.revokeAtCore(bad);
    const kept = await follow(place, good, "?since=0");
    await kept.until(events(1));
    // The stream is known by now, so the edge lets it in by itself.
    const cut = await follow(place, bad, "?since=0");
    expect(await cut.closed).toBe(4001);
    expect(numbersIn(cut.frames)).toEqual([]);
  });

  it("cuts a connection when its token expires", async () => {
    await using place = await openPlace();
    const follower = await follow(place, await place.token({ accountId: "acme", ttlMs: 3000 }));
    expect(await follower.closed).toBe(4001);
    expect(follower.frames.at(-1)).toMatchObject({ message: "The token expired" });
  });

  it("refuses what is no filter or cursor, and says which", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    for (const query of ["kind=nonsense", "since=yesterday", "since=e.-1", "agent_id="]) {
      const response = await fetch(place.url(`/firehose/sse?${query}`), bearer(token));
      expect(response.status).toBe(400);
      const { error } = await response.json() as { error: { message: string } };
      expect(error.message).toContain(query.split("=")[0]);
    }
  });

  it("has room for so many clients of one tenant, and for others beside them", async () => {
    await using place = await openPlace({ firehose: { limits: { maxClients: 2 } } });
    const [acme, globex] = [
      await place.token({ accountId: "acme" }),
      await place.token({ accountId: "globex" }),
    ];
    const first = await follow(place, acme);
    await follow(place, acme);
    expect(await refusal(place, acme)).toBe("429");
    const sse = await fetch(place.url("/firehose/sse"), bearer(acme));
    expect([sse.status, sse.headers.get("retry-after")]).toEqual([429, "5"]);
    expect(await sse.json()).toMatchObject({ error: { code: "firehose_full" } });
    expect(await refusal(place, globex)).toBe("accepted");
    await first.close();
    await expect.poll(() => refusal(place, acme)).toBe("accepted");
  });

  it("answers 503 while core is away", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    await place.core()[Symbol.asyncDispose]();
    const response = await fetch(place.url("/firehose/sse"), bearer(token));
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    await place.restartCore();
    expect(await refusal(place, token)).toBe("accepted");
  });
});
