/** The hub model: readers turn every source into it, and every mailbox item is made from it. Pure data. */
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

export interface Attachment {
  /** Never empty, and never a path: the last component only. */
  name: string;
  contentType: string;
  /** Exactly the decoded bytes of the source. */
  content: Buffer;
  /** True when the HTML body refers to it by `cid:`. */
  inline: boolean;
  /** Without angle brackets. */
  contentId?: string;
}

export interface Email {
  /** Of any length, without line breaks; may be empty. */
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
  /** Lines below the text that describe the communication: kind of call, group, members, … */
  details: string[];
  attachments: Attachment[];
  /**
   * The part that `body` was read from, if it has a file name or its bytes are not text: it is attached too, or name
   * and bytes would be lost. Item key and size rule ignore it, because they count the body.
   */
  bodyFile?: Attachment;
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
