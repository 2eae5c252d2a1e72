/** The hub model: readers turn every source into it, and every mailbox item is made from it. Pure data. */
import type { Content } from './content';
import type { MessageAction } from './message-action';

/** A party of a communication: with a name, an address, a number, or nothing at all (an unknown party). */
export interface Party {
  name: string;
  /** As the source wrote it; it may not be a usable SMTP address. */
  address?: string;
  /** As the source wrote it. */
  number?: string;
  /** The number in E.164, if it is one: by this, numbers are compared. */
  e164?: string;
  /** The number comes from the display name, which people choose themselves. */
  numberInName?: true;
}

/** The sender, if there is one, and the recipients, without blind copies. */
export const partiesIn = ({
  from,
  to,
  cc = [],
}: {
  from?: Party | undefined;
  to: readonly Party[];
  cc?: readonly Party[];
}): Party[] => [...(from ? [from] : []), ...to, ...cc];

/** Longer than any number with separators. */
const maxNumberLength = 64;

/**
 * Equal for the same number in whatever notation, and for digits without a numbering plan that differ in punctuation
 * only; an id that is no number in lower case; empty without either.
 */
export function numberKey({ number = '', e164 }: Pick<Party, 'number' | 'e164'>): string {
  if (e164 !== undefined) return e164;
  const text = number.trim();
  const isNumber = text.length <= maxNumberLength && /^[+\d\s().\-/]+$/.test(text) && /\d/.test(text);
  return isNumber ? text.replace(/\D/g, '') : text.toLowerCase();
}

/** `Bytes` is `Buffer` where every file is in memory. */
export interface Attachment<Bytes extends Content = Content> {
  /** Never empty, and never a path: the last component only. */
  name: string;
  contentType: string;
  /** Exactly the decoded bytes of the source. */
  content: Bytes;
  /** True when the HTML body refers to it by `cid:`. */
  inline: boolean;
  /** Without angle brackets. */
  contentId?: string;
}

/** A call, in the source's words. */
export interface Call {
  kind: 'voiceCall' | 'videoCall' | 'call';
  /** One line; empty if the source does not say how the call went. */
  status: string;
  start: string;
  end: string;
  /** The person called, if none of the item's parties. */
  called?: string;
}

/** What the source says of an item besides its text; item-lines.ts puts it into words. One line each. */
export interface Facts {
  /** Name of the network as people say it. */
  network: string;
  /** TeleMessage's word for where it was captured, such as `WHATSAPP_CLOUD_ARCHIVER`. */
  source: string;
  /** The party whose device or account it was captured from. */
  captured?: { party: Party; isSender: boolean };
  /** `name` may be empty; `count` is the number of participants that the item names. */
  group?: { name: string; count: number };
  call?: Call;
  /** A kind other than text and calls, and a status, as the source writes them. */
  kind?: string;
  status?: string;
  /** Whether the original of an action had been read. */
  readState?: 'read' | 'unread' | 'unknown';
  /** All senders of a mail that has several. */
  senders?: string[];
  /** Names of the files that the source lists without content. */
  notSupplied?: string[];
  /** Id of the key with which an encrypted item was opened. */
  openedWith?: string;
}

export interface Email<Bytes extends Content = Content> {
  /** The source's own, of any length, without line breaks; may be empty. */
  subject: string;
  from?: Party;
  to: Party[];
  cc: Party[];
  bcc: Party[];
  /** ISO-8601 UTC; absent when the source gives no date or an impossible one. */
  sentAt?: string;
  /** The send time exactly as the source wrote it, empty when missing; part of the item key. */
  sentAsWritten: string;
  /** The text of the communication, word for word. */
  body: {
    type: 'text' | 'html';
    content: string;
    /** HTML as the item shows it (foreign-html.ts); made when the item is made if absent. */
    shown?: string;
  };
  facts: Facts;
  attachments: Attachment<Bytes>[];
  /**
   * The part that `body` was read from, if it has a file name or its bytes are not text: it is attached too, or name
   * and bytes would be lost. Item key and size rule ignore it, because they count the body.
   */
  bodyFile?: Attachment<Bytes>;
  /**
   * Only for the item key of a chat item without text and attachments: the particulars of a call as written, else
   * the source's own subject.
   */
  besidesText?: string[];
  /**
   * All items of one conversation share `key`; `topic` is the name that people know it by. `isOfPeople`: the source has
   * no id for it, so the people who take part belong to the key (conversation.ts).
   */
  conversation: { key: string; topic: string; isOfPeople?: true };
  action?: MessageAction;
  /** Message-Ids with angle brackets that the mail itself refers to, oldest first. */
  references: string[];
  /** Original header block of a mail, for the transport-headers property. */
  headers?: string;
}
