/**
 * Packages imported and children started with nothing around them: ready once each child has answered.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

const [child = "", count = "0", ...packages] = process.argv.slice(2);
await Promise.all(packages.map((name) => import(name)));

const children = Array.from(
  { length: Number(count) },
  () => spawn(process.execPath, [child], { stdio: ["pipe", "pipe", "inherit"] }),
);
process.once("SIGTERM", () => {
  // Ended by their stdin, they end this process by ending.
  for (const { stdin } of children) stdin.end();
});
await Promise.all(children.map(async ({ stdin, stdout }) => {
  stdin.write('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}\n');
  await once(stdout, "data");
}));
process.stdout.write("ready\n");
