import { describe, expect, it } from "vitest";
import { telegram } from "../../../../core/channels/telegram/telegram.ts";
import { whatsapp } from "../../../../core/channels/whatsapp/whatsapp.ts";
import { linkCodeIn, startParameter } from "../../../../core/pairing/codes.ts";
import { channelDeps } from "../../../support/channels/deps.ts";
import { openHttpPeer } from "../../../support/channels/http_peer.ts";

const CODE = "ABCDEFGHJKLMNPQR";

describe("a link to a channel", () => {
  it("opens the Telegram bot by the name Telegram knows it by, and brings the code", async () => {
    await using peer = await openHttpPeer(() => ({
      body: { ok: true, result: { id: 42, is_bot: true, first_name: "A", username: "acme_bot" } },
    }));
    const channel = telegram.open(
      await channelDeps("telegram", `telegram: { token: "42:t", api_root: "${peer.url}" }\n`),
    );
    const link = await channel.linkTo?.("default", startParameter(CODE));
    expect(link).toBe(`https://t.me/acme_bot?start=pair-${CODE}`);
    expect(linkCodeIn(`/start ${new URL(link ?? "").searchParams.get("start")}`)).toBe(CODE);
    expect(await channel.linkTo?.("nobody", "x")).toBeUndefined();
  });

  it("opens a chat with the WhatsApp number that Meta shows, and brings the code", async () => {
    await using peer = await openHttpPeer(() => ({
      body: { display_phone_number: "+1 555-078-3881", id: "9" },
    }));
    const channel = whatsapp.open(
      await channelDeps(
        "whatsapp",
        `whatsapp: { enabled: true, phone_number_id: "9", access_token: t, app_secret: s, api_root: "${peer.url}" }\n`,
      ),
    );
    const link = await channel.linkTo?.("default", startParameter(CODE));
    expect(link).toBe(`https://wa.me/15550783881?text=pair-${CODE}`);
    expect(peer.requests[0]?.headers.authorization).toBe("Bearer t");
  });
});
