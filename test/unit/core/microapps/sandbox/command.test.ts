/**
 * The commands of every level, as words.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sandboxCommand, type SandboxJob } from "../../../../../core/microapps/sandbox/command.ts";
import { confinedEnv } from "../../../../../core/microapps/sandbox/confined_env.ts";
import { chooseLevel, wishOf } from "../../../../../core/microapps/sandbox/level.ts";
import { CONFINED_LIMITS, limitsOf } from "../../../../../core/microapps/sandbox/limits.ts";
import { isWithin } from "../../../../../core/microapps/sandbox/place.ts";
import type { Runtime } from "../../../../../core/microapps/sandbox/runtime.ts";

const unlimited = limitsOf(undefined, "none");
const deno: Runtime = { kind: "deno", program: "/opt/deno", files: ["/opt/deno"] };
const node: Runtime = { kind: "node", major: 20, program: "/usr/bin/node", files: [] };
const other: Runtime = { kind: "other", program: "/opt/tool", files: ["/opt/tool"] };
const place = {
  root: "/apps/a",
  stateDir: "/home/x/.nexo/extensions/a/state",
  readable: ["/lib/code"],
  readableFiles: [],
  hidden: ["/home/x/.nexo"],
  cacheDir: "/home/x/.nexo/extensions/a/deno-cache",
};

function job(changes: Partial<SandboxJob>): SandboxJob {
  return {
    level: "permissions",
    command: "deno",
    args: ["run", "main.ts"],
    runtime: deno,
    network: { kind: "none" },
    limits: unlimited,
    place,
    helpers: { bwrap: "/usr/bin/bwrap", prlimit: "/usr/bin/prlimit" },
    ...changes,
  };
}

const pairs = (args: readonly string[], flag: string): string[] =>
  args.flatMap((arg, at) => (arg === flag ? [args[at + 1] ?? ""] : []));

describe("sandboxCommand()", () => {
  it("leaves an unconfined and unlimited microapp as it is", () => {
    expect(sandboxCommand(job({ level: "none" }))).toEqual({
      command: "deno",
      args: ["run", "main.ts"],
    });
  });

  it("sets what the kernel limits in front of everything else", () => {
    const limits = { ...unlimited, openFiles: 99, cpuSeconds: 7, diskBytes: 4096 };
    expect(sandboxCommand(job({ level: "none", limits }))).toEqual({
      command: "/usr/bin/prlimit",
      args: [
        "--core=0:0",
        "--nofile=99:99",
        "--cpu=7:7",
        "--fsize=4096:4096",
        "--",
        "deno",
        "run",
        "main.ts",
      ],
    });
    expect(() => sandboxCommand(job({ limits, helpers: { bwrap: null, prlimit: null } })))
      .toThrow('install the Debian package "util-linux"');
  });

  it("gives Deno exact permissions and never --allow-run, whatever its author wrote", () => {
    const args = ["run", "-A", "--allow-run", "-RW", "--allow-read=/", "-q", "main.ts", "--all"];
    expect(sandboxCommand(job({ level: "bwrap", args })).args.slice(-12)).toEqual([
      "/opt/deno",
      "run",
      "--no-prompt",
      "--no-remote",
      "--node-modules-dir=manual",
      "--cached-only",
      "--no-config",
      "-q",
      `--allow-read=/apps/a,${place.stateDir},/lib/code`,
      `--allow-write=${place.stateDir}`,
      "--allow-env",
      "main.ts",
      "--all",
    ].slice(-12));
  });

  it("starts a Deno without namespaces in a worker, which is held to its permissions", () => {
    const { args } = sandboxCommand(job({ args: ["main.ts", "--verbose"] }));
    expect(args.slice(-2)).toEqual([
      `data:application/javascript,${
        encodeURIComponent('new Worker("file:///apps/a/main.ts",{type:"module"})')
      }`,
      "--verbose",
    ]);
  });

  it("refuses flags it does not know, since they might grant something", () => {
    for (const flag of ["--inspect", "--preload", "--env-file", "--made-up", "-r"]) {
      expect(() => sandboxCommand(job({ args: ["run", flag, "main.ts"] })), flag).toThrow(flag);
    }
    const flags = [
      "--allow-fs-read=/",
      "--allow_fs_read=/",
      "--no-experimental-permission",
      "--allow-child-process",
      "--inspect",
      "--env-file=x",
    ];
    for (const flag of flags) {
      const args = [flag, "main.mjs"];
      expect(() => sandboxCommand(job({ runtime: node, args })), flag).toThrow(flag);
    }
  });

  it("property: no argument before the script ever grants Deno or Node more", () => {
    const words = fc.constantFrom(
      "-A",
      "-R",
      "-W",
      "-N",
      "-E",
      "-S",
      "-I",
      "-RWNA",
      "--allow-all",
      "--allow-run=sh",
      "--allow-net",
      "--allow-ffi",
      "--allow-sys",
      "--quiet",
      "--no-check",
      "--permission-set",
      "--allow-child-process",
      "--allow-addons",
      "--allow-worker",
      "--allow-wasi",
      "--import=x",
    );
    fc.assert(fc.property(
      fc.array(words, { maxLength: 6 }),
      fc.constantFrom(deno, node),
      (flags, runtime) => {
        const args = [...(runtime.kind === "deno" ? ["run"] : []), ...flags, "main.js"];
        let made: readonly string[];
        try {
          made = sandboxCommand(job({ runtime, args })).args;
        } catch {
          return;
        }
        const grants = made.filter((arg) => /^(-[A-Z]|--allow|--permission-set)/.test(arg));
        const allowed = /^--allow-(read|write|fs-read|fs-write)=|^--allow-env$/;
        expect(grants.filter((grant) => !allowed.test(grant))).toEqual([]);
        expect(grants.some((grant) => grant.endsWith("=/"))).toBe(false);
      },
    ));
  });

  it("gives Node directories with a slash, so that neighbours with longer names stay outside", () => {
    const { args } = sandboxCommand(job({ runtime: node, args: ["main.mjs"] }));
    expect(args.filter((arg) => arg.startsWith("--allow"))).toEqual([
      "--allow-fs-read=/apps/a/*",
      `--allow-fs-read=${place.stateDir}/*`,
      "--allow-fs-read=/lib/code/*",
      `--allow-fs-write=${place.stateDir}/*`,
    ]);
  });

  it("gives a namespace the system, the code and the state, and only the state to write", () => {
    const { command, args } = sandboxCommand(job({ level: "bwrap", runtime: other }));
    expect(command).toBe("/usr/bin/bwrap");
    expect(pairs(args, "--bind")).toEqual([place.stateDir]);
    expect(pairs(args, "--ro-bind")).toEqual(["/opt/tool", "/lib/code", "/apps/a"]);
    expect(pairs(args, "--ro-bind-try")).not.toContain("/etc");
    expect(pairs(args, "--remount-ro")).toEqual(["/dev", "/"]);
    expect(args).toContain("--die-with-parent");
    expect(args).not.toContain("--share-net");
    expect(args.slice(-3)).toEqual(["/opt/tool", "run", "main.ts"]);
  });

  it("hands a namespace its pipes where bwrap's own processes let go of them", () => {
    const { args, pipesAside } = sandboxCommand(job({ level: "bwrap", runtime: other }));
    expect(pipesAside).toBe(true);
    expect(args.slice(args.lastIndexOf("--"))).toEqual([
      "--",
      "/bin/sh",
      "-c",
      'exec "$0" "$@" <&3 >&4 3<&- 4>&-',
      "/opt/tool",
      "run",
      "main.ts",
    ]);
    expect(sandboxCommand(job({ level: "none", runtime: other })).pipesAside).toBeUndefined();
  });

  it("hides NEXO_HOME inside what can be read, and shows the state again after it", () => {
    const inside = { ...place, root: "/home/x" };
    const { args } = sandboxCommand(job({ level: "bwrap", runtime: other, place: inside }));
    const hidden = args.lastIndexOf("/home/x/.nexo");
    expect(args[hidden - 1]).toBe("--tmpfs");
    expect(hidden).toBeGreaterThan(args.lastIndexOf("/home/x", args.indexOf("--bind")));
    expect(args.indexOf("--bind")).toBeGreaterThan(hidden);
  });

  it("keeps secrets off the command line: the environment is the spawn's", () => {
    expect(sandboxCommand(job({ level: "bwrap" })).args).not.toContain("--setenv");
  });

  it("gives a port only where the runtime knows ports", () => {
    const network = { kind: "port" as const, address: "127.0.0.1:4000" };
    expect(sandboxCommand(job({ network })).args).toContain("--allow-net=127.0.0.1:4000");
    expect(sandboxCommand(job({ network, level: "bwrap" })).args).toContain("--share-net");
    const newer: Runtime = { ...node, major: 26 };
    const args = ["main.mjs"];
    expect(sandboxCommand(job({ network, runtime: newer, args })).args).toContain("--allow-net");
    expect(sandboxCommand(job({ runtime: newer, args })).args).not.toContain("--allow-net");
  });
});

describe("chooseLevel()", () => {
  const bwrap = { path: "/usr/bin/bwrap", problem: null };
  const missing = { path: null, problem: "no bwrap" };

  it("takes the best there is for auto, and nothing less than asked for bwrap", () => {
    const levels = [deno, node, other].map((runtime) =>
      chooseLevel({ wish: "auto", bwrap: missing, runtime }).level
    );
    expect(levels).toEqual(["permissions", "permissions", "none"]);
    expect(chooseLevel({ wish: "auto", bwrap, runtime: other }).level).toBe("bwrap");
    expect(() => chooseLevel({ wish: "bwrap", bwrap: missing, runtime: deno })).toThrow("no bwrap");
  });

  it("says what stays open", () => {
    const { notes } = chooseLevel({ wish: "auto", bwrap: missing, runtime: node });
    expect(notes.join()).toContain("Node 20 leave the network open");
  });
});

describe("wishes, limits and variables", () => {
  it("the operator's word goes before the manifest's", () => {
    const manifest = { sandbox: { level: "bwrap" as const } };
    expect(wishOf({ sandbox: "none" }, manifest)).toBe("none");
    expect(wishOf({}, manifest)).toBe("bwrap");
    expect(wishOf({}, { sandbox: { level: null } })).toBe("none");
  });

  it("defaults hold under a sandbox only", () => {
    expect(limitsOf({ memory_mb: 64 }, "bwrap")).toEqual({
      ...CONFINED_LIMITS,
      memoryBytes: 64 * 1024 * 1024,
    });
    expect(Object.values(limitsOf({}, "none"))).toEqual([null, null, null, null, null]);
  });

  it("variables that change what a helper loads never pass, named or not", () => {
    const env = { LD_PRELOAD: "x.so", GCONV_PATH: "x", NODE_OPTIONS: "y", SHOP: "z", OTHER: "o" };
    const named = new Set(["LD_PRELOAD", "GCONV_PATH", "NODE_OPTIONS", "SHOP"]);
    expect(Object.keys(confinedEnv({ env, named, level: "permissions", place })).sort())
      .toEqual(["DENO_DIR", "DENO_NO_UPDATE_CHECK", "HOME", "SHOP", "TMPDIR"]);
    expect(confinedEnv({ env, named, level: "bwrap", place })).toHaveProperty("NODE_OPTIONS");
  });

  it("a neighbour whose name starts alike is not within", () => {
    expect(isWithin("/a/b", "/a/b")).toBe(true);
    expect(isWithin("/a/b", "/a/b/c")).toBe(true);
    expect(isWithin("/a/b", "/a/bc")).toBe(false);
    expect(isWithin("/", "/a")).toBe(true);
  });
});
