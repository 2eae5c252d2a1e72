/** The hub model: every source is read into it, every mailbox item is made from it. Pure data. */

/** A party of a communication. A party may have a name only, a number only, or neither (an unknown party). */
export interface Party {
  name: string;
  /** As the source wrote it; not proven to be a usable SMTP address. */
  address?: string;
  /** Digits as the source wrote them, with or without `+`. */
  number?: string;
}

export interface Attachment {
  /** Never empty. Not a path: the last component only. */
  name: string;
  contentType: string;
  /** Exactly the decoded bytes of the source. */
  content: Buffer;
  /** True when the HTML body refers to it by `cid:`. */
  inline: boolean;
  /** Without angle brackets. */
  contentId?: string;
}

/** A later act on an earlier message: recall, deletion, edit. */
export interface Act {
  kind: 'recalled' | 'deletedForMe' | 'deletedForAll' | 'deleted' | 'edited';
  /** Source id of the message that the act concerns. */
  originalId: string;
}

export interface Email {
  /** Whole, of any length, without line breaks. May be empty. */
  subject: string;
  from?: Party;
  to: Party[];
  cc: Party[];
  bcc: Party[];
  /** When it was sent, ISO-8601 UTC. Absent when the source gives no date or an impossible one. */
  sentAt?: string;
  /** The send time exactly as the source wrote it; part of the content digest. Empty when missing. */
  sentAsWritten: string;
  /** The text of the communication, word for word. */
  body: { type: 'text' | 'html'; content: string };
  /** Lines about the communication that stand below the text: kind of call, group, members, … */
  details: string[];
  attachments: Attachment[];
  /**
   * The part that `body` was read from, where it has a file name or bytes that are no text: attached as well,
   * or they would be lost. Stands outside the content digest and the size rules, which count the body.
   */
  bodyFile?: Attachment;
  /**
   * Of a chat item without text and attachments, for the content digest alone: the particulars of a call as
   * written, else the source's own subject.
   */
  besidesText?: string[];
  /** All items of one chat share `key`; `topic` is the name a person knows the chat by. */
  chat: { key: string; topic: string };
  act?: Act;
  /** Message-Ids with angle brackets that the mail itself refers to, oldest first. */
  references: string[];
  /** Original header block of a mail, for the transport-headers property. */
  headers?: string;
}
