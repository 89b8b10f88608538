/**
 * What an operator says of one microapp in `extensions.yaml`, changed.
 *
 * @module
 */
import type { ConfigDraft } from "../../settings/draft.ts";
import { isObject } from "../json.ts";

/** A change to `extensions.yaml`; what is absent stays as it is. */
export interface EntryEdit {
  readonly id: string;
  readonly enabled?: boolean | undefined;
  /** Capabilities to grant for all tenants, beside those there are. */
  readonly grant?: readonly string[] | undefined;
  /** Where the microapp lies; null when that is not said any more. */
  readonly path?: string | null | undefined;
  /** The microapp is gone: nothing is said any more of whether it is enabled. */
  readonly forget?: boolean | undefined;
}

type Members = Readonly<Record<string, unknown>>;

const FILE = "extensions.yaml";

/** Writes the change to the draft. Lists and members that it leaves empty are taken out. */
export async function editEntry(draft: ConfigDraft, edit: EntryEdit): Promise<void> {
  const file = objectOf(await draft.read(FILE));
  const before = objectOf(file["extensions"]);
  const entries = objectOf(before["entries"]);
  const entry = editedEntry(objectOf(entries[edit.id]), edit);
  const extensions = {
    ...before,
    ...switched(before, edit),
    entries: emptyAsAbsent({ ...entries, [edit.id]: emptyAsAbsent(entry) }),
  };
  await draft.write(FILE, { ...file, extensions });
}

function editedEntry(entry: Members, { enabled, grant = [], path }: EntryEdit): Members {
  const granted = Array.isArray(entry["capabilities_grant"]) ? entry["capabilities_grant"] : [];
  const missing = grant.filter((name) => !granted.some((given) => isForAll(given, name)));
  return {
    ...entry,
    ...(enabled === true && entry["enabled"] === false ? { enabled: undefined } : {}),
    ...(missing.length === 0 ? {} : { capabilities_grant: [...granted, ...missing] }),
    ...(path === undefined ? {} : { path: path ?? undefined }),
  };
}

/** A grant that is not pinned to some tenants. */
function isForAll(given: unknown, name: string): boolean {
  return given === name ||
    (isObject(given) && given["capability"] === name && given["tenants"] === undefined);
}

function switched({ disabled, allowlist }: Members, { id, enabled, forget }: EntryEdit): Members {
  if (enabled === undefined && forget !== true) return {};
  const off = Array.isArray(disabled) ? disabled : [];
  const allowed = Array.isArray(allowlist) ? allowlist : [];
  if (enabled === false) return off.includes(id) ? {} : { disabled: [...off, id] };
  const isWaitedFor = enabled === true && allowed.length > 0 && !allowed.includes(id);
  return {
    ...(off.includes(id) ? { disabled: emptyAsAbsent(off.filter((each) => each !== id)) } : {}),
    ...(isWaitedFor ? { allowlist: [...allowed, id] } : {}),
  };
}

function emptyAsAbsent<T extends object>(members: T): T | undefined {
  return Object.values(members).every((value) => value === undefined) ? undefined : members;
}

function objectOf(value: unknown): Members {
  return isObject(value) ? value : {};
}
