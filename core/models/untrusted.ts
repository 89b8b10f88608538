/**
 * Text inside text that must not be taken for instructions.
 *
 * @module
 */

const OPEN = "<untrusted>";
const CLOSE = "</untrusted>";

/**
 * `value` between `<untrusted>` and `</untrusted>`.
 *
 * Inside, `&` and `<` are written `&amp;` and `&lt;`, so no value can close its marker or open another;
 * {@linkcode plainOf} gives it back unchanged.
 */
export function untrusted(value: string): string {
  return `${OPEN}${value.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}${CLOSE}`;
}

/** `text` without the markers of {@linkcode untrusted}, each value as it was; other text stays as it is. */
export function plainOf(text: string): string {
  let plain = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf(OPEN, at);
    const close = open < 0 ? -1 : text.indexOf(CLOSE, open);
    if (close < 0) return plain + text.slice(at);
    plain += text.slice(at, open);
    const inside = text.slice(open + OPEN.length, close);
    plain += inside.replaceAll("&lt;", "<").replaceAll("&amp;", "&");
    at = close + CLOSE.length;
  }
}
