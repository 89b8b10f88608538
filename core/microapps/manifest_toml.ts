/**
 * TOML of a manifest, held against its schema.
 *
 * @module
 */
import { parse } from "smol-toml";
import type { z } from "zod";
import { CodedError, messageOf } from "../contract/mod.ts";

/** @throws {CodedError} `manifest_invalid`, always; `symbol` is a name such as `InvalidId` */
export function refuse(symbol: string, text: string): never {
  throw new CodedError("manifest_invalid", `${symbol}: ${text}`);
}

/**
 * Reads a manifest's text, as it is and as its schema has it.
 *
 * @throws {CodedError} `manifest_invalid`, at the first thing that does not fit
 */
export function parseToml<T extends z.ZodType>(
  text: string,
  schema: T,
): { raw: unknown; read: z.infer<T> } {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    return refuse("Parse", messageOf(error).split("\n")[0] ?? "not TOML");
  }
  const read = schema.safeParse(raw);
  if (read.success) return { raw, read: read.data };
  const issue = read.error.issues[0];
  return refuse("Parse", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "wrong shape"}`);
}
