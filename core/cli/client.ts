/**
 * How a command reaches the daemon of this home.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CodedError, ERROR_CODES, type ErrorCode, readFrame } from "../contract/mod.ts";
import { ConfigError } from "../settings/config_error.ts";
import { type Home, readRunFile, type RunFile } from "../daemon/home.ts";

/** What a refused reload says of the config, as far as it is shown. */
const ConfigFailure = z.object({
  config_dir: z.string(),
  problems: z.array(z.object({
    severity: z.enum(["error", "warning"]),
    blocking: z.boolean(),
    file: z.string(),
    line: z.int(),
    column: z.int(),
    path: z.array(z.union([z.string(), z.int()])),
    message: z.string(),
    fix: z.string(),
  })),
});

/** Calls operator methods; `call` takes the part after `nexo/operator/`. */
export interface DaemonClient {
  readonly run: RunFile;
  readonly call: <T>(method: string, params?: unknown) => Promise<T>;
}

/** Finds the daemon; `signal` ends what is asked of it. @throws {CodedError} `daemon_not_running` */
export async function connectDaemon(home: Home, signal?: AbortSignal): Promise<DaemonClient> {
  const run = await readRunFile(home);
  if (run === undefined) throw notRunning(home);
  const token = (await readFile(join(home.keys, "operator.key"), "utf8")).trim();

  return {
    run,
    async call<T>(method: string, params: unknown = {}): Promise<T> {
      const full = method.startsWith("nexo/") ? method : `nexo/operator/${method}`;
      const response = await fetch(`${run.admin_url}/rpc`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: full, params }),
        signal: signal ?? null,
      }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw notRunning(home, error);
      });
      if (response.status === 401) {
        throw new CodedError(
          "token_invalid",
          `Cannot call daemon: it does not know the key in "${home.keys}"`,
        );
      }
      const frame = readFrame(await response.json());
      if (frame.type === "error") throw failureOf(frame.error);
      if (frame.type !== "result") {
        throw new CodedError("internal", "Cannot read the daemon's answer");
      }
      return frame.result as T;
    },
  };
}

/** The daemon's own error again: its code travels as data, and the wire's prefixes are for microapps. */
function failureOf({ message, data }: { message: string; data?: unknown }): CodedError {
  const config = ConfigFailure.safeParse(data);
  if (config.success) return new ConfigError(config.data.config_dir, config.data.problems);
  const code = (data as { code?: unknown } | undefined)?.code;
  const known = typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
  return new CodedError(
    known ? code as ErrorCode : "invalid_params",
    message.replace(/^(?:(?:internal|invalid_params|not_found|method_not_found): )+/, ""),
  );
}

function notRunning(home: Home, cause?: unknown): CodedError {
  return new CodedError(
    "daemon_not_running",
    `Cannot reach the daemon of "${home.root}": start it with \`nexo dev\` or \`nexo core\``,
    { cause },
  );
}
