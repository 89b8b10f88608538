/**
 * One message on the page.
 *
 * @module
 */
import type { ChatFile, ChatMessage } from "../../../core/contract/chat.ts";
import { element, linked } from "./dom.ts";
import type { Texts } from "./texts.ts";
import type { Unsent } from "./unsent.ts";

/** What a visitor can do about a message that was not taken. */
export interface UnsentActions {
  readonly again: (unsent: Unsent) => void;
  readonly drop: (unsent: Unsent) => void;
}

const INVITATION = /^pair-[A-Z2-9]{16}$/;

/** A message that is on record. */
export function messageView(message: ChatMessage, texts: Texts, locale: string): HTMLLIElement {
  const { from, text, code, files = [], sent_at_ms: atMs, state } = message;
  const body = code === undefined
    ? textView(shownText(from, text, texts))
    : [codeView(code, texts)];
  const foot = element("p", { class: "foot" }, timeOf(atMs, locale));
  const item = element(
    "li",
    { class: `message ${from}` },
    who(from, texts),
    ...files.map(fileView),
    ...body,
    foot,
  );
  if (state !== undefined) showState(item, texts[state], state);
  return item;
}

/** A message on its way. */
export function unsentView(unsent: Unsent, texts: Texts, actions: UnsentActions): HTMLLIElement {
  const foot = element("p", { class: "foot" });
  const item = element(
    "li",
    { class: "message visitor" },
    who("you", texts),
    ...unsent.files.map(fileView),
    ...textView(shownText("visitor", unsent.text, texts)),
    foot,
  );
  if (!unsent.failed) {
    showState(item, texts.sending, "sending");
    return item;
  }
  showState(item, texts.unsent, "failed");
  foot.append(
    element("button", { type: "button", onclick: () => actions.again(unsent) }, texts.again),
    element("button", { type: "button", onclick: () => actions.drop(unsent) }, texts.drop),
  );
  return item;
}

/** Says what became of a message. */
export function showState(item: HTMLLIElement, text: string, state: string): void {
  if (item.dataset["state"] === state) return;
  item.dataset["state"] = state;
  item.querySelector(".state")?.remove();
  item.querySelector(".foot")?.append(element("span", { class: "state" }, text));
}

function who(from: ChatMessage["from"] | "you", texts: Texts): HTMLElement {
  const name = from === "visitor" ? texts.you : texts[from];
  // Colour and side say it to those who see them; an operator is named to everybody.
  return element("span", { class: from === "operator" ? "who" : "who hidden" }, `${name}: `);
}

function textView(text: string): HTMLElement[] {
  return text === "" ? [] : [element("p", { class: "text" }, ...linked(text))];
}

const SHOWN = /^image\/(png|jpeg|gif|webp)$/;

function fileView({ id, name, mime }: ChatFile): HTMLElement {
  const href = `${location.pathname.replace(/\/$/, "")}/files/${id}`;
  const shown = SHOWN.test(mime) ? element("img", { src: href, alt: name, loading: "lazy" }) : name;
  return element("p", { class: "file" }, element("a", { href, target: "_blank" }, shown));
}

function shownText(from: string, text: string, texts: Texts): string {
  return from === "visitor" && INVITATION.test(text) ? texts.invitation : text;
}

function codeView(code: string, texts: Texts): HTMLElement {
  const copy = element("button", {
    type: "button",
    onclick: () =>
      void navigator.clipboard?.writeText(code).then(() => (copy.textContent = texts.copied)),
  }, texts.copy);
  return element(
    "div",
    { class: "text code-card" },
    element("p", {}, texts.codeHint),
    element("p", {}, element("code", { class: "code" }, code)),
    // Only pages on https may write to the clipboard.
    ...(navigator.clipboard === undefined ? [] : [copy]),
  );
}

function timeOf(atMs: number, locale: string): HTMLElement {
  const at = new Date(atMs);
  const isToday = at.toDateString() === new Date().toDateString();
  const shown = at.toLocaleString(locale, {
    hour: "2-digit",
    minute: "2-digit",
    ...(isToday ? {} : { day: "numeric", month: "short" }),
  });
  return element("time", { datetime: at.toISOString() }, shown);
}
