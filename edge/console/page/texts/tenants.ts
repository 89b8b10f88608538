/**
 * Tenants: the list, the page of one, and its chart.
 *
 * @module
 */

/** The texts, by where they stand. */
export const TENANTS = {
  tenants: {
    intro: "Customers, what they use, and what is left of their budgets.",
    find: "Name or id",
    tenant: "Tenant",
    state: "State",
    agents: "Agents of its own",
    sharedAgents: "none; those without a tenant answer for it",
    today: "Tokens today",
    month: "Tokens this month",
    cost: "Cost this month",
    budget: "Fullest budget",
    noBudget: "no budget",
    used: (part: string, budget: string) => `${part} of ${budget}`,
    usedOf: (used: string, limit: string) => `${used} of ${limit}`,
    resets: (when: string) => `starts anew ${when}`,
    budgets: {
      tokens_per_day: "tokens a day",
      tokens_per_month: "tokens a month",
      usd_per_day: "US dollars a day",
      usd_per_month: "US dollars a month",
    } as Readonly<Record<string, string>>,
    back: "All tenants",
    more: "More of this tenant",
    unknown: (account: string) => `There is no tenant ${account}.`,
    usage: "Usage",
    tokensPerDay: "Tokens a day",
    costPerDay: "Cost a day",
    tokensIn: "Tokens in",
    tokensOut: "Tokens out",
    budgetsTitle: "Budgets",
    noBudgets: "None is set, so nothing is refused. Budgets are in tenants.yaml, or nexo tenants.",
    models: "Models in these 30 days",
    model: "Model",
    calls: "Calls",
    failedCalls: "Failed",
    modelCost: "Cost",
    noneFit: "No tenant fits this.",
    emptyTitle: "No tenants",
    empty: "Without tenants everything belongs to the tenant default. Make one:",
    emptyCommand: "npx nexo tenants --help",
  },
  chart: {
    summary: (label: string, total: string) => `${label}: ${total} in all`,
    limit: (limit: string) => `budget ${limit}`,
    nothing: "Nothing in these days.",
    asTable: "As a table",
    day: "Day",
  },
} as const;
