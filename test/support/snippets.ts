/**
 * What the compiler has to say of code that documentation shows.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/**
 * The compiler's problems with each text, as if it were a file of this repository; each begins with
 * the text's number, as `snippet_0.ts(3,10): error …`.
 */
export async function problemsOf(texts: readonly string[]): Promise<string[]> {
  const cache = join(ROOT, ".cache");
  await mkdir(cache, { recursive: true });
  const dir = await mkdtemp(join(cache, "snippets-"));
  try {
    await writeFile(
      join(dir, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.json",
        compilerOptions: { noEmit: true, rootDir: "../.." },
        include: ["."],
        exclude: [],
      }),
    );
    await Promise.all(
      texts.map((text, i) => writeFile(join(dir, `snippet_${i}.ts`), `${text}\nexport {};\n`)),
    );
    return (await compile(dir)).split("\n").filter((line) => line.includes("error TS"));
  } finally {
    await rm(dir, { recursive: true });
  }
}

function compile(dir: string): Promise<string> {
  const compiler = join(ROOT, "node_modules/@typescript/native/bin/tsc");
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      [compiler, "--pretty", "false", "-p", "."],
      { cwd: dir },
      (error, out, err) => {
        // It ends with 1 or 2 when it has found problems.
        if (error !== null && typeof error.code !== "number") fail(error);
        else done(out + err);
      },
    );
  });
}
