/**
 * How each provider signs and what its own library accepts, by code that nobody here wrote; where a
 * provider has no library, by Node's crypto and the provider's documentation.
 *
 * @module
 */
import { generateKeyPairSync, sign as signWithKey } from "node:crypto";
import { validateSignature as lineAccepts } from "@line/bot-sdk";
import { sign as octokitSign, verify as octokitVerify } from "@octokit/webhooks-methods";
import { verifySlackRequest } from "@slack/bolt/dist/receivers/verify-request.js";
import { verifyKey } from "discord-interactions";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix";
import {
  getExpectedBodyHash,
  getExpectedTwilioSignature,
  validateRequest,
  validateRequestWithBody,
} from "twilio/lib/webhooks/webhooks.js";
import type { PresetName } from "../../../core/contract/mod.ts";
import { hmac, type Oracle, OTHER, plainHmac, SECRET, text } from "./oracle.ts";

const PUBLIC_URL = "https://hooks.example.com/s";
const secs = (nowMs: number): string => String(Math.floor(nowMs / 1000));

async function tries(check: () => unknown): Promise<boolean> {
  try {
    await check();
    return true;
  } catch {
    return false;
  }
}

function token(preset: PresetName, header: string): Oracle {
  return {
    name: preset,
    preset,
    secret: SECRET,
    otherSecret: OTHER,
    coversBody: false,
    send: (body) => Promise.resolve({ headers: { [header]: SECRET }, query: "", body }),
  };
}

function octokit(preset: "github" | "meta"): Oracle {
  return {
    ...plainHmac(preset, "x-hub-signature-256", "hex"),
    bodies: "json",
    send: async (body) => ({
      headers: { "x-hub-signature-256": await octokitSign(SECRET, text(body)) },
      query: "",
      body,
    }),
    accepts: ({ headers, body }) =>
      octokitVerify(SECRET, text(body), headers["x-hub-signature-256"] ?? ""),
  };
}

const stripe: Oracle = {
  ...plainHmac("stripe", "", "hex"),
  bodies: "json",
  send: (body, nowMs) =>
    Promise.resolve({
      headers: {
        "stripe-signature": Stripe.webhooks.generateTestHeaderString({
          payload: text(body),
          secret: SECRET,
          timestamp: Math.floor(nowMs / 1000),
        }),
      },
      query: "",
      body,
    }),
  accepts: ({ headers, body }, nowMs) =>
    tries(() =>
      Stripe.webhooks.constructEvent(
        text(body),
        headers["stripe-signature"] ?? "",
        SECRET,
        300,
        undefined,
        nowMs,
      )
    ),
};

const slack: Oracle = {
  ...plainHmac("slack", "", "hex"),
  send: (body, nowMs) => {
    const stamp = secs(nowMs);
    const signed = Buffer.concat([Buffer.from(`v0:${stamp}:`), body]);
    const headers = {
      "x-slack-request-timestamp": stamp,
      "x-slack-signature": `v0=${hmac(SECRET, signed, "hex")}`,
    };
    return Promise.resolve({ headers, query: "", body });
  },
  accepts: ({ headers, body }, nowMs) =>
    tries(() =>
      verifySlackRequest({
        signingSecret: SECRET,
        body: text(body),
        headers: {
          "x-slack-signature": headers["x-slack-signature"] ?? "",
          "x-slack-request-timestamp": Number(headers["x-slack-request-timestamp"]),
        },
        nowMilliseconds: nowMs,
      })
    ),
};

const formOf = (body: Uint8Array): Record<string, string | string[]> => {
  const params = new URLSearchParams(text(body));
  return Object.fromEntries(
    Array.from(new Set(params.keys()), (name) => {
      const values = params.getAll(name);
      return [name, values.length === 1 ? values[0] ?? "" : values];
    }),
  );
};

const FORM = "application/x-www-form-urlencoded";
const twilioHeaders = (url: string, params: Record<string, unknown>, type: string) => ({
  "content-type": type,
  "x-twilio-signature": getExpectedTwilioSignature(SECRET, url, params),
});

