import { acceptable, cutTo } from './safe-text';

/** Stem and extension by type, for parts without a name. */
const unnamed: readonly (readonly [type: RegExp, stem: string, extension: string])[] = [
  [/^image\/jpe?g$/, 'image', 'jpg'],
  [/^image\/(png|gif|bmp|webp|tiff|heic)$/, 'image', '$1'],
  [/^image\/svg/, 'image', 'svg'],
  [/^image\//, 'image', 'img'],
  [/^audio\/(x-)?amr/, 'audio', 'amr'],
  [/^audio\/(mpeg|mp3)$/, 'audio', 'mp3'],
  [/^audio\/(ogg|opus|wav|aac)$/, 'audio', '$1'],
  [/^audio\/(mp4|x-m4a|m4a)$/, 'audio', 'm4a'],
  [/^audio\//, 'audio', 'audio'],
  [/^video\/(mp4|webm|mpeg|3gpp)$/, 'video', '$1'],
  [/^video\/quicktime$/, 'video', 'mov'],
  [/^video\//, 'video', 'video'],
  [/^text\/html$/, 'text', 'html'],
  [/^text\/calendar$/, 'invitation', 'ics'],
  [/^text\/(x-)?v?card$/, 'contact', 'vcf'],
  [/^text\/(csv|rtf|xml)$/, 'text', '$1'],
  [/^text\/rfc822-headers$/, 'headers', 'txt'],
  [/^text\//, 'text', 'txt'],
  [/^message\/(delivery-status|global-delivery-status)$/, 'delivery-status', 'txt'],
  [/^message\/disposition-notification$/, 'receipt', 'txt'],
  [/^message\/(rfc822|global|news)$/, 'message', 'eml'],
  [/^application\/(pdf|zip|json|xml|rtf)$/, 'document', '$1'],
  [/^application\/msword$/, 'document', 'doc'],
  [/wordprocessingml\.document$/, 'document', 'docx'],
  [/spreadsheetml\.sheet$/, 'document', 'xlsx'],
  [/presentationml\.presentation$/, 'document', 'pptx'],
  [/^application\/(x-)?pkcs7-signature$/, 'signature', 'p7s'],
  [/^application\/(x-)?pkcs7-mime$/, 'message', 'p7m'],
  [/^application\/pgp-signature$/, 'signature', 'asc'],
  [/^application\/ms-tnef$/, 'winmail', 'dat'],
];

/** Exchange keeps at most 255 characters. */
const maxLength = 255;

function shorten(name: string): string {
  if (name.length <= maxLength) return name;
  const extension = /\.[^.]{1,20}$/.exec(name)?.[0] ?? '';
  return cutTo(maxLength - extension.length, name) + extension;
}

/** How paths begin: at a root, in or above the present folder, at a drive or an address. */
const path = /^\s*(?:[/\\]|\.{1,2}[/\\]|~[/\\]|[A-Za-z]:[/\\]|(?:file|content):)/;

/**
 * The name under which a file is attached: as written, without control characters and direction overrides, cut to 255
 * characters before its extension. Of a path of any system only the last component; a slash in any other name is a word
 * separator, such as in a date. If nothing is left, a name made from the type and a number. A nested mail gets `.eml`,
 * or Outlook would not open it.
 *
 * @param count number of unnamed files so far, by stem; the function counts this one
 */
export function attachmentName(
  written: string | undefined,
  type: string,
  count: Map<string, number>,
): string {
  const line = acceptable(
    // Direction overrides can show `txt.exe` as `exe.txt`.
    (written ?? '').replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' '),
  );
  const components = line.split(/[/\\]/).filter((part) => !/^[\s.]*$/.test(part));
  const last = components.at(-1) ?? '';
  const name = (path.test(line) ? last.replace(/^\s*[A-Za-z]:(?=.)/, '') : components.join('_')).trim();
  if (name !== '') {
    const mail = type === 'message/rfc822' && !/\.(eml|msg|mht)$/i.test(name);
    return shorten(mail ? `${name}.eml` : name);
  }
  const row = unnamed.find(([pattern]) => pattern.test(type));
  const stem = row?.[1] ?? 'part';
  const extension = row ? row[2].replace('$1', row[0].exec(type)?.[1] ?? '') : 'bin';
  const number = (count.get(stem) ?? 0) + 1;
  count.set(stem, number);
  return `${stem}-${number}.${extension}`;
}
