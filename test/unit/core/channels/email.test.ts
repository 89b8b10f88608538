import { describe, expect, it, vi } from "vitest";
import { email } from "../../../../core/channels/email/email.ts";
import { contactOf } from "../../../../core/channels/email/hear.ts";
import { textOfHtml } from "../../../../core/channels/email/mime.ts";
import type { ChannelDeps } from "../../../../core/channels/kind.ts";
import type { Envelope, Handoff, OutboundBody } from "../../../../core/contract/mod.ts";
import { type Arrived, channelSuite, type ChannelTrial } from "../../../suites/channel.ts";
import { channelDeps } from "../../../support/channels/deps.ts";
import { openHttpPeer } from "../../../support/channels/http_peer.ts";
import {
  openImapPeer,
  openSmtpPeer,
  type SmtpRefusal,
} from "../../../support/channels/mail_servers.ts";

const OUR_ID = "00000000-0000-7000-8000-000000000001";
const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const never = new AbortController().signal;

/** A mail of Ann's; `null` leaves a header out. */
function mail(headers: Record<string, string | null> = {}, body = "hello"): string {
  const all = {
    From: "Ann Lee <Ann@example.com>",
    To: "help@acme.example",
    Date: "Tue, 14 Nov 2023 22:13:20 +0000",
    "Message-ID": "<m1@example.com>",
    "Content-Type": "text/plain; charset=utf-8",
    ...headers,
  };
  const head = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}`]
  );
  return [...head, "", body].join("\r\n");
}

const WITH_FILE = mail(
  { "Content-Type": 'multipart/mixed; boundary="b"' },
  [
    "--b",
    "Content-Type: text/plain",
    "",
    "hello",
    "--b",
    'Content-Type: image/png; name="cat.png"',
    'Content-Disposition: attachment; filename="cat.png"',
    "Content-Transfer-Encoding: base64",
    "",
    PNG.toString("base64"),
    "--b--",
  ].join("\r\n"),
);

const REPORT = mail(
  {
    From: "Mail Delivery System <MAILER-DAEMON@mx.example.com>",
    "Return-Path": "<>",
    "Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"',
  },
  [
    "--b",
    "Content-Type: text/plain",
    "",
    "I am sorry to inform you.",
    "--b",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; mx.example.com",
    "",
    "Final-Recipient: rfc822; ann@example.com",
    "Action: failed",
    "Status: 5.1.1",
    "Diagnostic-Code: smtp; 550 5.1.1 no such user",
    "--b",
    "Content-Type: text/rfc822-headers",
    "",
    `Message-ID: <${OUR_ID}@acme.example>`,
    "Subject: Re: order",
    "--b--",
  ].join("\r\n"),
);

const raw = (text: string) => ({ raw_base64: Buffer.from(text).toString("base64") });

async function open(more = "", over: Partial<ChannelDeps> = {}) {
  const smtp = await openSmtpPeer("help@acme.example");
  const deps = await channelDeps(
    "email",
    `email:
  accounts:
    - instance: acme
      address: help@acme.example
      display_name: ACME help
      password: pass
      smtp: { host: 127.0.0.1, port: ${smtp.port}, tls: none }
      ${more}
