/**
 * Which capabilities `--grant` stands for.
 *
 * @module
 */
import { CodedError } from "../../contract/mod.ts";
import type { ListedMicroapp } from "../../microapps/listing.ts";

/**
 * The capabilities to grant: those named, or with `all` everything the manifest asks for.
 *
 * @throws {CodedError} `usage` at one that it does not ask for
 */
export function grantsToWrite(
  given: readonly string[],
  { id, asks: { required, optional } }: Pick<ListedMicroapp, "id" | "asks">,
): string[] {
  const asked = [...required, ...optional];
  for (const name of given) {
    if (name === "all" || asked.includes(name)) continue;
    const list = asked.length === 0 ? "nothing" : asked.join(", ");
    throw new CodedError("usage", `Cannot grant "${name}": "${id}" asks for ${list}`);
  }
  return [...new Set(given.includes("all") ? asked : given)];
}
