/**
 * A mailbox: its address, how it signs in, and its two servers.
 *
 * @module
 */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { z } from "zod";
import type { CredentialValidation } from "../../contract/admin/credentials.ts";
import { codeOf, messageOf } from "../../contract/mod.ts";
import type { ChannelCredential } from "./credential.ts";

const Secret = z.string().min(1).regex(/^[^']*$/, "must not have '");
const Payload = z.object({
  address: z.string().includes("@"),
  password: Secret.optional(),
  xoauth2_token: Secret.optional(),
}).refine(
  ({ password, xoauth2_token }) => (password === undefined) !== (xoauth2_token === undefined),
  "exactly one of password and xoauth2_token is required",
);
const Server = z.object({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  tls: z.enum(["implicit_tls", "starttls", "none"]),
});
const Metadata = z.object({ imap: Server, smtp: Server, provider: z.string().optional() });
type Server = z.infer<typeof Server>;

/** See {@linkcode ChannelCredential}. */
export const emailCredential: ChannelCredential = {
  channel: "email",
  needsInstance: true,
  problemOf({ payload, metadata }) {
    const given = { payload: Payload.safeParse(payload), metadata: Metadata.safeParse(metadata) };
    for (const [name, { error }] of Object.entries(given)) {
      const [issue] = error?.issues ?? [];
      if (issue !== undefined) return `email ${[name, ...issue.path].join(".")}: ${issue.message}`;
    }
    return undefined;
  },
  place: { file: "plugins/email.yaml", path: ["email", "accounts"], secrets: [] },
  fieldsFor({ payload, metadata }) {
    const { imap, smtp, provider } = Metadata.parse(metadata);
    const { address } = Payload.parse(payload);
    return { address, imap, smtp, ...(provider === undefined ? {} : { provider }) };
  },
  async probe({ metadata }, { timeoutMs }): Promise<CredentialValidation> {
    const { imap, smtp } = Metadata.parse(metadata);
    for (const [name, server] of Object.entries({ imap, smtp })) {
      const problem = await reach(server, timeoutMs);
      if (problem !== undefined) {
        const { reason_code, detail } = problem;
        return { probed: true, healthy: false, detail: `${name}: ${detail}`, reason_code };
      }
    }
    return { probed: true, healthy: true, detail: "both servers answer", reason_code: "ok" };
  },
};

/** Connects once, with the handshake where TLS comes first. Nobody signs in. */
async function reach({ host, port, tls }: Server, timeoutMs: number) {
  const secure = tls === "implicit_tls";
  const socket: Socket = secure
    ? connectTls({ host, port, servername: host })
    : connectTcp({ host, port });
  try {
    await once(socket, secure ? "secureConnect" : "connect", {
      signal: AbortSignal.timeout(timeoutMs),
    });
    return undefined;
  } catch (error) {
    const errno = codeOfSystem(error);
    const handshake = secure && errno !== undefined &&
      /^(ERR_TLS|CERT_|DEPTH_|SELF_|UNABLE_)/.test(errno);
    return {
      reason_code: handshake ? "tls_failed" as const : "connectivity_failed" as const,
      detail: `${messageOf(error)} (${errno ?? codeOf(error)})`,
    };
  } finally {
    socket.destroy();
  }
}

function codeOfSystem(error: unknown): string | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? code : undefined;
}
