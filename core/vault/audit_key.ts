/**
 * The key that signs how far the record reached; its public half lets others check that.
 *
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { CodedError, type Random } from "../contract/mod.ts";
import { openSecretFile, randomBytes } from "./key_files.ts";

/** Signs statements with Ed25519. */
export interface AuditKey {
  /** The first 16 hex digits of the SHA-256 of the public key: what an auditor notes down. */
  readonly id: string;
  /** SPKI, PEM. */
  readonly publicKey: string;
  /** Base64url. */
  readonly sign: (text: string) => string;
  readonly verify: (text: string, signature: string) => boolean;
}

/** An Ed25519 private key in PKCS #8 is this and its 32 bytes. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * Opens the key at `path`; made when there is none.
 *
 * @throws {CodedError} `config_invalid` when the file is damaged
 */
export async function openAuditKey(
  { path, random }: { path: string; random: Random },
): Promise<AuditKey> {
  const pem = await openSecretFile(path, random, () => {
    const der = Buffer.concat([PKCS8_PREFIX, randomBytes(random, 32)]);
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
      .export({ format: "pem", type: "pkcs8" }).toString();
  });
  const secret = parseKey(path, pem);
  const open = createPublicKey(secret);
  const der = open.export({ format: "der", type: "spki" });
  return {
    id: createHash("sha256").update(der).digest("hex").slice(0, 16),
    publicKey: open.export({ format: "pem", type: "spki" }).toString(),
    sign: (text) => sign(null, Buffer.from(text), secret).toString("base64url"),
    verify: (text, signature) =>
      verify(null, Buffer.from(text), open, Buffer.from(signature, "base64url")),
  };
}

function parseKey(path: string, pem: string) {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Falls through: a file that is no key is as bad as one of another kind.
  }
  throw new CodedError("config_invalid", `Cannot read key "${path}": it is no Ed25519 private key`);
}
