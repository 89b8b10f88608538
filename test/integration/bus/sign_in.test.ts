/**
 * Signing in to a real nats-server in every way the driver knows, and failing to.
 *
 * @module
 */
import { nkeys } from "nats.ws";
import { describe, expect, it } from "vitest";
import { openNatsBus } from "../../../core/bus/nats.ts";
import type { NatsAuth } from "../../../core/bus/nats_address.ts";
import { createLogWatch } from "../../support/log_watch.ts";
import {
  hasNatsServer,
  type NatsServer,
  type NatsServerAuth,
  startNatsServer,
} from "../../support/nats_server.ts";

const none = new Uint8Array();

function connect(url: string, auth?: NatsAuth) {
  const log = createLogWatch();
  return openNatsBus({ url, auth, name: "test", now: Date.now, log, jetStream: false });
}

async function expectWorks(url: string, auth?: NatsAuth): Promise<void> {
  await using bus = await connect(url, auth);
  bus.respond("echo", {}, ({ data }) => Promise.resolve(data));
  await bus.request("echo", none);
}

async function expectRefused(server: NatsServer, auth?: NatsAuth): Promise<void> {
  await expect(connect(server.url, auth)).rejects.toMatchObject({
    name: "CodedError",
    code: "bus_unauthorized",
    message: expect.stringContaining(server.url) as string,
  });
}

const seedOf = (pair: { getSeed(): Uint8Array }) => new TextDecoder().decode(pair.getSeed());

/** A signed claim of nats-server's own JWT dialect. */
function claim(issuer: ReturnType<typeof nkeys.createUser>, subject: string, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    jti: subject,
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    sub: subject,
    nats: { version: 2, ...nats },
  };
  const signed = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part(claims)}`;
  const signature = issuer.sign(new TextEncoder().encode(signed));
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

describe.skipIf(!hasNatsServer())("signing in to a nats-server", () => {
  const wrongSeed = seedOf(nkeys.createUser());

  it("takes a token, from the options or from the URL", async () => {
    await using server = await startNatsServer({ auth: { token: "s3cret" } });
    await expectWorks(server.url, { token: "s3cret" });
    await expectWorks(server.url.replace("ws://", "ws://s3cret@"));
    for (const auth of [undefined, { token: "other" }, { user: "a", pass: "s3cret" }]) {
      await expectRefused(server, auth);
    }
  });

  it("takes a user and password, from the options or from the URL", async () => {
    await using server = await startNatsServer({ auth: { user: "edge", pass: "p@ss" } });
    await expectWorks(server.url, { user: "edge", pass: "p@ss" });
    await expectWorks(server.url.replace("ws://", "ws://edge:p%40ss@"));
    for (const auth of [undefined, { user: "edge", pass: "pass" }, { nkeySeed: wrongSeed }]) {
      await expectRefused(server, auth);
    }
  });

  it("takes the seed of an nkey", async () => {
    const user = nkeys.createUser();
    await using server = await startNatsServer({ auth: { nkey: user.getPublicKey() } });
    await expectWorks(server.url, { nkeySeed: `${seedOf(user)}\n` });
    for (const auth of [undefined, { nkeySeed: wrongSeed }]) await expectRefused(server, auth);
  });

  it("takes a creds file", async () => {
    const [operator, account, user] = [
      nkeys.createOperator(),
      nkeys.createAccount(),
      nkeys.createUser(),
    ];
    const auth: NatsServerAuth = {
      operatorJwt: claim(operator, operator.getPublicKey(), { type: "operator" }),
      accountId: account.getPublicKey(),
      accountJwt: claim(operator, account.getPublicKey(), {
        type: "account",
        limits: { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 },
      }),
    };
    const limits = { subs: -1, data: -1, payload: -1 };
    const jwt = claim(account, user.getPublicKey(), { type: "user", ...limits });
    const creds = (seed: string) =>
      [
        "-----BEGIN NATS USER JWT-----",
        jwt,
        "------END NATS USER JWT------",
        "",
        "-----BEGIN USER NKEY SEED-----",
        seed,
        "------END USER NKEY SEED------",
        "",
      ].join("\n");
    await using server = await startNatsServer({ auth });
    await expectWorks(server.url, { creds: creds(seedOf(user)) });
    await expectRefused(server, { creds: creds(wrongSeed) });
    await expectRefused(server);
  });

  it("says at once when a seed or creds file cannot be read, without showing it", async () => {
    await using server = await startNatsServer();
    for (const auth of [{ nkeySeed: "SUAHIDDEN" }, { creds: "HIDDEN" }, { creds: "" }]) {
      const error = await connect(server.url, auth).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "bus_unauthorized" });
      expect(String(error)).toContain("cannot be read");
      expect(String(error)).not.toContain("HIDDEN");
    }
  });

  it("takes no URL but that of a WebSocket, and shows no secret of it", async () => {
    for (const url of ["nats://me:hidden@127.0.0.1:4222", "127.0.0.1:4222", "hidden", ""]) {
      const error = await connect(url).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "config_invalid" });
      expect(String(error)).not.toContain("hidden");
    }
    const down = await connect("ws://me:hidden@127.0.0.1:1").catch((thrown: unknown) => thrown);
    expect(down).toMatchObject({ code: "bus_unreachable" });
    expect(String(down)).not.toContain("hidden");
  });
});
