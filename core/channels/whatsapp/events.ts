/**
 * Webhooks of the WhatsApp Cloud API: messages, what our side wrote on a phone, and receipts.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, type MediaKind, type MessagePart } from "../../contract/mod.ts";
import type { Heard, HeardMessage, Receipt } from "../channel.ts";

const Text = z.looseObject({ body: z.string() });
const File = z.looseObject({
  id: z.string().min(1),
  mime_type: z.string().optional(),
  caption: z.string().optional(),
  filename: z.string().optional(),
});
const Option = z.looseObject({ id: z.string(), title: z.string().optional() });

const Message = z.looseObject({
  from: z.string().min(1),
  /** Of an echo: whom our side wrote to. */
  to: z.string().optional(),
  /** Of a group. */
  group_id: z.string().optional(),
  id: z.string().min(1),
  timestamp: z.string().regex(/^\d{1,12}$/),
  type: z.string().optional(),
  context: z.looseObject({ id: z.string().optional() }).optional(),
  text: Text.optional(),
  image: File.optional(),
  audio: File.optional(),
  video: File.optional(),
  document: File.optional(),
  sticker: File.optional(),
  location: z.looseObject({
    latitude: z.number(),
    longitude: z.number(),
    name: z.string().optional(),
    address: z.string().optional(),
  }).optional(),
  contacts: z.array(z.looseObject({
    name: z.looseObject({ formatted_name: z.string().optional() }).optional(),
    phones: z.array(z.looseObject({ phone: z.string().optional() })).optional(),
  })).optional(),
  reaction: z.looseObject({ message_id: z.string(), emoji: z.string().optional() }).optional(),
  button: z.looseObject({ payload: z.string(), text: z.string().optional() }).optional(),
  interactive: z.looseObject({
    button_reply: Option.optional(),
    list_reply: Option.optional(),
    nfm_reply: z.looseObject({ response_json: z.string(), name: z.string().optional() }).optional(),
  }).optional(),
});
type Message = z.infer<typeof Message>;

const Status = z.looseObject({
  id: z.string().min(1),
  status: z.enum(["sent", "delivered", "read", "failed"]),
  timestamp: z.string().regex(/^\d{1,12}$/),
  biz_opaque_callback_data: z.string().optional(),
  errors: z.array(z.looseObject({
    code: z.int(),
    title: z.string().optional(),
    error_data: z.looseObject({ details: z.string().optional() }).optional(),
  })).optional(),
});

const Change = z.looseObject({
  field: z.string(),
  value: z.looseObject({
    metadata: z.looseObject({ phone_number_id: z.string() }),
    contacts: z.array(z.unknown()).optional(),
    messages: z.array(z.unknown()).optional(),
    message_echoes: z.array(z.unknown()).optional(),
    statuses: z.array(z.unknown()).optional(),
  }),
});
const Event = z.looseObject({
  entry: z.array(z.looseObject({ changes: z.array(z.unknown()) })),
});
const Contact = z.looseObject({
  wa_id: z.string(),
  profile: z.looseObject({ name: z.string().optional() }).optional(),
});

/**
 * What an event of a line says; an item of a kind nobody knows leaves the others alone.
 *
 * @throws {CodedError} `inbound_refused` when it is about another line than `phoneNumberId`
 */
export function hearEvent(value: unknown, phoneNumberId: string | undefined): Heard {
  const event = Event.safeParse(value);
  const changes = event.success ? event.data.entry.flatMap((entry) => entry.changes) : [];
  const heard = changes.flatMap((change) => {
    const parsed = Change.safeParse(change);
    return parsed.success ? [hearChange(parsed.data.value, phoneNumberId)] : [];
  });
  return {
    messages: heard.flatMap(({ messages }) => messages),
    receipts: heard.flatMap(({ receipts }) => receipts),
  };
}

