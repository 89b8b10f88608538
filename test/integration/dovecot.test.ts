/**
 * The mailbox against Dovecot, with `NEXO_DOVECOT=1`: it is fetched from Debian, so not by default.
 *
 * @module
 */
import { ImapFlow } from "imapflow";
import { describe, expect, it } from "vitest";
import { email } from "../../core/channels/email/email.ts";
import { channelDeps } from "../support/channels/deps.ts";
import { openDovecot } from "../support/channels/dovecot.ts";
import { openSmtpPeer } from "../support/channels/mail_servers.ts";
import { createWaker } from "../support/waker.ts";

const ADDRESS = "help@acme.example";
const mail = (id: string): string =>
  [
    "From: Ann <ann@example.com>",
    `To: ${ADDRESS}`,
    `Message-ID: <${id}@example.com>`,
    "Content-Type: text/plain",
    "",
    `this is ${id}`,
  ].join("\r\n");

describe.skipIf(process.env["NEXO_DOVECOT"] !== "1")("a mailbox on Dovecot", () => {
  it(
    "is read as mails come, each once, in order, across connections; none that was there before",
    async () => {
      await using dovecot = await openDovecot();
      await using smtp = await openSmtpPeer(ADDRESS);
      const sender = new ImapFlow({
        host: "127.0.0.1",
        port: dovecot.port,
        secure: false,
        doSTARTTLS: false,
        auth: { user: ADDRESS, pass: "pass" },
        logger: false,
      });
      await sender.connect();
      const arrive = (id: string) => sender.append("INBOX", mail(id));
      await arrive("old");

      const deps = await channelDeps(
        "email",
        `email:
  accounts:
    - instance: acme
      address: ${ADDRESS}
      password: pass
      imap: { host: 127.0.0.1, port: ${dovecot.port}, tls: none }
      smtp: { host: 127.0.0.1, port: ${smtp.port}, tls: none }
`,
      );
      const { wake, until } = createWaker();
      const channel = email.open({
        ...deps,
        async deliver(handoffs) {
          const outcomes = await deps.deliver(handoffs);
          wake();
          return outcomes;
        },
        memory: {
          ...deps.memory,
          async put(key, value) {
            await deps.memory.put(key, value);
            wake();
          },
        },
      });
      const read = (): string[] =>
        deps.delivered.map(({ body: { bytes } }) =>
          /this is (\w+)/.exec(Buffer.from(bytes).toString())?.[1] ?? ""
        );
      const readUntil = async (ids: readonly string[], then: () => void): Promise<void> => {
        await until(() => read().length >= ids.length);
        expect(read()).toEqual(ids);
        then();
      };
      /** Attends until `ids` are there; the connection ends then, as with a server that goes away. */
      const attendFor = async (ids: readonly string[], meanwhile: () => Promise<unknown>) => {
        const stop = new AbortController();
        const attended = channel.attend?.("acme", stop.signal).catch(() => "stopped");
        await meanwhile();
        await readUntil(ids, () => stop.abort(new Error("stop")));
        expect(await attended).toBe("stopped");
      };
      // Opened once, so that it is known what was there before.
      const first = new AbortController();
      const opened = channel.attend?.("acme", first.signal).catch(() => "stopped");
      await until(async () => await deps.memory.get("email/acme/INBOX") !== undefined);
      first.abort(new Error("stop"));
      await opened;

      await arrive("one");
      await attendFor(["one", "two", "three"], async () => {
        await arrive("two");
        await arrive("three");
      });
      await arrive("four");
      await attendFor(["one", "two", "three", "four"], () => Promise.resolve());
      expect(new Set(deps.delivered.map(({ dedupe_key }) => dedupe_key)).size).toBe(4);
      await sender.logout();
    },
    120_000,
  );
});
