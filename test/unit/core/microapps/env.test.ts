/**
 * What of its environment core hands to children.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { childEnv, isBlockedName } from "../../../../core/microapps/env.ts";

describe("isBlockedName()", () => {
  it.each([
    "GITHUB_TOKEN",
    "github_token",
    "API_KEY",
    "X_SECRET",
    "DB_PASSWORD",
    "DB_PASSWD",
    "DB_PWD",
    "AWS_CREDENTIALS",
    "GH_PAT",
    "BASIC_AUTH",
    "MAIL_APIKEY",
    "HTTP_BEARER",
    "COOKIE_SESSION",
    "MYPASSWORDFILE",
    "SECRETS_DIR",
    "PRIVATE_KEY_PATH",
  ])("blocks %s", (name) => expect(isBlockedName(name)).toBe(true));

  it.each(["PATH", "HOME", "TOKEN", "KEYBOARD", "AUTHOR", "PWD", "SESSION_ID", "PATTERN"])(
    "lets %s through",
    (name) => expect(isBlockedName(name)).toBe(false),
  );
});

describe("childEnv()", () => {
  it("adds what the manifest asks for, but never what opens core itself", () => {
    const parent = {
      A: "1",
      A_TOKEN: "2",
      B_TOKEN: "3",
      NEXO_EDGE_KEY: "4",
      GONE: undefined,
      HOME: "/x",
    };
    expect(childEnv({ parent, passed: ["A_TOKEN", "NEXO_EDGE_KEY"], added: { HOME: "/y" } }))
      .toEqual({
        A: "1",
        A_TOKEN: "2",
        HOME: "/y",
      });
  });
});
