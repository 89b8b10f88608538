import { describe, expect, it } from "vitest";
import { callerOf } from "../../../../core/daemon/microapp_grants.ts";
import { settingsOf } from "../../../support/settings.ts";

const settings = await settingsOf({
  "agents.yaml":
    "agents:\n  - { id: ana, tenant_id: acme, model: { provider: offline, model: rules } }\n",
  "extensions.yaml": `extensions:
  search_paths: []
  entries:
    shop: { capabilities_grant: [credentials_crud] }
    pinned: { tenant_id: acme, capabilities_grant: [credentials_crud] }
    all: { capabilities_grant: [audit_read] }
`,
});
const grantOf = (id: string, served: string[], capability: string) => {
  const caller = callerOf(settings, id, () => served);
  return caller.kind === "microapp" ? caller.grant(capability) : undefined;
};

describe("callerOf()", () => {
  it("gives whoever registered a tenant's credential that tenant's sends and audit, and no more", () => {
    expect(grantOf("shop", ["acme"], "dispatch_outbound")).toEqual(["acme"]);
    expect(grantOf("shop", ["acme", "globex"], "audit_read")).toEqual(["acme", "globex"]);
    expect(grantOf("shop", [], "audit_read")).toBeUndefined();
    expect(grantOf("shop", ["acme"], "transcripts_read")).toBeUndefined();
    expect(grantOf("shop", ["acme"], "credentials_crud")).toBe("all");
  });

  it("keeps a microapp of one tenant within it, and a grant for all as it is", () => {
    expect(grantOf("pinned", ["acme", "globex"], "audit_read")).toEqual(["acme"]);
    expect(grantOf("pinned", ["globex"], "audit_read")).toBeUndefined();
    expect(grantOf("all", ["acme"], "audit_read")).toBe("all");
  });
});
