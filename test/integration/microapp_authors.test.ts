/**
 * An author's way: from `nexo init` to a tool that answers in the chat, then new code, then another runtime.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { MicroappStatus } from "../../core/microapps/slots.ts";
import { openDaemonPlace } from "../support/daemon.ts";

const BIN = resolve(import.meta.dirname, "../../node_modules/.bin");

describe("a microapp made with nexo init", () => {
  it("is made, installed into a running daemon, answers, changes and goes", {
    timeout: 300_000,
  }, async () => {
    await using place = await openDaemonPlace({
      env: {
        PATH: [BIN, process.env["PATH"] ?? ""].join(delimiter),
        // What was fetched once need not be fetched again.
        npm_config_cache: join(homedir(), ".npm"),
        npm_config_prefer_offline: "true",
      },
    });
    const daemon = await place.start();
    const app = join(dirname(place.home), "my-app");
    const nexo = async (...args: string[]) => {
      const { code, stdout, stderr } = await place.nexo(...args);
      expect({ code, stderr }, args.join(" ")).toEqual({ code: 0, stderr: "" });
      return stdout;
    };
    const install = async (...args: string[]) =>
      JSON.parse(await nexo("ext", "install", "my-app", ...args, "--json")) as unknown;
    const status = async (): Promise<MicroappStatus | undefined> => {
      const { microapps } = await daemon.call<{ microapps: MicroappStatus[] }>("ext/status");
      return microapps.find(({ id }) => id === "my-app");
    };
    const say = async (text: string): Promise<string> => {
      const answer = await daemon.call<{ reply: string }>("chat", { instance: "acme", text });
      return answer.reply;
    };
    const edit = async (file: string, from: string, to: string) => {
      const text = await readFile(join(app, file), "utf8");
      expect(text).toContain(from);
      await writeFile(join(app, file), text.replace(from, to));
    };

    expect(await nexo("init", "my-app", "--yes")).toContain("is ready: its test passes.");
    expect(await install()).toMatchObject({
      id: "my-app",
      mode: "copy",
      target: join(place.home, "extensions/my-app/app/1"),
      enabled: true,
      state: "ready",
      tools: ["ext_my-app_note_add", "ext_my-app_note_list"],
      missing_optional: ["transcripts_subscribe"],
    });
    expect(await nexo("chat", "acme", "ext_my-app_note_add buy milk")).toContain("Saved.");

    await promisify(execFile)("deno", ["check", "main.ts", "main.test.ts"], {
      cwd: app,
      env: place.env,
    });

    await edit("dist/notebook.js", "Saved.", "Noted.");
    expect(await install("--update")).toMatchObject({ mode: "update", state: "ready" });
    expect(await say("ext_my-app_note_add buy bread")).toContain("Noted. Notes so far: 2.");

    // From here on it runs where it lies, and what is saved is what answers.
    expect(await install("--link", "--update", "--grant", "all")).toMatchObject({
      mode: "link",
      target: app,
      state: "ready",
      missing_optional: [],
    });
    const linked = await status();
    await edit("dist/notebook.js", "Noted.", "Kept.");
    await expect.poll(() => say("ext_my-app_note_add x"), { interval: 200 })
      .toContain("Kept.");
    const renewed = await status();
    expect(renewed).toMatchObject({ state: "ready", grants: ["transcripts_subscribe"] });
    expect(renewed?.pid).not.toBe(linked?.pid);
    await edit("dist/main.js", "await createNotebook", "await createNothing");
    await expect.poll(() => place.output()).toContain("microapp.not_renewed");
    expect(await say("ext_my-app_note_list")).toContain("buy milk");
    expect(await status()).toMatchObject({ state: "ready", pid: renewed?.pid });

    await edit("dist/main.js", "await createNothing", "await createNotebook");
    await edit("plugin.toml", 'command = "node"', 'command = "deno"');
    await edit("plugin.toml", 'args = ["dist/main.js"]', 'args = ["run", "main.ts"]');
    await edit("plugin.toml", 'bins = ["node"]', 'bins = ["deno"]');
    await expect.poll(() => say("ext_my-app_note_add on Deno"), { interval: 200 })
      .toContain("Saved.");
    expect(await say("ext_my-app_note_list")).toContain("buy milk");

    expect(await nexo("ext", "disable", "my-app")).toContain("my-app is disabled");
    expect(await say("ext_my-app_note_list")).toContain("You said:");
    expect(await nexo("ext", "enable", "my-app")).toBe("my-app is enabled, and it is ready\n");
    await nexo("ext", "uninstall", "my-app", "--yes");
    expect(await status()).toBe(undefined);

    // Python has nothing to install.
    await nexo("init", "pies", "--template", "python", "--yes");
    expect(await nexo("ext", "install", "pies")).toContain(
      "It runs. Its tools: ext_pies_note_add ext_pies_note_list\n",
    );
    expect(await say("ext_pies_note_add apple")).toContain("Saved.");
  });
});
