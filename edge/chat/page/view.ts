/**
 * The chat's page: a header, the conversation, and a place to write.
 *
 * @module
 */
import type { ChatFile, ChatMessage, ChatPage } from "../../../core/contract/chat.ts";
import { createComposer } from "./composer.ts";
import { element } from "./dom.ts";
import type { Upload } from "./upload.ts";
import { messageView, showState, type UnsentActions, unsentView } from "./message_view.ts";
import type { Texts } from "./texts.ts";
import type { Unsent } from "./unsent.ts";

/** What the page is made with. */
export interface ViewOptions extends UnsentActions {
  readonly root: HTMLElement;
  readonly texts: Texts;
  readonly lang: string;
  readonly title: string;
  readonly welcome: string | undefined;
  readonly maxChars: number;
  /** Undefined where no files are taken. */
  readonly upload: Upload | undefined;
  readonly onSay: (text: string, files: readonly ChatFile[]) => void;
  /** Undefined when the chat is a page of its own. */
  readonly onClose: (() => void) | undefined;
}

/** The page. */
export interface View {
  readonly showPage: (page: Omit<ChatPage, "session">) => void;
  readonly showUnsent: (all: readonly Unsent[]) => void;
  /** A line under the title; empty for none. */
  readonly say: (text: string) => void;
  readonly showTyping: (isTyping: boolean) => void;
  readonly focus: () => void;
}

/** So close to the end that new messages are followed, in pixels. */
const NEAR_END_PX = 80;

/** Builds the page into `root`. */
export function createView(options: ViewOptions): View {
  const { root, texts, lang, title, welcome } = options;
  const items = new Map<string, HTMLLIElement>();
  const unsent = new Map<string, HTMLLIElement>();
  const log = element("ol", { class: "log" });
  // What was said before is there to be read, not announced.
  const live = element("div", {
    role: "log",
    "aria-live": "off",
    "aria-label": texts.conversation,
  }, log);
  const waiting = element("ol", { class: "log unsent", "aria-label": texts.sending });
  const typing = element("p", { class: "typing", hidden: true }, texts.typing);
  const status = element("p", { class: "status", role: "status" });
  const greeting = element("p", { class: "welcome" }, welcome ?? "");
  greeting.hidden = welcome === undefined;
  const scroller = element(
    "main",
    { class: "scroller", tabindex: "0", "aria-label": texts.conversation },
    greeting,
    live,
    waiting,
    typing,
  );
  const toEnd = element(
    "button",
    { class: "to-end", type: "button", onclick: scrollToEnd },
    texts.newMessages,
  );
  toEnd.hidden = true;
  const { form, field } = createComposer(options);
  const header = element("header", {}, element("div", {}, element("h1", {}, title), status));
  if (options.onClose !== undefined) {
    const close = element("button", {
      class: "close",
      type: "button",
      "aria-label": texts.close,
      onclick: options.onClose,
    }, "×");
    header.append(close);
  }
  root.replaceChildren(header, scroller, toEnd, form);
  scroller.addEventListener("scroll", () => {
    if (isAtEnd()) toEnd.hidden = true;
  });

  function isAtEnd(): boolean {
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
  }
  function scrollToEnd(): void {
    scroller.scrollTop = scroller.scrollHeight;
    toEnd.hidden = true;
  }
  /** Changes the conversation, and keeps at its end whoever was there. */
  function change(work: () => void): void {
    const follows = isAtEnd();
    work();
    if (follows) scrollToEnd();
  }

  function add(message: ChatMessage): void {
    const made = messageView(message, texts, lang);
    const known = items.get(message.id);
    if (known === undefined) log.append(made);
    else known.replaceWith(made);
    items.set(message.id, made);
    if (message.client_msg_id !== undefined) forget(message.client_msg_id);
    if (!isAtEnd() && message.from !== "visitor" && known === undefined) toEnd.hidden = false;
  }
  function forget(id: string): void {
    unsent.get(id)?.remove();
    unsent.delete(id);
  }

  return {
    showPage({ messages, states, reset }) {
      change(() => {
        if (reset) {
          log.replaceChildren();
          items.clear();
        }
        for (const message of messages) add(message);
        for (const { id, state } of states) {
          const item = items.get(id);
          if (item !== undefined) showState(item, texts[state], state);
        }
        greeting.hidden = welcome === undefined || items.size > 0;
      });
      if (live.getAttribute("aria-live") === "off") {
        requestAnimationFrame(() => live.setAttribute("aria-live", "polite"));
      }
    },
    showUnsent(all) {
      change(() => {
        unsent.clear();
        waiting.replaceChildren(...all.map((one) => {
          const item = unsentView(one, texts, options);
          unsent.set(one.id, item);
          return item;
        }));
        waiting.hidden = all.length === 0;
      });
    },
    say: (text) => void (status.textContent = text),
    showTyping: (isTyping) => change(() => void (typing.hidden = !isTyping)),
    focus: () => field.focus(),
  };
}
