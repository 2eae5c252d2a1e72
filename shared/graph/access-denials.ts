/** Tells a permission that is missing for one mailbox from one that is missing for the whole app. */
export interface AccessDenials {
  /** Counts a denial; true when the whole app is denied. */
  denied(mailbox: string): Promise<boolean>;
  /** The mailbox let the app in. */
  admitted(mailbox: string): void;
}

export interface AccessDenialsOptions {
  /** Asks a mailbox whether it lets the app in; undefined when it gives no answer. */
  ask(mailbox: string): Promise<boolean | undefined>;
  /** Mailboxes that let the app in at some time. */
  known(): Promise<string[]>;
  now: () => number;
  /** How many different mailboxes in a row must deny the app before others are asked. */
  limit?: number;
}

const mostAsked = 3;
/** How long the app counts as denied as a whole (ms). Without it, every denial would cost a second request. */
const concludedForMs = 60_000;

/**
 * When several mailboxes in a row deny the app, one that let it in before is asked. If it still does, only those
 * mailboxes deny it: a chat may have any number of participants outside the app's scope. If it denies the app now, or
 * none has ever let it in, the whole app is denied.
 */
export function createAccessDenials({ ask, known, now, limit = 5 }: AccessDenialsOptions): AccessDenials {
  const denying = new Set<string>();
  /** The last to let the app in, latest last. */
  const admitting = new Set<string>();
  let concludedAtMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<boolean> | undefined;

  const admitted = (mailbox: string) => {
    denying.clear();
    concludedAtMs = Number.NEGATIVE_INFINITY;
    admitting.delete(mailbox);
    admitting.add(mailbox);
    const [oldest] = admitting;
    if (admitting.size > mostAsked && oldest !== undefined) admitting.delete(oldest);
  };

  async function isAnyAdmitting(): Promise<boolean> {
    const asked = new Set<string>();
    const admits = async (mailbox: string) => {
      if (denying.has(mailbox) || asked.has(mailbox)) return false;
      asked.add(mailbox);
      if (!(await ask(mailbox))) return false;
      admitted(mailbox);
      return true;
    };
    for (const mailbox of [...admitting].reverse()) if (await admits(mailbox)) return true;
    for (const mailbox of await known()) if (await admits(mailbox)) return true;
    return false;
  }

  return {
    async denied(mailbox) {
      admitting.delete(mailbox);
      if (denying.size < limit * 100) denying.add(mailbox);
      if (denying.size < limit) return false;
      if (now() - concludedAtMs < concludedForMs) return true;
      asking ??= isAnyAdmitting().finally(() => (asking = undefined));
      if (await asking) return false;
      concludedAtMs = now();
      return true;
    },
    admitted,
  };
}
