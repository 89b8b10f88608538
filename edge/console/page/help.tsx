/**
 * What the keys do, and the switch for them.
 *
 * @module
 */
import { Dialog } from "./dialog.tsx";
import { GO_KEYS } from "./keys.ts";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { TEXTS } from "./texts/mod.ts";

const KEYS: readonly (readonly [keys: readonly string[], text: string])[] = [
  ...Object.entries(GO_KEYS).map(([key, page]) =>
    [["g", key], TEXTS.help.goTo(TEXTS.pages[page])] as const
  ),
  [["/"], TEXTS.help.filter],
  [["j"], TEXTS.help.next],
  [["k"], TEXTS.help.previous],
  [["p"], TEXTS.help.pause],
  [["c"], TEXTS.help.theme],
  [["?"], TEXTS.help.help],
];

/** The dialog behind `?`. */
export function HelpDialog({ onClose }: { onClose: () => void }) {
  const { preferences } = useServices();
  const shortcuts = useStore(preferences.shortcuts);
  return (
    <Dialog title={TEXTS.help.title} onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, text]) => (
          <div key={keys.join(" ")}>
            <dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <label class="switch">
        <input
          type="checkbox"
          checked={shortcuts === "on"}
          onChange={(event: Event) =>
            preferences.shortcuts.set((event.target as HTMLInputElement).checked ? "on" : "off")}
        />
        <span>{TEXTS.help.enabled}</span>
      </label>
      <div class="buttons">
        <button type="button" class="primary" onClick={onClose}>{TEXTS.close}</button>
      </div>
    </Dialog>
  );
}
