/**
 * The pages of docs/reference, made from what the program itself knows.
 *
 * @module
 */
import type { Command } from "commander";
import { z } from "zod";
import {
  ADMIN_METHODS,
  AgentEvent,
  ERROR_CODES,
  NEXO_EVENT_KINDS,
  NOTICES,
  RPC_CODES,
  TOGGLES,
} from "../../../core/contract/mod.ts";
import { createProgram } from "../../../core/cli/program.ts";
import { createCliContext } from "../../../core/cli/command.ts";
import { homeOf } from "../../../core/daemon/home.ts";
import { configJsonSchemas } from "../../../core/settings/files.ts";
import { openApiDocument } from "../../../edge/openapi/document.ts";
import { operatorMethods } from "./operator_methods.ts";
import { EVENT_SAYS, VARIABLES } from "./words.ts";
import { type JsonSchema, membersOf, page, table, typeText } from "./markdown.ts";

/** The pages by their file names. */
export async function referencePages(): Promise<Record<string, string>> {
  return {
    "admin_rpc.md": adminPage(),
    "cli.md": await cliPage(),
    "config.md": configPage(),
    "environment.md": environmentPage(),
    "errors.md": errorsPage(),
    "events.md": eventsPage(),
    "http.md": httpPage(),
  };
}

const code = (text: string): string => text === "" ? "" : `\`${text}\``;

function schemaOf(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  return z.toJSONSchema(schema, { io, unrepresentable: "any" });
}

function membersText(schema: JsonSchema): string {
  const members = membersOf(schema).filter(({ path }) => !path.includes("."));
  if (members.length === 0) {
    const type = typeText(schema);
    return type === "object" || type === "any" ? "–" : code(type);
  }
  return members.filter(({ path }) => !path.includes("[]") || members.length === 1)
    .map(({ path, type, isRequired }) => `\`${path}${isRequired ? "" : "?"}: ${type}\``)
    .join(", ");
}

function adminPage(): string {
  const domains = new Map<string, string[][]>();
  for (const [name, { capability, params, result }] of Object.entries(ADMIN_METHODS)) {
    const domain = name.split("/").slice(0, -1).join("/");
    const rows = domains.get(domain) ?? [];
    rows.push([
      code(name),
      code(capability),
      membersText(schemaOf(params, "input")),
      membersText(schemaOf(result, "output")),
    ]);
    domains.set(domain, rows);
  }
  const operators = operatorMethods().map(({ method, params, unaudited }) => [
    code(method),
    membersText(schemaOf(params, "input")),
    unaudited ? "no" : "yes",
  ]);
  return page(
    "Admin RPC",
    "Microapps call these over stdio with the capability granted to them, operators with `POST /rpc` " +
      "and a bearer token of scope `operator`. Every call is on record in the audit, but those of " +
      "operators that only read. [errors.md](errors.md) lists what they refuse with.",
    [
      ...[...domains].map(([domain, rows]) =>
        `## ${domain}\n\n${table(["Method", "Capability", "Takes", "Answers"], rows)}`
      ),
      `## For operators alone\n\n${table(["Method", "Takes", "On record"], operators)}`,
      `## Notifications to microapps\n\n${
        table(["Method"], Object.values(NOTICES).map((name) => [code(name)]))
      }`,
    ],
  );
}

function eventsPage(): string {
  const nexo = new Set<string>(NEXO_EVENT_KINDS);
  const parts = AgentEvent.options.map((option) => {
    const schema = schemaOf(option, "output");
    const kind = option.shape.kind.value;
    const fields = membersOf(schema).filter(({ path }) => path !== "kind" && !/[.[]/.test(path))
      .map(({ path, type, isRequired }) => [code(path), type, isRequired ? "yes" : "no"]);
    const whose = nexo.has(kind) ? "one of nexo's" : "ours";
    return `## ${kind}\n\n${EVENT_SAYS[kind]} (${whose})\n\n${
      table(["Member", "Type", "Always"], fields)
    }`;
  });
  return page(
    "Events",
    "What the firehose, `nexo events` and `nexo/notify/agent_event` carry. Texts are redacted before they " +
      "are kept. Times are milliseconds since the epoch. Members may be added; a kind never changes its meaning.",
    parts,
  );
}

function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).toSorted(([a], [b]) => a < b ? -1 : 1)
    .map(([name, { says, retry }]) => [code(name), says, retry ? "yes" : "no"]);
  return page(
    "Errors",
    "Each failure that is expected has a code that never changes its meaning. On the command line it stands " +
      "in brackets behind the message, over HTTP in `error.code`, over JSON-RPC in `error.data.code`.",
    [
      table(["Code", "Means", "May work later"], rows),
      `## JSON-RPC\n\n${
        table(
          ["Number", "Name"],
          Object.entries(RPC_CODES).map(([name, number]) => [
            code(String(number)),
            code(name),
          ]),
        )
      }`,
      `## Exit codes\n\n${
        table(["Code", "Means"], [
          ["`0`", "done"],
          ["`1`", "failed; the message says why"],
          ["`2`", "the command line is wrong"],
          ["`3`", "no daemon answers for this `NEXO_HOME`"],
          ["`130`", "interrupted before it was done"],
        ])
      }`,
    ],
  );
}

