/**
 * Filters that live in the address, so that a link keeps them.
 *
 * @module
 */
import type { PropsWithChildren } from "hono/jsx/dom";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { TEXTS } from "./texts/mod.ts";

/** The row of filters above a list. */
export function Filters({ children }: PropsWithChildren) {
  const { router } = useServices();
  const { query } = useStore(router.route);
  const set = Object.keys(query).filter((name) => name !== "view" && query[name] !== "");
  return (
    <form
      class="filters"
      role="search"
      aria-label={TEXTS.filters.label}
      onSubmit={(event: Event) => event.preventDefault()}
    >
      {children}
      {set.length === 0 ? null : (
        <button
          type="button"
          class="quiet"
          onClick={() => router.filter(Object.fromEntries(set.map((name) => [name, ""])))}
        >
          {TEXTS.filters.clear}
        </button>
      )}
    </form>
  );
}

/** A filter to type in. The first one of a page has the key `/`. */
export function TextFilter(
  { name, label, hint, isFirst = false }: {
    name: string;
    label: string;
    hint?: string;
    isFirst?: boolean;
  },
) {
  const { router } = useServices();
  const value = useStore(router.route).query[name] ?? "";
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="search"
        name={name}
        value={value}
        placeholder={hint ?? ""}
        autocomplete="off"
        spellcheck={false}
        {...(isFirst ? { "data-filter": true } : {})}
        onInput={(event: Event) =>
          router.filter({ [name]: (event.target as HTMLInputElement).value })}
      />
    </label>
  );
}

/** A filter to choose from. */
export function ChoiceFilter(
  { name, label, values, words = {} }: {
    name: string;
    label: string;
    values: readonly string[];
    words?: Readonly<Record<string, string>>;
  },
) {
  const { router } = useServices();
  const value = useStore(router.route).query[name] ?? "";
  // A value that came with a link is a choice, too, though nothing of it was seen yet.
  const all = value === "" || values.includes(value) ? values : [...values, value];
  return (
    <label class="field">
      <span>{label}</span>
      <select
        name={name}
        onChange={(event: Event) =>
          router.filter({ [name]: (event.target as HTMLSelectElement).value })}
      >
        <option value="" selected={value === ""}>{TEXTS.filters.all}</option>
        {all.map((one) => (
          <option key={one} value={one} selected={one === value}>{words[one] ?? one}</option>
        ))}
      </select>
    </label>
  );
}
