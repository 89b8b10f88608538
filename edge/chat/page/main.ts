/**
 * The chat in a browser: what is new comes by itself, what is written goes out once.
 *
 * @module
 */
import type { ChatFile } from "../../../core/contract/chat.ts";
import type { ChatFrame } from "../frames.ts";
import { connect, type Link } from "./connection.ts";
import { findHost } from "./host.ts";
import { textsFor } from "./texts.ts";
import { createUpload } from "./upload.ts";
import { newId, openUnsent, type Unsent } from "./unsent.ts";
import { createView } from "./view.ts";

/** What the edge wrote into the page. */
interface PageSettings {
  readonly instance: string;
  readonly title: string | null;
  readonly welcome: string | null;
  readonly max_chars: number;
  readonly max_files: number;
  readonly max_file_bytes: number;
}

/** Without another word an answer is not being written any more. */
const TYPING_MS = 8_000;
/** A message nobody took or refused by then is sent over another connection. */
const SAID_LIMIT_MS = 20_000;
const INVITATION = /^#(pair-[A-Z2-9]{16})$/;

function start(root: HTMLElement, settings: PageSettings): void {
  const query = new URLSearchParams(location.search);
  const wanted = [query.get("lang") ?? "", ...navigator.languages];
  const { lang, texts } = textsFor(wanted);
  const page = location.pathname.replace(/\/$/, "");
  document.documentElement.lang = lang;
  const box = openUnsent(settings.instance);
  let cursor: string | null = null;
  let link: Link = "connecting";
  let isTroubled = false;
  let isOperator = false;
  let isSlowed = false;
  let sending: string | undefined;
  let sendTimer: ReturnType<typeof setTimeout> | undefined;
  let typingTimer: ReturnType<typeof setTimeout> | undefined;
  let unread = 0;

  const host = findHost({
    onOpen() {
      unread = 0;
      view.focus();
    },
  });
  const title = settings.title ?? texts.title;
  document.title = title;
  const view = createView({
    root,
    texts,
    lang,
    title,
    welcome: settings.welcome ?? undefined,
    maxChars: settings.max_chars,
    upload: settings.max_file_bytes === 0
      ? undefined
      : createUpload(page, { maxBytes: settings.max_file_bytes, most: settings.max_files }),
    onSay: (text, files) => write(newId(), text, files),
    onClose: host?.close,
    again: (unsent) => put({ ...unsent, failed: false }),
    drop({ id }) {
      box.delete(id);
      showUnsent();
    },
  });

  function write(id: string, text: string, files: readonly ChatFile[] = []): void {
    put({ id, text, files, atMs: Date.now(), failed: false });
  }
  function put(unsent: Unsent): void {
    box.put(unsent);
    showUnsent();
    sendNext();
  }
  function showUnsent(): void {
    view.showUnsent(box.all());
  }

  /** One at a time: the next waits until the one before it is kept. */
  function sendNext(): void {
    if (sending !== undefined || link !== "open" || isSlowed) return;
    const next = box.all().find(({ failed }) => !failed);
    if (next === undefined) return;
    const { id: client_msg_id, text } = next;
    const files = next.files.map(({ id }) => id);
    if (!connection.send({ type: "say", text, files, client_msg_id })) return;
    sending = next.id;
    sendTimer = setTimeout(() => connection.renew(), SAID_LIMIT_MS);
  }
  function settled(id: string): void {
    if (sending !== id) return;
    sending = undefined;
    clearTimeout(sendTimer);
  }

  function onFrame(frame: ChatFrame): void {
    switch (frame.type) {
      case "page":
        isTroubled = false;
        isOperator = frame.operator;
        cursor = frame.cursor;
        for (const { client_msg_id: id } of frame.messages) if (id !== undefined) box.delete(id);
        view.showPage(frame);
        if (frame.messages.some(({ from }) => from !== "visitor")) heard(frame);
        break;
      case "typing":
        showTyping(true);
        break;
      case "said":
        settled(frame.client_msg_id);
        box.delete(frame.client_msg_id);
        break;
      case "refused":
        refused(frame);
        break;
      case "trouble":
        isTroubled = true;
        break;
    }
    showStatus();
    sendNext();
  }

  function heard({ messages }: ChatFrame & { type: "page" }): void {
    showTyping(false);
    if (document.visibilityState === "visible" && document.hasFocus()) return;
    unread += messages.filter(({ from }) => from !== "visitor").length;
    host?.unread(unread);
  }

  function refused(
    { client_msg_id: id, retry, retry_after_secs }: ChatFrame & { type: "refused" },
  ) {
    settled(id);
    if (retry) {
      isSlowed = true;
      setTimeout(() => {
        isSlowed = false;
        showStatus();
        sendNext();
      }, (retry_after_secs ?? 2) * 1000);
      return;
    }
    const unsent = box.all().find((one) => one.id === id);
    if (unsent !== undefined) box.put({ ...unsent, failed: true });
    showUnsent();
  }

  function showTyping(isTyping: boolean): void {
    clearTimeout(typingTimer);
    view.showTyping(isTyping);
    if (isTyping) typingTimer = setTimeout(() => view.showTyping(false), TYPING_MS);
  }

  function onLink(next: Link): void {
    link = next;
    if (next !== "open") {
      sending = undefined;
      clearTimeout(sendTimer);
    }
    root.dataset["link"] = next;
    showStatus();
    if (next === "open") sendNext();
  }

  function showStatus(): void {
    view.say(statusText());
  }
  function statusText(): string {
    if (link === "no_cookie") return texts.noCookie;
    if (link === "gone") return texts.gone;
    if (link === "lost") return texts.offline;
    if (isTroubled) return texts.trouble;
    if (link === "connecting") return cursor === null ? texts.connecting : texts.offline;
    if (isSlowed) return texts.slower;
    return isOperator ? texts.operatorAnswers : "";
  }

  showUnsent();
  const base = new URL(page, location.href);
  const socketUrl = new URL(`${base.pathname}/ws`, base);
  socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
  const connection = connect(
    socketUrl,
    { onFrame, onLink, cursor: () => cursor },
    () => fetch(base, { cache: "no-store" }),
  );
  const invitation = INVITATION.exec(location.hash)?.[1];
  if (invitation !== undefined) {
    history.replaceState(null, "", location.pathname + location.search);
    // Opened twice, it is sent once.
    write(invitation, invitation);
  }
}

const root = document.getElementById("chat");
const settings = document.querySelector('meta[name="nexo-chat"]')?.getAttribute("content");
if (root !== null && settings != null) start(root, JSON.parse(settings) as PageSettings);
