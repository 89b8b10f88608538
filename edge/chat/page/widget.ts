/**
 * What a web page embeds: a button, and the chat in a frame of its own.
 *
 * `<script src="https://edge.example/chat/acme/widget.js" async></script>`; options are attributes of it:
 * `data-label`, `data-position="left"`, `data-lang`, `data-open`.
 *
 * @module
 */

const STYLE = `
:host { all: initial; position: fixed; z-index: 2147483000; inset: auto 1rem 1rem auto; color-scheme: light dark; }
:host([data-position="left"]) { inset: auto auto 1rem 1rem; }
button { all: unset; box-sizing: border-box; cursor: pointer; display: flex; align-items: center; gap: .5rem;
  min-height: 3.25rem; padding: 0 1.2rem; border-radius: 2rem; background: #0b6e5f; color: #fff;
  font: 600 16px/1 system-ui, sans-serif; box-shadow: 0 4px 16px rgb(0 0 0 / .3); }
button:focus-visible { outline: 3px solid #0b6e5f; outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
b { min-width: 1.5rem; padding: .2rem .4rem; border-radius: 1rem; background: #fff; color: #0b6e5f; text-align: center; }
iframe { border: 0; width: 24rem; height: 36rem; max-width: calc(100vw - 2rem); max-height: calc(100dvh - 2rem);
  border-radius: 1rem; background: Canvas; box-shadow: 0 8px 40px rgb(0 0 0 / .35); }
[hidden] { display: none; }
@media (max-width: 480px) {
  :host([data-open]) { inset: 0 !important; }
  iframe { width: 100vw; height: 100dvh; max-width: none; max-height: none; border-radius: 0; }
}`;

async function embed(script: HTMLScriptElement): Promise<void> {
  const page = new URL(".", script.src).href.replace(/\/$/, "");
  // Browsers refuse the frame on a page that may not have it; this says why.
  const answer = await fetch(`${page}/embed`, { credentials: "omit" }).catch(() => undefined);
  if (answer?.ok !== true) {
    const why = answer === undefined ? "it cannot be reached" : await answer.text();
    // oxlint-disable-next-line no-console -- whoever put the script there reads the console
    return console.error(`nexo chat: not shown here: ${why}`);
  }
  const { title } = await answer.json() as { title: string | null };
  show(page, script.dataset, script.dataset["label"] ?? title ?? "Chat");
}

function show(page: string, options: DOMStringMap, label: string): void {
  const host = document.createElement("div");
  host.dataset["position"] = options["position"] ?? "right";
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(STYLE);
  root.adoptedStyleSheets = [style];
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  const count = document.createElement("b");
  count.hidden = true;
  button.append(label, count);
  root.append(button);
  let frame: HTMLIFrameElement | undefined;

  function open(): void {
    frame ??= makeFrame();
    frame.hidden = false;
    button.hidden = true;
    count.hidden = true;
    host.dataset["open"] = "";
    button.setAttribute("aria-expanded", "true");
    frame.focus();
    tellOpen();
  }
  function close(): void {
    if (frame !== undefined) frame.hidden = true;
    button.hidden = false;
    delete host.dataset["open"];
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }
  function tellOpen(): void {
    frame?.contentWindow?.postMessage({ nexo: "open" }, new URL(page).origin);
  }
  function makeFrame(): HTMLIFrameElement {
    const made = document.createElement("iframe");
    const lang = options["lang"];
    made.src = lang === undefined ? page : `${page}?lang=${encodeURIComponent(lang)}`;
    made.title = label;
    made.allow = "clipboard-write";
    made.addEventListener("load", tellOpen);
    root.append(made);
    return made;
  }

  button.addEventListener("click", open);
  addEventListener("message", ({ source, origin, data }: MessageEvent) => {
    if (frame === undefined || source !== frame.contentWindow) return;
    if (origin !== new URL(page).origin) return;
    const told = data as { nexo?: string; count?: number } | null;
    if (told?.nexo === "close") close();
    if (told?.nexo === "unread" && frame.hidden) {
      count.textContent = String(told.count);
      count.hidden = false;
    }
  });
  document.body.append(host);
  if (options["open"] !== undefined) open();
}

const { currentScript } = document;
if (currentScript instanceof HTMLScriptElement) void embed(currentScript);
