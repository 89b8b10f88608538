declare module "hoodiecrow-imap" {
  interface ImapServer {
    /** The server of the platform it stands on. */
    readonly server: unknown;
    listen(port: number, host: string): void;
    close(done: () => void): void;
    appendMessage(
      mailbox: string,
      flags: string[],
      internaldate: false | string,
      raw: string,
    ): void;
  }
  export default function hoodiecrow(options: {
    readonly plugins: readonly string[];
    readonly storage: unknown;
    readonly users: Readonly<Record<string, { readonly password: string }>>;
    readonly secureConnection: boolean;
  }): ImapServer;
}
