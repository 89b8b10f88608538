/**
 * Mail servers on this machine: SMTP that takes what it is given, IMAP over a mailbox in memory.
 *
 * @module
 */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import hoodiecrow from "hoodiecrow-imap";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer } from "smtp-server";

/** How a server refuses: a code and its words, or `null` for a connection that breaks. */
export type SmtpRefusal = { readonly code: number; readonly text: string } | null;

/** A mail as a server got it, once for each whom it is for. */
export interface SentMail {
  readonly to: string;
  readonly mail: Email;
}

/** A running SMTP server. */
export interface SmtpPeer extends AsyncDisposable {
  readonly port: number;
  readonly mails: SentMail[];
  /** Refuses whoever signs in, or what is sent; undefined takes everything again. */
  readonly refuse: (how: SmtpRefusal | undefined, at?: "auth" | "mail") => void;
}

/** Starts an SMTP server whose only user is `user` with the password `pass`. */
export async function openSmtpPeer(
  user: string,
  onMail: (sent: SentMail) => void = () => {},
): Promise<SmtpPeer> {
  let refusal: { how: SmtpRefusal; at: "auth" | "mail" } | undefined;
  const mails: SentMail[] = [];
  const refused = (): Error =>
    Object.assign(new Error(refusal?.how?.text ?? ""), { responseCode: refusal?.how?.code });
  const server = new SMTPServer({
    authMethods: ["PLAIN", "LOGIN"],
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    onAuth({ username, password }, _session, done) {
      if (refusal?.at === "auth") return done(refused());
      if (username !== user || password !== "pass") return done(new Error("wrong password"));
      done(null, { user: username });
    },
    onRcptTo(_address, session, done) {
      if (refusal?.at !== "mail") return done();
      if (refusal.how !== null) return done(refused());
      // smtp-server keeps its sockets to itself.
      for (const connection of server.connections as Set<{ id: string; _socket: Socket }>) {
        if (connection.id === session.id) connection._socket.destroy();
      }
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        void PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
          for (const { address } of session.envelope.rcptTo) {
            mails.push({ to: address, mail });
            onMail({ to: address, mail });
          }
          // oxlint-disable-next-line promise/no-callback-in-promise -- the form this library asks for
          done();
        }, done);
      });
    },
  });
  server.on("error", () => {}); // connections the other side ends
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    refuse: (how, at = "mail") => void (refusal = how === undefined ? undefined : { how, at }),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

type Socket = { destroy: () => void };

/** A running IMAP server with one mailbox. */
export interface ImapPeer extends AsyncDisposable {
  readonly port: number;
  /** A mail arrives; whoever waits for news is told. */
  readonly receive: (raw: string) => void;
  /** Resolves when somebody has read the mailbox and waits for news. */
  readonly watched: Promise<void>;
}

/** Starts an IMAP server whose only user is `user` with the password `pass`; `mails` are there already. */
export async function openImapPeer(
  user: string,
  mails: readonly string[] = [],
): Promise<ImapPeer> {
  const server = hoodiecrow({
    plugins: ["ID", "SASL-IR", "AUTH-PLAIN", "IDLE", "LITERALPLUS", "UNSELECT"],
    storage: { INBOX: { messages: mails.map((raw) => ({ raw })) } },
    users: { [user]: { password: "pass" } },
    secureConnection: false,
  });
  // The server wraps the one that listens.
  const listening = server.server as Server;
  const sockets = new Set<Socket>();
  let watch: () => void = () => {};
  const watched = new Promise<void>((resolve) => (watch = resolve));
  listening.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("data", (sent: Buffer) => {
      if (/^\w+ IDLE\r\n/im.test(sent.toString())) watch();
    });
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  if (!listening.listening) await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    watched,
    receive(raw) {
      server.appendMessage("INBOX", [], false, raw);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
