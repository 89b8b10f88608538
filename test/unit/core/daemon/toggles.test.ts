import { describe, expect, it } from "vitest";
import { switchedOffBy, TOGGLES } from "../../../../core/contract/mod.ts";
import { toggleViews } from "../../../../core/daemon/toggles.ts";
import { parseManifest } from "../../../../core/microapps/manifest.ts";

const OFF = ["0", "false", "FALSE", "off", "OFF", ""];
const switches = Object.values(TOGGLES).flatMap((toggle) => "methods" in toggle ? [toggle] : []);

describe("the switches", () => {
  it.each(switches)("$variable: what is said of it is what counts", ({ variable, methods }) => {
    const method = `${methods}list`;
    const stateOf = (env: Record<string, string>) =>
      toggleViews(env, []).find(({ env_var }) => env_var === variable)?.state;
    expect([stateOf({}), switchedOffBy({}, method)]).toEqual(["enabled", undefined]);
    for (const off of OFF) {
      expect(stateOf({ [variable]: off })).toBe("disabled");
      expect(switchedOffBy({ [variable]: off }, method)).toBe(variable);
    }
    for (const on of ["1", "true", "yes", "Off"]) {
      expect(stateOf({ [variable]: on })).toBe("enabled");
      expect(switchedOffBy({ [variable]: on }, method)).toBeUndefined();
    }
    for (const other of switches) {
      if (other.variable === variable) continue;
      expect(switchedOffBy({ [variable]: "0" }, `${other.methods}list`)).toBeUndefined();
    }
  });
});

describe("toggleViews()", () => {
  it("shows numbers with what counts, and the gates that microapps declare", () => {
    const { manifest } = parseManifest({
      agentVersion: "0.1.5",
      plugin: '[plugin]\nid = "op"\nversion = "1.0.0"\n[capabilities]\ntools = ["x"]\n' +
        '[transport]\nkind = "stdio"\ncommand = "op"\n',
      sidecar: '[plugin]\nid = "op"\n' +
        '[[plugin.capability_gates.gate]]\nextension = "op"\nenv_var = "OP_ALLOW_REVEAL"\n' +
        'kind = "Boolean"\nrisk = "Critical"\neffect = "shows secrets"\nhint = "think twice"\n' +
        '[[plugin.capability_gates.gate]]\nextension = "op"\nenv_var = "OP_COMMANDS"\n' +
        'kind = "Allowlist"\nrisk = "High"\neffect = "runs them"\n' +
        '[[plugin.capability_gates.gate]]\nextension = "op"\nenv_var = "OP_BUILT"\n' +
        'kind = "CargoFeature"\nrisk = "Low"\neffect = "built in"\n',
    });
    const env = {
      NEXO_LLM_PROBE_TIMEOUT_SECS: "never",
      OP_ALLOW_REVEAL: "YES",
      OP_COMMANDS: "a, b,",
    };
    const gates = manifest.gates.map((gate) => ({ microappId: "op", gate }));
    const views = toggleViews(env, gates);
    expect(views.find(({ env_var }) => env_var === "NEXO_LLM_PROBE_TIMEOUT_SECS")).toMatchObject({
      extension: "core",
      raw_value: "never",
      value: 5,
    });
    expect(views.slice(-3)).toEqual([
      {
        extension: "op",
        env_var: "OP_ALLOW_REVEAL",
        kind: "boolean",
        risk: "critical",
        state: "enabled",
        raw_value: "YES",
        value: true,
        items_count: null,
        effect: "shows secrets",
        hint: "think twice",
      },
      {
        extension: "op",
        env_var: "OP_COMMANDS",
        kind: "allowlist",
        risk: "high",
        state: "enabled",
        raw_value: "a, b,",
        value: true,
        items_count: 2,
        effect: "runs them",
        hint: null,
      },
      {
        extension: "op",
        env_var: "OP_BUILT",
        kind: "cargo_feature",
        risk: "low",
        state: "unknown",
        raw_value: null,
        value: null,
        items_count: null,
        effect: "built in",
        hint: null,
      },
    ]);
  });
});
