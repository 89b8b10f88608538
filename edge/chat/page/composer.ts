/**
 * Where the visitor writes, and adds files.
 *
 * @module
 */
import type { ChatFile } from "../../../core/contract/chat.ts";
import { element } from "./dom.ts";
import type { Texts } from "./texts.ts";
import type { Upload } from "./upload.ts";

/** What the form is made with. */
export interface ComposerOptions {
  readonly texts: Texts;
  readonly maxChars: number;
  readonly upload: Upload | undefined;
  readonly onSay: (text: string, files: readonly ChatFile[]) => void;
  readonly onClose: (() => void) | undefined;
}

/** Builds the form. */
export function createComposer(
  { texts, maxChars, upload, onSay, onClose }: ComposerOptions,
): { form: HTMLFormElement; field: HTMLTextAreaElement } {
  let files: readonly ChatFile[] = [];
  const field = element("textarea", {
    id: "text",
    rows: "1",
    maxlength: String(maxChars),
    placeholder: texts.write,
    "aria-label": texts.write,
    enterkeyhint: "send",
  });
  const added = element("p", { class: "added", role: "status" });
  const submit = element("button", { class: "send", type: "submit" }, texts.send);
  const attach = upload === undefined ? [] : attachments(upload);
  const form = element(
    "form",
    { class: "composer", "aria-label": texts.write, onsubmit: say },
    added,
    ...attach,
    field,
    submit,
  );

  function attachments({ send, maxBytes, most }: Upload): HTMLElement[] {
    const input = element("input", { type: "file", multiple: true, hidden: true });
    input.addEventListener("change", () => {
      const chosen = [...input.files ?? []].slice(0, most - files.length);
      input.value = "";
      void add(chosen);
    });
    async function add(chosen: readonly File[]): Promise<void> {
      submit.disabled = true;
      for (const file of chosen) {
        if (file.size > maxBytes) {
          added.textContent = texts.tooLarge;
          continue;
        }
        added.textContent = texts.uploading;
        try {
          files = [...files, await send(file)];
          added.textContent = files.map(({ name }) => name).join(", ");
        } catch {
          added.textContent = texts.notUploaded;
        }
      }
      submit.disabled = false;
      field.focus();
    }
    const button = element("button", {
      class: "attach",
      type: "button",
      "aria-label": texts.attach,
      onclick: () => input.click(),
    }, "+");
    return [input, button];
  }

  function say(event: Event): void {
    event.preventDefault();
    const text = field.value.trim();
    if ((text === "" && files.length === 0) || submit.disabled) return field.focus();
    onSay(text, files);
    files = [];
    added.textContent = "";
    field.value = "";
    resize();
    field.focus();
  }
  function resize(): void {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }
  field.addEventListener("input", resize);
  field.addEventListener("keydown", (event) => {
    // A key that ends the composition of a character ends no message.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) say(event);
    if (event.key === "Escape") onClose?.();
  });
  return { form, field };
}
