/**
 * Every word the chat shows, by language. Another language is another table of the same keys.
 *
 * @module
 */

const en = {
  title: "Chat",
  conversation: "Conversation",
  write: "Write a message",
  send: "Send",
  close: "Close chat",
  you: "You",
  agent: "Agent",
  operator: "Person",
  system: "Notice",
  connecting: "Connecting…",
  offline: "No connection. What you write is kept and sent later.",
  trouble: "The chat cannot be reached at the moment. It is tried again by itself.",
  gone: "Nobody answers here.",
  noCookie: "This chat needs a cookie, and the browser keeps none. Allow cookies for this page.",
  operatorAnswers: "A person is answering.",
  typing: "An answer is being written…",
  sending: "Sending…",
  waiting: "Sent",
  read: "Read",
  refused: "Not accepted: you may not write here at the moment.",
  failed: "This could not be answered.",
  unsent: "Not sent.",
  slower: "Too many messages at once. It is sent in a moment.",
  again: "Try again",
  drop: "Delete",
  newMessages: "New messages",
  codeHint: "Pass this code on to whoever invited you:",
  copy: "Copy code",
  copied: "Copied",
  invitation: "You opened an invitation.",
  attach: "Attach a file",
  uploading: "Sending a file…",
  notUploaded: "The file could not be sent.",
  tooLarge: "The file is too large.",
};

/** The words. */
export type Texts = Readonly<Record<keyof typeof en, string>>;

const es: Texts = {
  title: "Chat",
  conversation: "Conversación",
  write: "Escribe un mensaje",
  send: "Enviar",
  close: "Cerrar el chat",
  you: "Tú",
  agent: "Agente",
  operator: "Persona",
  system: "Aviso",
  connecting: "Conectando…",
  offline: "Sin conexión. Lo que escribas se guarda y se envía después.",
  trouble: "El chat no está disponible en este momento. Se vuelve a intentar solo.",
  gone: "Aquí no responde nadie.",
  noCookie: "Este chat necesita una cookie y el navegador no la guarda. Permite las cookies.",
  operatorAnswers: "Te atiende una persona.",
  typing: "Se está escribiendo una respuesta…",
  sending: "Enviando…",
  waiting: "Enviado",
  read: "Leído",
  refused: "No aceptado: de momento no puedes escribir aquí.",
  failed: "No se ha podido responder.",
  unsent: "No enviado.",
  slower: "Demasiados mensajes a la vez. Se envía en un momento.",
  again: "Reintentar",
  drop: "Eliminar",
  newMessages: "Mensajes nuevos",
  codeHint: "Entrega este código a quien te ha invitado:",
  copy: "Copiar el código",
  copied: "Copiado",
  invitation: "Has abierto una invitación.",
  attach: "Adjuntar un archivo",
  uploading: "Enviando un archivo…",
  notUploaded: "No se ha podido enviar el archivo.",
  tooLarge: "El archivo es demasiado grande.",
};

const TABLES: Readonly<Record<string, Texts>> = { en, es };

/** The first of the wanted languages that there is, and its words. */
export function textsFor(wanted: readonly string[]): { lang: string; texts: Texts } {
  for (const tag of wanted) {
    const [lang = ""] = tag.toLowerCase().split("-");
    const texts = Object.hasOwn(TABLES, lang) ? TABLES[lang] : undefined;
    if (texts !== undefined) return { lang, texts };
  }
  return { lang: "en", texts: en };
}
