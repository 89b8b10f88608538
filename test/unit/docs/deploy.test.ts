/**
 * docs/deploy: what can be checked of it without the machines it is for.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { toolPath } from "../../support/provision.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const DEPLOY = join(ROOT, "docs/deploy");
const filesOf = (end: string): string[] => readdirSync(DEPLOY).filter((name) => name.endsWith(end));
const textOf = (name: string): string => readFileSync(join(DEPLOY, name), "utf8");
const reference = readFileSync(join(ROOT, "docs/reference/environment.md"), "utf8");

interface ComposeFile {
  readonly services: Readonly<
    Record<string, {
      readonly build?: { readonly context: string; readonly dockerfile: string };
      readonly environment?: Readonly<Record<string, string>>;
      readonly volumes?: readonly string[];
      readonly depends_on?: Readonly<Record<string, unknown>>;
    }>
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const INSTRUCTIONS = new Set(
  ("ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER VOLUME " +
    "WORKDIR").split(" "),
);

/** The instructions of a Dockerfile, each in one line. */
function instructionsOf(text: string): { word: string; rest: string }[] {
  return text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "").split("\n")
    .filter((line) => line.trim() !== "").map((line) => {
      const [, word = "", rest = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
      return { word, rest };
    });
}

/** Runs a program in a directory that goes afterwards. */
function runIn(work: (dir: string) => { status: number | null; stderr: string }) {
  const dir = mkdtempSync(join(tmpdir(), "deploy-"));
  try {
    return work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe("docs/deploy", () => {
  const natsServer = toolPath("nats-server");
  it.skipIf(natsServer === undefined)("has a NATS config that nats-server takes", () => {
    const run = runIn((dir) => {
      const config = join(dir, "nats.conf");
      writeFileSync(config, textOf("nats.conf").replaceAll("/var/lib/nats", join(dir, "data")));
      const env = { ...process.env, NATS_TOKEN: "a-token" };
      return spawnSync(natsServer ?? "", ["-t", "-c", config], { env, encoding: "utf8" });
    });
    expect(run.stderr).toContain("is valid");
    expect(run.status).toBe(0);
  });

  const analyze = toolPath("systemd-analyze");
  it.skipIf(analyze === undefined)("has units that systemd takes", () => {
    const units = filesOf(".service");
    expect(units).toHaveLength(3);
    const run = runIn((dir) => {
      // The programs are not on this machine; everything else is as it stands.
      const written = units.map((name) => {
        const unit = join(dir, name);
        writeFileSync(unit, textOf(name).replaceAll(/^(Exec\w+)=.*$/gm, "$1=/bin/true"));
        return unit;
      });
      return spawnSync(analyze ?? "", ["verify", ...written], { encoding: "utf8" });
    });
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });

  it("starts commands that exist, in units and images", () => {
    const starts = [
      ...filesOf(".service").flatMap((name) => textOf(name).match(/^Exec\w+=.*$/gm) ?? []),
      ...filesOf("Dockerfile").flatMap((name) =>
        textOf(name).match(/^(?:ENTRYPOINT|CMD) .*$/gm) ?? []
      ),
    ];
    expect(starts.length).toBeGreaterThan(7);
    const deno = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as {
      tasks: Record<string, string>;
    };
    const [, permissions = ""] = /deno run (.*) edge\/deno\.ts/.exec(deno.tasks["edge"] ?? "") ??
      [];
    for (const start of starts.filter((line) => line.includes("edge/deno.ts"))) {
      for (const flag of permissions.split(" ")) expect(start).toContain(flag);
      // Nothing that the task does not give it.
      const flags = start.match(/--allow-[a-z]+/g) ?? [];
      expect(flags.filter((flag) => !permissions.includes(flag))).toEqual([]);
    }
  });

  it.each(filesOf("Dockerfile"))(
    "builds %s of Docker's instructions, from stages that are there",
    (name) => {
      const instructions = instructionsOf(textOf(name));
      expect(instructions.map(({ word }) => word).filter((word) => !INSTRUCTIONS.has(word)))
        .toEqual([]);
      expect(instructions[0]?.word).toBe("FROM");
      const stages = new Set<string>();
      for (const { word, rest } of instructions) {
        if (word === "FROM") stages.add(/ AS (\S+)$/.exec(rest)?.[1] ?? "");
        const [, from] = /^--from=(\S+) /.exec(rest) ?? [];
        if (from !== undefined) expect(stages, rest).toContain(from);
        // A list of words is JSON, or Docker takes it for a line of the shell.
        const [list] = /\[.*\]$/.exec(rest) ?? [];
        if (list !== undefined) expect(() => JSON.parse(list) as unknown, rest).not.toThrow();
      }
    },
  );

  it("gives the edge on Deno all that it reads of the build", () => {
    const source = readFileSync(join(ROOT, "edge/deno.ts"), "utf8");
    const read = Array.from(source.matchAll(/"\.\.\/(dist\/[^"]+)"/g), ([, path]) => path ?? "");
    expect(read).not.toEqual([]);
    const copied = textOf("edge-deno.Dockerfile");
    for (const path of read) expect(copied).toContain(`COPY --from=build /src/${path} ./${path}\n`);
  });

  it("copies into images what is there, and composes what is declared", () => {
    for (const name of filesOf("Dockerfile")) {
      for (const [, paths = ""] of textOf(name).matchAll(/^COPY --from=build (.*) \S+$/gm)) {
        for (const path of paths.split(" ")) {
          const inRepository = path.replace("/src/", "");
          const isBuilt = /^(dist|node_modules)/.test(inRepository);
          expect(isBuilt || existsSync(join(ROOT, inRepository)), `${name}: ${path}`).toBe(true);
        }
      }
    }
    const { services, volumes } = parse(textOf("compose.yaml")) as ComposeFile;
    for (const [name, service] of Object.entries(services)) {
      const { build, environment = {}, volumes: used = [], depends_on = {} } = service;
      if (build !== undefined) {
        expect(resolve(DEPLOY, build.context)).toBe(ROOT);
        expect(existsSync(join(ROOT, build.dockerfile)), name).toBe(true);
      }
      for (const variable of Object.keys(environment).filter((one) => one.startsWith("NEXO_"))) {
        expect(reference).toContain(`\`${variable}\``);
      }
      for (const [volume = ""] of used.map((one) => one.split(":"))) {
        const isThere = volume.startsWith("./")
          ? existsSync(join(DEPLOY, volume))
          : volume in volumes;
        expect(isThere, volume).toBe(true);
      }
      for (const other of Object.keys(depends_on)) expect(services).toHaveProperty(other);
    }
  });
});
