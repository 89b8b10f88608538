/**
 * What a credential changes in config files: its line's entry in `plugins/`, and agents' bindings.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import type { PluginPlace } from "../channels/credentials/credential.ts";
import type { ConfigDraft } from "../settings/draft.ts";
import type { Line } from "../vault/credentials.ts";
import {
  findAgent,
  isMap,
  literal,
  literalJson,
  mapAt,
  type RawMap,
  readMap,
} from "./raw_config.ts";

/** Declares a line, or changes what its entry says; `account` is null where no tenants are declared. */
export async function writeLine(
  draft: ConfigDraft,
  { instance, account, place, fields }: {
    instance: string;
    account: string | null;
    place: PluginPlace;
    fields: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const content = await readMap(draft, place.file);
  const lines = linesIn(content, place);
  const known = lines.find((line) => instanceOf(line) === instance);
  const line = known ?? { instance: literal(instance) };
  for (const name of place.secrets) delete line[name];
  Object.assign(line, literalJson(fields), account === null ? {} : { account_id: account });
  setLines(content, place, known === undefined ? [...lines, line] : lines);
  await draft.write(place.file, content);
}

/** Takes a line out of its file. */
export async function removeLine(
  draft: ConfigDraft,
  { instance, place }: { instance: string; place: PluginPlace },
): Promise<void> {
  const content = await readMap(draft, place.file);
  const lines = linesIn(content, place);
  const left = lines.filter((line) => instanceOf(line) !== instance);
  if (left.length === lines.length) return;
  setLines(content, place, left);
  await draft.write(place.file, content);
}

/** Makes an agent answer on a line. @throws {CodedError} `not_found` */
export async function bindAgent(
  draft: ConfigDraft,
  { agentId, line }: { agentId: string; line: Line },
): Promise<void> {
  const declared = await findAgent(draft, agentId);
  if (declared === undefined) throw new CodedError("not_found", `agent \`${agentId}\` not in yaml`);
  const bindings = bindingsIn(declared.agent);
  if (bindings.some((binding) => isOn(binding, line))) return;
  declared.agent["inbound_bindings"] = [...bindings, {
    plugin: literal(line.channel),
    instance: literal(line.instance),
  }];
  await draft.write(declared.file, declared.content);
}

/** Makes an agent answer on a line no more. */
export async function unbindAgent(
  draft: ConfigDraft,
  { agentId, line }: { agentId: string; line: Line },
): Promise<void> {
  const declared = await findAgent(draft, agentId);
  if (declared === undefined) return;
  declared.agent["inbound_bindings"] = bindingsIn(declared.agent)
    .filter((binding) => !isOn(binding, line));
  await draft.write(declared.file, declared.content);
}

/** Upstream allows one line or a list where ours is a list. */
function linesIn(content: RawMap, { path }: PluginPlace): RawMap[] {
  const [last, above] = [path.at(-1) ?? "", path.slice(0, -1)];
  const value = mapAt(content, ...above)[last];
  return Array.isArray(value) ? value.filter(isMap) : isMap(value) ? [value] : [];
}

function setLines(content: RawMap, { path }: PluginPlace, lines: readonly RawMap[]): void {
  mapAt(content, ...path.slice(0, -1))[path.at(-1) ?? ""] = lines;
}

function instanceOf(line: RawMap): unknown {
  return line["instance"] ?? "default";
}

function bindingsIn(agent: RawMap): RawMap[] {
  const bindings = agent["inbound_bindings"];
  return Array.isArray(bindings) ? bindings.filter(isMap) : [];
}

function isOn(binding: RawMap, { channel, instance }: Line): boolean {
  return binding["plugin"] === channel && instanceOf(binding) === instance;
}
