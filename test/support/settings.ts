/**
 * Settings made from config texts, by the real loader.
 *
 * @module
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadSettings } from "../../core/settings/load.ts";
import type { Settings } from "../../core/settings/settings.ts";

const TENANTS = "tenants:\n  acme: {}\n  globex: {}\n  closed: { active: false }\n";

/** The settings of these files; without a `tenants.yaml` there are acme, globex and a closed one. */
export async function settingsOf(files: Readonly<Record<string, string>>): Promise<Settings> {
  const dir = await mkdtemp(join(tmpdir(), "nexo-config-"));
  try {
    for (const [name, text] of Object.entries({ "tenants.yaml": TENANTS, ...files })) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    }
    const { settings, problems } = await loadSettings({ configDir: dir, env: {} });
    if (settings === undefined) throw new Error(JSON.stringify(problems, null, 2));
    return settings;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