/** Commands that do something, each with its words: `ext install`. */
function* commandsOf(
  command: Command,
  words: readonly string[] = [],
): Generator<[string, Command]> {
  for (const child of command.commands) {
    const path = [...words, child.name()];
    if (child.commands.length === 0 || child.registeredArguments.length > 0 || isRun(child)) {
      yield [path.join(" "), child];
    }
    yield* commandsOf(child, path);
  }
}

/** Whether a command with subcommands does something by itself, too. */
function isRun(command: Command): boolean {
  return (command as unknown as { _actionHandler: unknown })._actionHandler !== null;
}

async function cliPage(): Promise<string> {
  const program = await createProgram(createCliContext({
    env: {},
    cwd: "/",
    home: homeOf({ HOME: "/" }),
    packageRoot: "/",
    version: "0",
    signal: new AbortController().signal,
    exitWith: () => undefined,
  }));
  const parts = [...commandsOf(program)].map(([words, command]) => {
    const args = command.registeredArguments.map((one) =>
      one.required ? `<${one.name()}>` : `[${one.name()}]`
    );
    const options = command.options.map((option) => [
      code(option.flags),
      option.description,
      option.defaultValue === undefined ? "" : code(JSON.stringify(option.defaultValue)),
    ]);
    return `## nexo ${[words, ...args].join(" ")}\n\n${capital(command.description())}.${
      options.length === 0 ? "" : `\n\n${table(["Option", "Does", "Otherwise"], options)}`
    }`;
  });
  return page(
    "Commands",
    "`npx nexo <command> --help` says the same. Exit codes are in [errors.md](errors.md#exit-codes).",
    parts,
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function configPage(): string {
  const parts = Object.entries(configJsonSchemas()).map(([file, schema]) => {
    const rows = membersOf(schema).map(({ path, type, fallback, isRequired }) => [
      code(path),
      type,
      isRequired ? "required" : code(fallback.length > 60 ? "" : fallback),
    ]);
    const link = `../schemas/${file.replace(/\.yaml$/, ".json")}`;
    return `## ${file}\n\n[JSON Schema](${link})\n\n${table(["Key", "Type", "Default"], rows)}`;
  });
  return page(
    "Config",
    "Only `agents.yaml` is required; every other file and block has defaults. What each key does is said " +
      "in the comments of [config/](../../config/agents.yaml), a complete example. Keys of nexo-rs that " +
      "this version does not use are read and warned of. `<name>` stands for any name, `[]` for each item.",
    parts,
  );
}

function environmentPage(): string {
  const toggles = Object.values(TOGGLES).map((toggle) => [
    code(toggle.variable),
    toggle.kind === "switch" ? "on" : code(String(toggle.fallback)),
    toggle.effect,
  ]);
  return page(
    "Environment",
    "Config files read further variables by the names you give them: `${NAME}`, `secret_env: NAME`.",
    [
      table(
        ["Variable", "Read by", "Says"],
        Object.entries(VARIABLES).map(([name, [by, says]]) => [
          code(name),
          by,
          says,
        ]),
      ),
      `## Switches\n\nA switch is off when its variable is \`0\`, \`false\` or \`off\`; \`nexo doctor ` +
      `capabilities\` shows how each stands.\n\n${
        table(["Variable", "Default", "Effect"], toggles)
      }`,
    ],
  );
}

interface Operation {
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly responses: Readonly<Record<string, unknown>>;
}

function httpPage(): string {
  const { paths } = openApiDocument("0");
  const rows = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>).map(([method, one]) => [
      code(`${method.toUpperCase()} ${path}`),
      one.summary,
      one.security.length === 0
        ? "everybody"
        : one.security.map((way) => Object.keys(way).join(" and ") || "the machine itself").join(
          ", ",
        ),
      Object.keys(one.responses).join(" "),
    ])
  );
  return page(
    "HTTP",
    "The routes of an edge. `GET /openapi.json` describes each with its schemas, as OpenAPI 3.1.",
    [table(["Route", "Does", "For whom", "Answers"], rows)],
  );
}
