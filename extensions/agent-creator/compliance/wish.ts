/**
 * What somebody said about being written to, when a colleague heard it.
 *
 * @module
 */
import type { Contact } from "../store/consents.ts";
import type { TenantStore } from "../store/tenant_stores.ts";

/** Records it, once however often it is told; who opted out leaves every campaign. */
export async function recordWish(
  { consents, leads }: Pick<TenantStore, "consents" | "leads">,
  who: Contact,
  status: "opted_in" | "opted_out",
): Promise<void> {
  if (await consents.statusOf(who) !== status) await consents.record(who, status, "operator");
  if (status === "opted_out") await leads.heard(who, "opt_out");
}
