/**
 * Who else has a conversation open: other operators, and the people of its tenant who ask the firehose.
 *
 * @module
 */
import { useEffect, useState } from "hono/jsx/dom";
import { openFirehose } from "../../client/firehose.ts";
import { Icon } from "./icons.tsx";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { TEXTS } from "./texts/mod.ts";

const T = TEXTS.presence;

interface Others {
  readonly names: readonly string[];
  /** How many are not named. */
  readonly more: number;
}

const NOBODY: Others = { names: [], more: 0 };

/** One line that names them, while there are any; they are told of this page likewise. */
export function OthersHere({ account, conversation }: { account: string; conversation: string }) {
  const { session } = useServices();
  const state = useStore(session.state);
  const [others, setOthers] = useState(NOBODY);
  const subject = state.kind === "in" ? state.subject : undefined;
  useEffect(() => {
    if (subject === undefined) return undefined;
    const client = openFirehose({
      url: `${location.origin}/console/firehose`,
      filters: { account_id: account, conversation },
      onEvent: () => undefined,
      onPresence: ({ watchers, more }) =>
        setOthers({ names: watchers.filter((name) => name !== subject), more }),
      // Nobody knows who is there while the connection is lost.
      onState: ({ kind }) => kind === "open" ? undefined : setOthers(NOBODY),
    });
    return () => client.close();
  }, [account, conversation, subject]);
  const { names, more } = others;
  return (
    <div role="status" class="others">
      {names.length === 0 && more === 0 ? null : (
        <p>
          <Icon name="people" />
          {T.alsoHere(more === 0 ? names : [...names, T.more(more)])}
        </p>
      )}
    </div>
  );
}
