/**
 * What a file is to people, by its media type.
 *
 * @module
 */
import { MediaKind } from "../../contract/mod.ts";

/** The kind of a media type; what is no picture, sound or film is a document. */
export function kindOfMime(mime: string | null): MediaKind {
  const [family = ""] = (mime ?? "").split("/");
  const kind = MediaKind.safeParse(family);
  return kind.success && kind.data !== "sticker" ? kind.data : "document";
}
