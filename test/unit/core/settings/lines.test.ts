import fc from "fast-check";
import { expect, it } from "vitest";
import { linesOf } from "../../../../core/settings/lines.ts";
import { tenantOf } from "../../../../core/settings/tenant.ts";
import { settingsOf } from "../../../support/settings.ts";

it("finds what going through all agents finds", async () => {
  const name = fc.constantFrom("acme", "globex", "front", "default");
  const binding = fc.record({
    plugin: fc.constantFrom("webchat", "telegram"),
    instance: fc.option(name, { nil: undefined }),
  });
  const agent = fc.record({
    active: fc.boolean(),
    tenant_id: fc.constantFrom("acme", "globex"),
    inbound_bindings: fc.uniqueArray(binding, {
      maxLength: 4,
      selector: ({ plugin, instance = "default" }) => `${plugin}:${instance}`,
    }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(agent, { maxLength: 6 }), async (agents) => {
      const written = agents.map((each, i) => ({
        ...each,
        id: `a${i}`,
        model: { provider: "offline", model: "rules" },
      }));
      const settings = await settingsOf({ "agents.yaml": JSON.stringify({ agents: written }) });
      for (const channel of ["webchat", "telegram", "email"]) {
        const all = [...settings.agents.values()].flatMap((one) =>
          one.inbound_bindings.filter(({ plugin }) => one.active && plugin === channel)
            .map(({ instance = "default" }) => ({
              account: tenantOf(settings, one, channel, instance),
              agentId: one.id,
              instance,
            }))
        );
        expect(linesOf(settings, channel)).toEqual(all);
        for (const wanted of ["acme", "globex", "front", "default", "nobody"]) {
          expect(linesOf(settings, channel, wanted)).toEqual(
            all.filter(({ account, instance }) => account === wanted || instance === wanted),
          );
        }
      }
    }),
    { numRuns: 30 },
  );
});
