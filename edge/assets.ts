/**
 * Pages' files as the build made them: few, small, in memory.
 *
 * @module
 */
import { z } from "zod";

/** One file of a page. */
const AssetFile = z.strictObject({
  /** With a hash of the content in it, so that it never changes. */
  name: z.string(),
  type: z.string(),
  text: z.string(),
  gzip_base64: z.base64(),
});
/** See {@linkcode AssetFile}. */
export type AssetFile = z.infer<typeof AssetFile>;

/** What `edge/build.ts` writes and the entries hand over. */
export const EdgeAssets = z.strictObject({
  console: z.strictObject({ script: AssetFile, style: AssetFile }),
  chat: z.strictObject({ script: AssetFile, style: AssetFile, widget: AssetFile }),
});
/** See {@linkcode EdgeAssets}. */
export type EdgeAssets = z.infer<typeof EdgeAssets>;

/** A file ready to be sent. */
interface Ready {
  readonly etag: string;
  readonly type: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
}

/** Answers for files. */
export interface AssetServer {
  /** Undefined when there is no such file. */
  readonly answer: (
    name: string,
    request: Request,
    headers?: Readonly<Record<string, string>>,
  ) => Response | undefined;
}

const FOREVER = "public, max-age=31536000, immutable";

/** Builds the server of `assets`. */
export function createAssetServer(assets: readonly AssetFile[]): AssetServer {
  const files = new Map(assets.map((file): [string, Ready] => [file.name, {
    // The name holds the hash.
    etag: `"${file.name}"`,
    type: file.type,
    plain: new TextEncoder().encode(file.text),
    gzip: Uint8Array.from(atob(file.gzip_base64), (char) => char.charCodeAt(0)),
  }]));
  return {
    answer(name, request, more) {
      const file = files.get(name);
      if (file === undefined) return undefined;
      const headers = {
        "cache-control": FOREVER,
        "content-type": file.type,
        "etag": file.etag,
        "vary": "accept-encoding",
        ...more,
      };
      if (request.headers.get("if-none-match") === file.etag) {
        return new Response(null, { status: 304, headers });
      }
      if (!takesGzip(request)) return new Response(file.plain, { headers });
      return new Response(file.gzip, { headers: { ...headers, "content-encoding": "gzip" } });
    },
  };
}

function takesGzip({ headers }: Request): boolean {
  return (headers.get("accept-encoding") ?? "").split(",").some((one) => {
    const [name, q] = one.trim().split(/\s*;\s*/);
    return name === "gzip" && !/^q=0(\.0*)?$/.test(q ?? "");
  });
}
