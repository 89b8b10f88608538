/**
 * What has to be written otherwise for a file of nexo-rs to mean here what it means there.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import type { ImportNotes } from "./report.ts";

/** A map of a file. */
type RawMap = Record<string, unknown>;

/** What a change knows of its surroundings. */
export interface ChangeContext {
  /** The directory nexo-rs ran in: what its relative paths start from. */
  readonly home: string;
  /** The file, relative to {@linkcode home}. */
  readonly file: string;
  /** Whether a path below the home exists. */
  readonly exists: (path: string) => boolean;
  readonly notes: ImportNotes;
}

type Change = (value: RawMap, context: ChangeContext) => void;

/** The changes to each file, by its name in the config directory; a change edits the value in place. */
export const CHANGES: Readonly<Record<string, Change>> = {
  "extensions.yaml": changeExtensions,
  "broker.yaml": changeBroker,
  "tenants.yaml": tellOfTenants,
  "plugins/telegram.yaml": tellOfPolling,
  "plugins/whatsapp.yaml": tellOfWhatsapp,
};

/** Agents find their skills where they were: relative paths there start at the working directory. */
export function changeAgents(value: RawMap, context: ChangeContext): void {
  for (const agent of mapsIn(value["agents"])) {
    const said = agent["skills_dir"];
    const id = String(agent["id"]);
    if (typeof said === "string") absolute(agent, "skills_dir", `agent ${id}`, context);
    else if (context.exists("skills")) {
      agent["skills_dir"] = join(context.home, "skills");
      changed(context, `agent ${id}: skills_dir is written out, ${agent["skills_dir"] as string}`);
    }
  }
}

/** In nexo-rs an agent of a later file replaces the one of that id before it; here an id stands once. */
export function withoutAgents(value: RawMap, ids: ReadonlySet<string>): string[] {
  const dropped: string[] = [];
  const { agents } = value;
  if (!Array.isArray(agents)) return dropped;
  value["agents"] = agents.filter((agent: unknown) => {
    const id = isMap(agent) ? String(agent["id"]) : "";
    if (!ids.has(id)) return true;
    dropped.push(id);
    return false;
  });
  return dropped;
}

/** The ids a file declares. */
export function agentIds(value: unknown): string[] {
  return mapsIn(isMap(value) ? value["agents"] : undefined).map(({ id }) => String(id));
}

function changeExtensions(value: RawMap, context: ChangeContext): void {
  const block = value["extensions"];
  const extensions = isMap(block) ? block : value["extensions"] = {} as RawMap;
  const paths = extensions["search_paths"];
  const listed = Array.isArray(paths) ? paths.map(String) : ["./extensions"];
  const next = listed.map((path) => isAbsolute(path) ? path : join(context.home, path));
  if (Array.isArray(paths) && next.every((path, i) => path === paths[i])) return;
  extensions["search_paths"] = next;
  changed(context, `search_paths are written out, from where nexo-rs ran: ${next.join(", ")}`);
}

function changeBroker(value: RawMap, context: ChangeContext): void {
  const broker = value["broker"];
  if (!isMap(broker) || typeof broker["url"] !== "string") return;
  const { url } = broker;
  if (/^wss?:/.test(url) || url.includes("${")) return;
  delete broker["url"];
  delete broker["auth"];
  broker["type"] = "embedded";
  changed(context, "the embedded broker carries messages until a NATS server is named");
  context.notes.could_not.push({
    file: context.file,
    what:
      "the address of the NATS server: it names its client port, and this program uses WebSocket",
    fix: "Open a `websocket` block in the server's config, then set broker.type: nats and " +
      "broker.url: ws://<host>:<its port> (docs/deploy/nats.conf has one)",
  });
}

function tellOfTenants(value: RawMap, context: ChangeContext): void {
  const { tenants } = value;
  for (const [id, tenant] of Object.entries(isMap(tenants) ? tenants : {})) {
    if (!isMap(tenant) || tenant["active"] !== false) continue;
    changed(context, `tenant ${id} is not active: here that stops everything of it`);
  }
}

function tellOfPolling(value: RawMap, context: ChangeContext): void {
  for (const bot of linesIn(value["telegram"])) {
    if (bot["polling"] !== undefined) continue;
    const name = nameOf(bot);
    changed(context, `bot ${name} says nothing of polling: here it is on, in nexo-rs it was off`);
  }
}

function tellOfWhatsapp(value: RawMap, context: ChangeContext): void {
  for (const line of linesIn(value["whatsapp"])) {
    if (line["enabled"] !== true) continue;
    const name = nameOf(line);
    context.notes.could_not.push({
      file: context.file,
      what: `the paired phone of line ${name}: this program speaks to WhatsApp's Cloud API`,
      fix:
        `Register its Cloud API credential: nexo credentials register whatsapp --instance ${name}`,
    });
  }
}

function absolute(map: RawMap, key: string, whose: string, context: ChangeContext): void {
  const path = map[key];
  if (typeof path !== "string" || isAbsolute(path) || path.includes("${")) return;
  map[key] = join(context.home, path);
  changed(context, `${whose}: ${key} is written out, ${map[key] as string}`);
}

function changed({ file, notes }: ChangeContext, what: string): void {
  notes.changed.push({ file, what });
}

/** Whether a value is a map. */
export function isMap(value: unknown): value is RawMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mapsIn(value: unknown): RawMap[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function nameOf({ instance }: RawMap): string {
  return typeof instance === "string" ? instance : "default";
}

/** One line, or a list of them. */
function linesIn(value: unknown): RawMap[] {
  return isMap(value) ? [value] : mapsIn(value);
}
