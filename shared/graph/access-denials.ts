/**
 * Tells a missing permission for one mailbox from a missing permission altogether: when many different mailboxes
 * in a row are denied and none let the app in for a while, the deployment is at fault, not the mailboxes.
 */
export interface AccessDenials {
  /** Counts a denial; true when it is the deployment's. */
  denied(mailbox: string): boolean;
  /** A mailbox let the app in. */
  admitted(): void;
}

const minuteMs = 60_000;

/**
 * `limit` is the number of different mailboxes in a row. A chat of hundreds, few of them in the app's management
 * scope, denies many in a row too: as long as any mailbox let the app in within `memoryMs`, it is theirs.
 */
export function createAccessDenials(options: {
  now: () => number;
  limit?: number;
  memoryMs?: number;
}): AccessDenials {
  const { now, limit = 5, memoryMs = 10 * minuteMs } = options;
  const mailboxes = new Set<string>();
  let admittedAt = Number.NEGATIVE_INFINITY;
  return {
    denied(mailbox) {
      if (mailboxes.size < limit) mailboxes.add(mailbox);
      return mailboxes.size >= limit && now() - admittedAt > memoryMs;
    },
    admitted() {
      admittedAt = now();
      mailboxes.clear();
    },
  };
}
