/**
 * Has a line for each person in `people.txt` of its state directory, and erases them; started with
 * `mumbles` it does and does not say so.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { behave, receive, send } from "./wire.mjs";

const people = join(process.env.NEXO_EXTENSION_STATE_ROOT ?? ".", "people.txt");
const [manner] = process.argv.slice(2);

function erase({ account_id: account, contact }) {
  if (!existsSync(people)) return 0;
  const lines = readFileSync(people, "utf8").split("\n").filter((line) => line !== "");
  const left = lines.filter((line) =>
    contact === null ? !line.startsWith(`${account}/`) : line !== `${account}/${contact}`
  );
  writeFileSync(people, left.join("\n"));
  return lines.length - left.length;
}

receive((frame) => {
  if (frame.method !== "data/erase") return void behave(frame);
  try {
    const erased = erase(frame.params);
    send({ id: frame.id, result: manner === "mumbles" ? "done" : { erased } });
  } catch (error) {
    send({ id: frame.id, error: { code: -32603, message: error.message } });
  }
});
