/**
 * The audit page.
 *
 * @module
 */
import { plural } from "./plural.ts";

/** The texts, by where they stand. */
export const AUDIT = {
  audit: {
    intro: "Admin calls of operators and microapps: intent before, outcome after.",
    method: "Method",
    methodHint: "nexo/admin/agents/upsert",
    microapp: "Microapp",
    at: "At",
    who: "Who",
    tenant: "Tenant",
    result: "Result",
    took: "Took",
    args: "Arguments, hashed",
    emptyTitle: "No call fits these filters.",
    chains: "Hash chains",
    chainsHint:
      "Each row holds the hash of the one before. Walk all chains and see whether they hold.",
    chainsOf: (account: string) => `Walks the chains of ${account} alone, as the filter says.`,
    verify: "Verify",
    verifying: "Verifying",
    walked: (rows: string) => `${rows} rows walked`,
    perChain: "Chain by chain",
    chain: "Chain",
    rows: "Rows",
    problems: "Problems",
    ofNobody: "of no tenant",
    problemAt: (offset: number, problem: string) => `row ${offset}: ${problem}`,
    tables: { turns: "turns", admin_audit: "admin calls" } as Readonly<Record<string, string>>,
    allHold: (chains: number, rows: string) =>
      `All ${plural(chains, "chain holds", "chains hold")}, ${rows} rows.`,
    someBroken: (count: number) => `${plural(count, "chain is", "chains are")} broken.`,
  },
} as const;
