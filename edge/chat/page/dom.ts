/**
 * Elements, and text with its links; never markup of anybody's.
 *
 * @module
 */

/** An element with attributes; listeners go on as `onclick` and so on. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string | boolean | ((event: Event) => void)>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const LINK = /https?:\/\/[^\s<>"']+/g;
const TRAILING = /[.,;:!?)\]}]+$/;

/** Text whose web addresses can be followed. */
export function linked(text: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const address = found.replace(TRAILING, "");
    if (!URL.canParse(address)) continue;
    parts.push(text.slice(at, index), link(address));
    at = index + address.length;
  }
  return [...parts, text.slice(at)];
}

function link(address: string): Node {
  const attributes = { href: address, target: "_blank", rel: "noopener noreferrer nofollow" };
  return element("a", attributes, address);
}