const twilioForm: Oracle = {
  ...plainHmac("twilio", "", "base64"),
  name: "twilio, form",
  bodies: "form",
  source: { public_url: PUBLIC_URL },
  send: (body) =>
    Promise.resolve({
      headers: twilioHeaders(`${PUBLIC_URL}?a=its&b=2`, formOf(body), FORM),
      query: "?a=its&b=2",
      body,
    }),
  accepts: ({ headers, query, body }) =>
    Promise.resolve(
      validateRequest(
        SECRET,
        headers["x-twilio-signature"] ?? "",
        PUBLIC_URL + query,
        formOf(body),
      ),
    ),
};

const twilioJson: Oracle = {
  ...twilioForm,
  name: "twilio, JSON",
  bodies: "json",
  send: (body) => {
    const query = `?bodySHA256=${getExpectedBodyHash(text(body))}`;
    const headers = twilioHeaders(PUBLIC_URL + query, {}, "application/json");
    return Promise.resolve({ headers, query, body });
  },
  accepts: ({ headers, query, body }) =>
    Promise.resolve(
      validateRequestWithBody(
        SECRET,
        headers["x-twilio-signature"] ?? "",
        PUBLIC_URL + query,
        text(body),
      ),
    ),
};

const keys = [0, 1].map(() => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d = "", x = "" } = privateKey.export({ format: "jwk" });
  return {
    privateKey,
    publicHex: Buffer.from(x, "base64url").toString("hex"),
    bothHex: Buffer.concat([Buffer.from(d, "base64url"), Buffer.from(x, "base64url")])
      .toString("hex"),
  };
}) as [KeyPair, KeyPair];
type KeyPair = {
  privateKey: Parameters<typeof signWithKey>[2];
  publicHex: string;
  bothHex: string;
};

const discord: Oracle = {
  ...plainHmac("discord", "", "hex"),
  // Discord gives the public half alone; with both we can sign, too.
  secret: keys[0].bothHex,
  otherSecret: keys[1].publicHex,
  send: (body, nowMs) => {
    const stamp = secs(nowMs);
    const signature = signWithKey(
      null,
      Buffer.concat([Buffer.from(stamp), body]),
      keys[0].privateKey,
    );
    const headers = {
      "x-signature-timestamp": stamp,
      "x-signature-ed25519": signature.toString("hex"),
    };
    return Promise.resolve({ headers, query: "", body });
  },
  accepts: ({ headers, body }) =>
    verifyKey(
      body,
      headers["x-signature-ed25519"] ?? "",
      headers["x-signature-timestamp"] ?? "",
      keys[0].publicHex,
    ),
};

/** Discord's public key alone, as an operator has it. */
export const DISCORD_PUBLIC_KEY = keys[0].publicHex;

const linear = plainHmac("linear", "linear-signature", "hex", { bodies: "json" });

const line = plainHmac("line", "x-line-signature", "base64", {
  accepts: ({ headers, body }) =>
    Promise.resolve(lineAccepts(Buffer.from(body), SECRET, headers["x-line-signature"] ?? "")),
});

const KEY = Buffer.from(SECRET).toString("base64");

function standard(name: string, prefix: "webhook" | "svix", secret: string): Oracle {
  const webhook = prefix === "svix" ? new SvixWebhook(secret) : new Webhook(secret);
  return {
    ...plainHmac("standard_webhooks", "", "base64"),
    name,
    secret,
    otherSecret: Buffer.from(OTHER).toString("base64"),
    bodies: "json",
    send: (body, nowMs, id) =>
      Promise.resolve({
        headers: {
          [`${prefix}-id`]: id,
          [`${prefix}-timestamp`]: secs(nowMs),
          [`${prefix}-signature`]: webhook.sign(id, new Date(nowMs), text(body)),
        },
        query: "",
        body,
      }),
    accepts: ({ headers, body }) => tries(() => webhook.verify(text(body), { ...headers })),
  };
}

/** Every preset at least once. */
export const ORACLES: readonly Oracle[] = [
  octokit("github"),
  octokit("meta"),
  token("gitlab", "x-gitlab-token"),
  token("telegram", "x-telegram-bot-api-secret-token"),
  token("raw_token", "x-webhook-token"),
  stripe,
  slack,
  plainHmac("shopify", "x-shopify-hmac-sha256", "base64"),
  twilioForm,
  twilioJson,
  discord,
  linear,
  line,
  standard("standard_webhooks", "webhook", `whsec_${KEY}`),
  standard("standard_webhooks, bare secret", "webhook", KEY),
  standard("standard_webhooks, svix", "svix", `whsec_${KEY}`),
  plainHmac("generic_hmac", "x-signature", "hex"),
];
