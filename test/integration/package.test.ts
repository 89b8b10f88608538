/**
 * The packed tarball in an empty directory, with only its own files and the packages it names.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const MAX_TARBALL_BYTES = 3_000_000;
const READY_MS = 60_000;
const run = promisify(execFile);

interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

describe("the package", () => {
  let dir: string;
  let tarball: string;
  let installed: string;
  let about: PackageJson;
  const env = (): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    HOME: join(dir, "home"),
    NEXO_PORT: "0",
  });
  const nexo = async (...args: string[]): Promise<string> => {
    const main = join(installed, "dist/core/main.js");
    return (await run(process.execPath, [main, ...args], { cwd: dir, env: env() })).stdout;
  };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "package-"));
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", dir];
    const { stdout } = await run("npm", pack, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
    const [{ filename = "" } = {}] = JSON.parse(stdout) as { filename?: string }[];
    tarball = join(dir, filename);
    installed = join(dir, "node_modules/nexo-microapps");
    mkdirSync(installed, { recursive: true });
    mkdirSync(join(dir, "home"));
    await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
    about = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as PackageJson;
    // What it does not name, it does not find: a development package that slipped in fails here.
    for (const name of Object.keys(about.dependencies)) {
      const link = join(dir, "node_modules", name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), link);
    }
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it("is under 3 MB, and holds what users need and no tests", async () => {
    expect(statSync(tarball).size).toBeLessThan(MAX_TARBALL_BYTES);
    const { stdout } = await run("tar", ["-tzf", tarball], { maxBuffer: 16 * 1024 * 1024 });
    const files = stdout.split("\n").map((file) => file.replace(/^package\//, ""));
    const needed = [
      "dist/core/main.js",
      "dist/edge/assets.json",
      "migrations/0001_spine.sql",
      "config/agents.yaml",
      "docs/deploy/compose.yaml",
      "extensions/templates/ts/plugin.toml",
      "extensions/agent-creator/plugin.toml",
    ];
    expect(needed.filter((file) => !files.includes(file))).toEqual([]);
    expect(files.filter((file) => /^test\/|tsbuildinfo|__pycache__|\.env/.test(file))).toEqual([]);
  });

  it.each([["node16", "node16"], ["nodenext", "nodenext"], ["preserve", "bundler"]])(
    "has types behind every door that compile strictly in a new project, libraries included, with module %s",
    async (module, moduleResolution) => {
      const doors = Object.keys(about.exports).filter((door) => door !== "./package.json")
        .map((door) => door.replace(/^\./, "nexo-microapps"));
      expect(doors.length).toBeGreaterThan(4);
      const project = join(dir, `project-${module}`);
      mkdirSync(project);
      const names = doors.map((door, i) => `import * as d${i} from "${door}";\nvoid d${i};\n`);
      writeFileSync(
        join(project, "doors.mts"),
        `${names.join("")}const wrong: string = 1;\nvoid wrong;\n`,
      );
      const compilerOptions = {
        module,
        moduleResolution,
        target: "ES2022",
        types: ["node"],
        typeRoots: [join(ROOT, "node_modules/@types")],
        strict: true,
        skipLibCheck: false,
        noEmit: true,
      };
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
      const compiler = join(ROOT, "node_modules/@typescript/native/bin/tsc");
      const said = await run(process.execPath, [compiler, "--pretty", "false", "-p", project])
        .then(({ stdout }) => stdout, (error: { stdout: string }) => error.stdout);
      expect(said.trim().split("\n")).toEqual([
        expect.stringMatching(/doors\.mts\(\d+,\d+\): error TS2322: /),
      ]);
    },
  );

  it("tells Deno the types of what it runs", async () => {
    const file = join(dir, "deno_doors.ts");
    const wrong = "const wrong: string = openFirehose;\nvoid wrong;\n";
    writeFileSync(join(dir, "deno.json"), '{ "nodeModulesDir": "manual" }');
    writeFileSync(
      file,
      `import { defineMicroapp } from "nexo-microapps/sdk";
import { serveHttp } from "nexo-microapps/sdk/http";
import { openTestHost } from "nexo-microapps/sdk/testing";
import { openFirehose } from "nexo-microapps/client";
import { Envelope } from "nexo-microapps/contract";
void [defineMicroapp, serveHttp, openTestHost, Envelope];
${wrong}`,
    );
    const deno = join(ROOT, "node_modules/deno/deno");
    const found = await run(deno, ["check", "--quiet", file], { cwd: dir, env: env() })
      .catch((error: unknown) => error as { stderr: string });
    expect(found.stderr.match(/TS\d+/g)).toEqual(["TS2322"]);
  });

  it("runs with a fresh home, makes a microapp that works, and brings agent-creator", async () => {
    const daemon = spawn(
      process.execPath,
      [join(installed, "dist/core/main.js"), "dev"],
      { cwd: dir, env: env() },
    );
    const ended = once(daemon, "exit");
    try {
      await saidReady(daemon);
      expect(existsSync(join(dir, "home/.nexo/config/agents.yaml"))).toBe(true);
      expect(await nexo("chat", "acme", "note_add buy milk")).toContain("Saved");
      expect(await nexo("init", "shop", "--template", "python", "--yes")).toContain(
        "its test passes",
      );
      expect(await nexo("ext", "install", "shop", "--link")).toContain("It runs");
      expect(await nexo("chat", "acme", "ext_shop_note_add call Kim")).toContain("Saved");
      const creator = "node_modules/nexo-microapps/extensions/agent-creator";
      expect(await nexo("ext", "validate", creator)).toContain("agent-creator");
      const findings = JSON.parse(await nexo("doctor", "--json")) as { level: string }[];
      expect(findings.filter(({ level }) => level === "error")).toEqual([]);
    } finally {
      daemon.kill("SIGTERM");
      await ended;
    }
  });
});

/** Resolves once a daemon says that it is ready; rejects with what it said when it ends before. */
function saidReady(daemon: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    let said = "";
    const timer = setTimeout(() => fail(new Error(`it is not ready:\n${said}`)), READY_MS);
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (!said.includes("nexo is ready at")) return;
      clearTimeout(timer);
      done();
    };
    daemon.stdout?.on("data", hear);
    daemon.stderr?.on("data", hear);
    daemon.once("exit", () => fail(new Error(`it ended:\n${said}`)));
  });
}