`,
    over,
  );
  const channel = email.open(deps);
  return {
    deps,
    smtp,
    channel,
    hear: async (text: string) => channel.hear?.(envelopeOf(raw(text)), "acme"),
    send: (body: OutboundBody, contact: string) =>
      channel.send({
        id: OUR_ID,
        account_id: "acme",
        agent_id: "ana",
        session_id: "s",
        channel: "email",
        instance: "acme",
        contact,
        turn_id: null,
        body,
        expires_at_ms: Date.now() + 1000,
      }, { signal: never }),
    [Symbol.asyncDispose]: () => smtp[Symbol.asyncDispose](),
  };
}

function envelopeOf(body: unknown): Envelope {
  return {
    schema: 1,
    source_id: "email:acme",
    event_kind: "message/rfc822",
    body_json: body,
    headers_subset: {},
    received_at_ms: 1_700_000_000_000,
    envelope_id: OUR_ID,
    client_ip: null,
  };
}

channelSuite("email", async (): Promise<ChannelTrial> => {
  const { smtp, channel, [Symbol.asyncDispose]: close } = await open();
  const files = await openHttpPeer(() => ({ body: PNG }));
  const refusals: Record<string, [SmtpRefusal, "auth" | "mail"]> = {
    busy: [{ code: 451, text: "try again later" }, "mail"],
    auth: [{ code: 535, text: "no" }, "auth"],
    permanent: [{ code: 550, text: "no such user" }, "mail"],
    silent: [null, "mail"],
  };
  return {
    channel,
    instance: "acme",
    contact: "ann@example.com",
    address: "ann@example.com",
    sender: "ann@example.com",
    receiptFor: OUR_ID,
    quotes: false,
    file: `${files.url}/cat.png`,
    never: ["limited"],
    events: {
      text: raw(mail()),
      media: raw(WITH_FILE),
      reply: raw(mail({ "In-Reply-To": "<m0@example.com>", References: "<m0@example.com>" })),
      receipt: raw(REPORT),
    },
    arrived: () =>
      smtp.mails.map(({ to, mail: got }): Arrived => ({
        to,
        thread: null,
        text: (got.text ?? "").replace(/\n$/, ""),
        quotes: null,
        url: got.attachments.length > 0 ? `${files.url}/${got.attachments[0]?.filename}` : null,
      })),
    refuse: (how) => {
      const [refusal, at] = how === undefined ? [undefined, undefined] : refusals[how] ?? [];
      smtp.refuse(refusal, at);
    },
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]();
      await close();
    },
  };
});

describe("a mailbox", () => {
  const text = (to: OutboundBody["to"] = null): OutboundBody => ({
    kind: "text",
    text: "we will look",
    to,
    reply_to_msg_id: null,
  });

  it("makes a conversation of a thread, which its answers keep whole", async () => {
    await using box = await open();
    const first = (await box.hear(mail({ Subject: "My order", "Reply-To": "ann@home.example" })))
      ?.messages[0];
    expect(first).toMatchObject({
      contact: "ann@example.com <m1@example.com>",
      parts: [{ kind: "text", text: "Subject: My order\n\nhello" }],
      sender: { id: "ann@example.com", name: "Ann Lee" },
      replyAddress: { to: "ann@home.example", thread: "<m1@example.com>" },
    });
    await box.send(text(first?.replyAddress ?? null), first?.contact ?? "");
    const [answer] = box.smtp.mails;
    expect(answer).toMatchObject({
      to: "ann@home.example",
      mail: {
        subject: "Re: My order",
        messageId: `<${OUR_ID}@acme.example>`,
        inReplyTo: "<m1@example.com>",
        references: "<m1@example.com>",
        from: { address: "help@acme.example", name: "ACME help" },
      },
    });
    // What she answers to that is the same conversation, and says nothing of its subject again.
    const next = (await box.hear(mail({
      Subject: "Re: My order",
      "Message-ID": "<m2@example.com>",
      "In-Reply-To": `<${OUR_ID}@acme.example>`,
      References: `<m1@example.com> <${OUR_ID}@acme.example>`,
    })))?.messages[0];
    expect(next).toMatchObject({ contact: first?.contact, parts: [{ text: "hello" }] });
  });

  it("lets nobody into a thread who only knows an id of it", async () => {
    await using box = await open();
    const thread = { References: "<m1@example.com>" };
    const [ann] = (await box.hear(mail(thread)))?.messages ?? [];
    const [eve] = (await box.hear(mail({ ...thread, From: "eve@example.com" })))?.messages ?? [];
    expect(eve?.contact).not.toBe(ann?.contact);
    expect(contactOf("a@b", `<${"x".repeat(300)}>`).length).toBeLessThan(200);
  });

  it("reads pages as words, and cuts what is too long", async () => {
    await using box = await open();
    const html =
      "<style>p{}</style><p>Hello&nbsp;<b>you</b> &amp; me</p><script>x()</script>2 &lt; 3";
    const [message] = (await box.hear(mail({ "Content-Type": "text/html" }, html)))?.messages ?? [];
    expect(message?.parts).toEqual([{ kind: "text", text: "Hello you & me\n2 < 3" }]);
    const [long] = (await box.hear(mail({}, "é".repeat(40_000))))?.messages ?? [];
    expect(long?.parts[0]).toMatchObject({
      text: expect.stringMatching(/^é{16384} \[…\]$/) as unknown,
    });
    expect(textOfHtml("<p>unclosed <!-- never")).toBe("unclosed");
  });

  it.each([
    ["an answering machine", { "Auto-Submitted": "auto-replied" }],
    ["a list", { "List-Id": "<news.example.com>" }],
    ["a newsletter", { "List-Unsubscribe": "<mailto:no@example.com>" }],
    ["bulk", { Precedence: "bulk" }],
    ["nobody", { "Return-Path": "<>" }],
    ["itself", { From: "Help@acme.example" }],
    ["somebody without an address", { From: "undisclosed" }],
  ])("does not answer %s", async (_who, headers) => {
    await using box = await open();
    expect((await box.hear(mail(headers)))?.messages).toEqual([]);
  });

  it("hears only whom its filters let in", async () => {
    await using box = await open(
      'filters: { from_allowlist: ["@example.com"], from_denylist: ["eve@example.com"] }',
    );
    const from = async (address: string) =>
      (await box.hear(mail({ From: address })))?.messages.length;
    expect(await from("ann@example.com")).toBe(1);
    expect(await from("eve@example.com")).toBe(0);
    expect(await from("ann@evil-example.com")).toBe(0);
  });

  it("finds the mail that came back by its own id", async () => {
    await using box = await open();
    expect(await box.hear(REPORT)).toMatchObject({
      messages: [],
      receipts: [{
        outboundId: OUR_ID,
        status: "failed",
        reason: "smtp; 550 5.1.1 no such user",
      }],
    });
    expect(await box.hear(REPORT.replace("Action: failed", "Action: delayed"))).toMatchObject({
      messages: [],
      receipts: [],
    });
  });

  it("gives a mail's file from where the mail is kept", async () => {
    const kept = envelopeOf(raw(WITH_FILE));
    await using box = await open("", { envelopeOf: () => Promise.resolve(kept) });
    const [message] = (await box.hear(WITH_FILE))?.messages ?? [];
    const file = message?.parts.find((part) => part.kind === "media");
    const ref = file?.kind === "media" ? file.ref : "";
    const fetched = await box.channel.fetchPart?.(ref, "acme", { signal: never });
    expect(fetched).toMatchObject({ mime: "image/png" });
    expect(Buffer.from(fetched?.bytes ?? []).equals(PNG)).toBe(true);
    await expect(box.channel.fetchPart?.(ref, "globex", { signal: never })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("reads what arrives by IMAP, in order, each once, and nothing that was there before", async () => {
    await using imap = await openImapPeer("help@acme.example", [
      mail({ "Message-ID": "<old@example.com>" }),
    ]);
    const kept: string[] = [];
    let refuseFrom = Infinity;
    const deliver = (handoffs: readonly Handoff[]) => {
      if (kept.length >= refuseFrom) {
        const refused = { kind: "refused" as const, code: "store_full", retryable: true };
        return Promise.resolve(handoffs.map(() => refused));
      }
      for (const { body: { bytes }, dedupe_key } of handoffs) {
        const id = /Message-ID: (\S+)/.exec(Buffer.from(bytes).toString())?.[1];
        kept.push(`${id} ${dedupe_key.split("/").at(-1)}`);
      }
      return Promise.resolve(handoffs.map(({ envelope: { envelope_id } }) => ({
        kind: "accepted" as const,
        envelope_id,
      })));
    };
    await using box = await open(`imap: { host: 127.0.0.1, port: ${imap.port}, tls: none }`, {
      deliver,
    });
    const arrive = (id: string): void => imap.receive(mail({ "Message-ID": `<${id}>` }));
    const attend = (signal: AbortSignal) => box.channel.attend?.("acme", signal);
    const eventually = (ids: readonly string[]) =>
      vi.waitFor(() => expect(kept.map((one) => one.split(" ")[0])).toEqual(ids), {
        timeout: 20_000,
      });

    const first = new AbortController();
    const reading = attend(first.signal);
    await vi.waitFor(
      async () => expect(await box.deps.memory.get("email/acme/INBOX")).toBeDefined(),
      { timeout: 20_000 },
    );
    arrive("a");
    arrive("b");
    await eventually(["<a>", "<b>"]);
    // What cannot be kept now is asked for again.
    refuseFrom = 2;
    arrive("c");
    expect(await reading).toMatchObject({ kind: "failed" });
    refuseFrom = Infinity;
    arrive("d");
    const second = new AbortController();
    const again = attend(second.signal);
    await eventually(["<a>", "<b>", "<c>", "<d>"]);
    second.abort();
    await expect(again).rejects.toThrow();
    expect(new Set(kept.map((one) => one.split(" ")[1])).size).toBe(4);
  });
});
