/**
 * Asking a provider's HTTP API whose a credential is.
 *
 * @module
 */
import type { CredentialValidation } from "../../contract/admin/credentials.ts";
import { messageOf } from "../../contract/mod.ts";
import type { ProbeDeps } from "./credential.ts";

/** One question to a provider. */
export interface Question {
  /** As people call the provider. */
  readonly provider: string;
  readonly url: string;
  readonly init?: RequestInit;
  /** What no answer of ours may show. */
  readonly secret: string;
  /** Whose the credential is, from the answer's JSON; undefined when the provider does not know it. */
  readonly whose: (answer: unknown) => string | undefined;
}

/** Statuses by which providers say that they do not know the credential. */
const UNKNOWN = new Set([400, 401, 403, 404]);

/** Asks once. Failing to reach the provider is an answer, too. */
export async function askProvider(
  { provider, url, init, secret, whose }: Question,
  { fetch, timeoutMs }: Pick<ProbeDeps, "fetch" | "timeoutMs">,
): Promise<CredentialValidation> {
  const failed = (
    reason_code: "auth_failed" | "connectivity_failed",
    detail: string,
  ): CredentialValidation => ({
    probed: true,
    healthy: false,
    detail: detail.replaceAll(secret, "[token]"),
    reason_code,
  });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { ...init, signal, redirect: "error" });
    if (!response.ok) {
      const reason = UNKNOWN.has(response.status) ? "auth_failed" : "connectivity_failed";
      return failed(reason, `${provider} answered ${response.status}`);
    }
    const name = whose(await response.json());
    if (name === undefined) return failed("auth_failed", `${provider} does not know the token`);
    return { probed: true, healthy: true, detail: `authenticated as ${name}`, reason_code: "ok" };
  } catch (error) {
    return failed("connectivity_failed", messageOf(error));
  }
}
