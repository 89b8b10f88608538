/**
 * `nexo init`: a new microapp with a test that passes.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { isAbsolute, join, relative, resolve } from "node:path";
import { cancel, intro, isCancel, outro, select, spinner, text } from "@clack/prompts";
import { type Command, Option } from "commander";
import { CodedError } from "../contract/mod.ts";
import { idProblem } from "../microapps/manifest_identity.ts";
import type { CliContext } from "./command.ts";
import {
  refuseOccupied,
  scaffold,
  suggestId,
  TEMPLATE_DIRS,
  TEMPLATE_NAMES,
  type TemplateName,
} from "./init/scaffold.ts";
import { say, sayJson } from "./print.ts";
import { runProgram } from "./run_program.ts";

interface InitOptions {
  readonly template?: TemplateName;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** One thing to run in a fresh copy. */
interface Step {
  readonly doing: string;
  readonly command: string;
  readonly args: readonly string[];
}

const STEPS: Readonly<Record<TemplateName, readonly Step[]>> = {
  ts: [
    { doing: "npm install", command: "npm", args: ["install", "--no-audit", "--no-fund"] },
    { doing: "npm test", command: "npm", args: ["test"] },
  ],
  python: [
    { doing: "python3 -m unittest", command: "python3", args: ["-m", "unittest"] },
  ],
  saas: [
    { doing: "npm install", command: "npm", args: ["install", "--no-audit", "--no-fund"] },
    { doing: "npm run build", command: "npm", args: ["run", "build"] },
    { doing: "npm test", command: "npm", args: ["test"] },
  ],
};

const LABELS: Readonly<Record<TemplateName, { label: string; hint: string }>> = {
  ts: { label: "TypeScript", hint: "with the SDK; runs on Node and Deno" },
  python: { label: "Python", hint: "the standard library alone" },
  saas: { label: "A whole product", hint: "agent-creator: tenants, inbox, campaigns, its page" },
};

/** Adds the command. */
export function addInitCommand(program: Command, context: CliContext): void {
  program.command("init <dir>").description("a new microapp with a test that passes")
    .addOption(new Option("--template <name>", "what it is written in").choices(TEMPLATE_NAMES))
    .option("-y, --yes", "ask nothing")
    .option("--json", "print what was made; asks nothing")
    .action((dir: string, options: InitOptions) => init(dir, options, context));
}

async function init(given: string, options: InitOptions, context: CliContext): Promise<void> {
  const { cwd, packageRoot, exitWith } = context;
  const dir = isAbsolute(given) ? given : resolve(cwd, given);
  await refuseOccupied(dir);
  const asks = process.stdin.isTTY && process.stdout.isTTY && options.yes !== true &&
    options.json !== true;
  const chosen = asks ? await ask(dir, options) : unasked(dir, options);
  if (chosen === undefined) {
    cancel("Nothing was made.");
    return exitWith(1);
  }
  const { template, id } = chosen;
  await scaffold({
    from: join(packageRoot, TEMPLATE_DIRS[template]),
    to: dir,
    id,
    packageRoot,
    nonce: randomUUID(),
  });
  const report = asks ? spinning() : options.json === true ? () => {} : saying(dir);
  for (const step of STEPS[template]) {
    report(step.doing);
    await run(step, dir, context);
  }
  report(undefined);
  if (options.json === true) return sayJson({ dir, id, template, tested: true });
  const steps = nextSteps({ dir, cwd, template });
  if (asks) outro(steps.join("\n"));
  else say(steps.join("\n"));
}

interface Choice {
  readonly template: TemplateName;
  readonly id: string;
}

function unasked(dir: string, { template = "ts" }: InitOptions): Choice {
  const id = suggestId(dir);
  const problem = id === undefined ? "its name holds no letter" : idProblem(id);
  if (id !== undefined && problem === undefined) return { template, id };
  throw new CodedError("usage", `Cannot name a microapp after "${dir}": ${problem}`);
}

/** Undefined when the person has had enough. */
async function ask(dir: string, { template: named }: InitOptions): Promise<Choice | undefined> {
  intro("A new microapp");
  const template = named ?? await select({
    message: "What is it written in?",
    options: TEMPLATE_NAMES.map((value) => ({ value, ...LABELS[value] })),
  });
  if (isCancel(template)) return undefined;
  const suggested = suggestId(dir);
  const id = await text({
    message: "What is its id?",
    ...(suggested === undefined ? {} : { initialValue: suggested }),
    validate: (value) => idProblem(value ?? ""),
  });
  return isCancel(id) ? undefined : { template, id };
}

function saying(dir: string): (doing: string | undefined) => void {
  say(`Made ${dir}`);
  return (doing) => doing !== undefined && say(`Running ${doing} …`);
}

function spinning(): (doing: string | undefined) => void {
  const sign = spinner();
  let current: string | undefined;
  return (doing) => {
    if (current !== undefined) sign.stop(current);
    if (doing !== undefined) sign.start(doing);
    current = doing;
  };
}

async function run(step: Step, cwd: string, { env, signal }: CliContext): Promise<void> {
  const { doing, command, args } = step;
  const { code, output } = await runProgram(command, args, { cwd, env, signal });
  if (code === 0) return;
  const how = code === null ? "was ended by a signal" : `ended with ${code}`;
  process.stderr.write(`${output}\n`);
  throw new CodedError(
    "program_failed",
    `Cannot finish "${cwd}": ${doing} ${how}; the files are made, so mend it and run it again there`,
  );
}

function nextSteps(
  { dir, cwd, template }: { dir: string; cwd: string; template: TemplateName },
): string[] {
  const place = relative(cwd, dir) || ".";
  return [
    "",
    `${dir} is ready: its test passes.`,
    "",
    "  Next:",
    ...(place === "." ? [] : [`    cd ${/\s/.test(place) ? JSON.stringify(place) : place}`]),
    `    ${template === "python" ? "python3 -m unittest" : "npm test"}`,
    "    npx nexo ext install . --link      let nexo run it from here; `nexo dev` follows your edits",
    "    npx nexo ext status",
    "",
  ];
}