function hearChange(
  { metadata, contacts, messages, message_echoes: echoes, statuses }: z.infer<
    typeof Change
  >["value"],
  phoneNumberId: string | undefined,
): Heard {
  if (phoneNumberId !== undefined && metadata.phone_number_id !== phoneNumberId) {
    const message = `the event is of line ${metadata.phone_number_id}: give that its own address`;
    throw new CodedError("inbound_refused", message);
  }
  const names = new Map(
    known(Contact, contacts).map(({ wa_id, profile }) => [wa_id, profile?.name ?? null]),
  );
  return {
    messages: [
      ...known(Message, messages).flatMap((message) => said(message, names, false)),
      ...known(Message, echoes).flatMap((message) => said(message, names, true)),
    ],
    receipts: known(Status, statuses).map(receiptOf),
  };
}

/** Those items that are what they should be. */
function known<T extends z.ZodType>(schema: T, items: readonly unknown[] = []): z.output<T>[] {
  return items.flatMap((item) => {
    const parsed = schema.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });
}

function said(
  message: Message,
  names: ReadonlyMap<string, string | null>,
  fromMe: boolean,
): HeardMessage[] {
  const parts = partsOf(message);
  const contact = message.group_id ?? (fromMe ? message.to : message.from);
  if (parts.length === 0 || contact === undefined || contact === "") return [];
  return [{
    contact,
    chat: message.group_id === undefined ? "direct" : "group",
    parts,
    sender: { id: message.from, name: names.get(message.from) ?? null },
    msgId: message.id,
    replyToMsgId: message.context?.id ?? null,
    editOf: null,
    fromMe,
    replyAddress: { to: contact, thread: null, extra: {} },
    sentAtMs: Number(message.timestamp) * 1000,
  }];
}

function partsOf(message: Message): MessagePart[] {
  const { text, location, contacts = [], reaction, button, interactive } = message;
  const parts: MessagePart[] = [];
  if (text !== undefined && text.body !== "") parts.push({ kind: "text", text: text.body });
  parts.push(...filesOf(message));
  if (location !== undefined) {
    const { latitude, longitude, name, address } = location;
    parts.push({ kind: "location", latitude, longitude, name: name ?? address ?? null });
  }
  for (const { name, phones = [] } of contacts) {
    const words = [name?.formatted_name, ...phones.map(({ phone }) => phone)];
    const card = words.filter((word) => word !== undefined).join(", ");
    parts.push({ kind: "text", text: `[contact: ${card}]` });
  }
  if (reaction !== undefined) {
    // An empty one takes the reaction back.
    const emoji = reaction.emoji === undefined || reaction.emoji === "" ? null : reaction.emoji;
    parts.push({ kind: "reaction", emoji, to_msg_id: reaction.message_id });
  }
  if (button !== undefined) {
    parts.push({ kind: "choice", data: button.payload, label: button.text ?? null });
  }
  const option = interactive?.button_reply ?? interactive?.list_reply;
  if (option !== undefined) {
    parts.push({ kind: "choice", data: option.id, label: option.title ?? null });
  }
  if (interactive?.nfm_reply !== undefined) {
    const { response_json: data, name = null } = interactive.nfm_reply;
    parts.push({ kind: "choice", data, label: name });
  }
  return parts;
}

function filesOf(message: Message): MessagePart[] {
  const found: readonly [MediaKind, z.infer<typeof File> | undefined][] = [
    ["image", message.image],
    ["audio", message.audio],
    ["video", message.video],
    ["document", message.document],
    ["sticker", message.sticker],
  ];
  return found.flatMap(([media, file]): MessagePart[] => {
    if (file === undefined) return [];
    const caption = file.caption ?? "";
    return [
      ...(caption === "" ? [] : [{ kind: "text" as const, text: caption }]),
      {
        kind: "media",
        media,
        ref: file.id,
        mime: file.mime_type ?? null,
        name: file.filename ?? null,
        size: null,
      },
    ];
  });
}

function receiptOf({ id, status, timestamp, errors, ...rest }: z.infer<typeof Status>): Receipt {
  const [error] = errors ?? [];
  return {
    msgId: id,
    outboundId: rest.biz_opaque_callback_data ?? null,
    status,
    reason: error === undefined
      ? null
      : `${error.code}: ${error.error_data?.details ?? error.title ?? "no reason given"}`,
    atMs: Number(timestamp) * 1000,
  };
}
