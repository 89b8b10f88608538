/**
 * What a microapp needs before it may start.
 *
 * @module
 */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { ExtensionEntry } from "./candidate.ts";
import type { Env } from "./env.ts";
import { grantsOf } from "./grants.ts";
import type { Manifest } from "./manifest.ts";

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"]);

/** Why a microapp is not started: what it needs and does not have. */
export async function refusalOf(
  manifest: Manifest,
  entry: ExtensionEntry,
  env: Env,
): Promise<{ code: string; message: string } | null> {
  const { requires, transport, capabilities } = manifest;
  if (transport.kind !== "stdio" && transport.kind !== "none") {
    return { code: "Transport", message: `transport "${transport.kind}" is not supported` };
  }
  const bins: string[] = [];
  for (const bin of requires.bins) if (!(await isOnPath(bin, env["PATH"] ?? ""))) bins.push(bin);
  if (bins.length > 0) return { code: "RequiresBins", message: `not on PATH: ${bins.join(", ")}` };
  const unset = requires.env.filter((name) => (env[name] ?? "") === "");
  if (unset.length > 0) return { code: "RequiresEnv", message: `not set: ${unset.join(", ")}` };
  const { missingRequired } = grantsOf(manifest, entry);
  if (missingRequired.length > 0) {
    return {
      code: "RequiredNotGranted",
      message: `capabilities not granted: ${missingRequired.join(", ")}`,
    };
  }
  const bind = capabilities.httpServer?.bind;
  if (bind !== undefined && !LOOPBACK.has(bind) && entry.allow_external_bind !== true) {
    return {
      code: "ExternalBindNotAllowed",
      message: `http_server.bind "${bind}" needs allow_external_bind: true`,
    };
  }
  return null;
}

async function isOnPath(bin: string, path: string): Promise<boolean> {
  const places = bin.includes("/") ? [bin] : path.split(delimiter).map((dir) => join(dir, bin));
  for (const place of places) {
    if (await access(place, constants.X_OK).then(() => true, () => false)) return true;
  }
  return false;
}
