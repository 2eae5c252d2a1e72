/** Every phrase that this app writes into an item. Content of the source is never translated. */

export const languages = ['en'] as const;
export type Language = (typeof languages)[number];

/** One row per phrase, one column per language; `{name}` is filled in. */
const phrases = {
  unknown: { en: 'Unknown' },
  separator: { en: '\u2014\u2014\u2014 Archive record \u2014\u2014\u2014' },

  message: { en: '{network} message from {from} to {to}' },
  voiceCall: { en: '{network} voice call from {from} to {to}' },
  videoCall: { en: '{network} video call from {from} to {to}' },
  call: { en: '{network} call from {from} to {to}' },
  unansweredVoiceCall: { en: '{network} unanswered voice call from {from} to {to}' },
  unansweredVideoCall: { en: '{network} unanswered video call from {from} to {to}' },
  unansweredCall: { en: '{network} unanswered call from {from} to {to}' },
  chatGroup: { en: 'chat group {name}' },
  unnamedGroup: { en: 'without name' },
  andMore: { en: '{names} and {count} more' },

  recalled: { en: 'RECALLED' },
  deletedForMe: { en: 'DELETED For Me' },
  deletedForAll: { en: 'DELETED For All' },
  deleted: { en: 'DELETED' },
  edited: { en: 'EDIT' },

  recalledLine: { en: 'Act: recalled by the sender. Original message id: {id}' },
  deletedForMeLine: { en: 'Act: deleted for the archived person alone. Original message id: {id}' },
  deletedForAllLine: { en: 'Act: deleted for everyone. Original message id: {id}' },
  deletedLine: { en: 'Act: messages deleted. Original message id: {id}' },
  editedLine: { en: 'Act: edited. Original message id: {id}' },
  read: { en: 'The original message had been read.' },
  unread: { en: 'The original message had not been read.' },
  readUnknown: { en: 'Whether the original message had been read is unknown.' },

  network: { en: 'Network: {network} ({source})' },
  incoming: { en: 'Direction: incoming' },
  outgoing: { en: 'Direction: outgoing' },
  direction: { en: 'Direction: {direction}' },
  group: { en: 'Chat group: {name} ({count} participants named)' },
  kindVoiceCall: { en: 'Kind: voice call' },
  kindVideoCall: { en: 'Kind: video call' },
  kindCall: { en: 'Kind: call' },
  kindOther: { en: 'Kind: {kind}' },
  callAnswered: { en: 'Call status: answered' },
  callMissed: { en: 'Call status: missed' },
  callRejected: { en: 'Call status: rejected' },
  callBusy: { en: 'Call status: busy' },
  callStatus: { en: 'Call status: {status}' },
  callParty: { en: 'Called: {name}' },
  callStart: { en: 'Call start: {time}' },
  callEnd: { en: 'Call end: {time}' },
  callDuration: { en: 'Call duration: {time}' },
  notSupplied: { en: 'File {name}: not supplied by the source' },

  fullSubject: { en: 'Full subject: {subject}' },
  sentMissing: { en: 'Sent time: missing; the arrival time stands in for it' },
  sentImpossible: {
    en: 'Sent time: cannot be right (as written: {written}); the arrival time stands in for it',
  },
  refused: {
    en: 'Not archived, this mailbox has no way to take it: file {name}, {size} bytes, SHA-256 {sha256}',
  },
  dropped: { en: 'Not archived, larger than the size limit: file {name}, {size} bytes, SHA-256 {sha256}' },
  furtherRecipients: { en: 'Further recipients ({count}): {names}' },
  furtherParticipants: { en: "Further participants, from User's Email address ({count}): {names}" },
  longBody: { en: 'The text is too long for a message body; it stands whole in the attached file {name}' },
  cut: { en: '[cut here]' },
  provenance: {
    en:
      'Archived by connector {connector}; source id {sourceId}; batch {batch}; position {position}; ' +
      'SHA-256 of the raw item {sha256}; item key {itemKey}',
  },
} satisfies Record<string, Record<Language, string>>;

export type Phrase = keyof typeof phrases;

/** The phrase in the language, with its places filled in. Braces inside a value are not filled in again. */
export function translate(
  phrase: Phrase,
  values: Readonly<Record<string, string | number>> = {},
  language: Language = 'en',
): string {
  return phrases[phrase][language].replace(/\{(\w+)\}/g, (place, name: string) =>
    String(values[name] ?? place),
  );
}
