import * as z from 'zod';

/**
 * The archived message as TeleMessage serves it, one JSON object per line. Unknown fields are kept. A field is refused
 * only when the item could not be placed without it or would lose content; any other may be missing, null, or of
 * another type than the contract says.
 */

/** Content. TeleMessage leaves it out, sets it to null, or writes digits as a number. */
const text = z
  .union([z.string(), z.number(), z.null()])
  .optional()
  .transform((value) => (value === null || value === undefined ? undefined : String(value)));

/** A field that only describes the item. A value of an unexpected type becomes its JSON, so that nothing is lost. */
const label = z
  .unknown()
  .optional()
  .transform((value, context): string | undefined => {
    if (value === null || value === undefined) return undefined;
    if (typeof value !== 'object') return String(value);
    try {
      return JSON.stringify(value);
    } catch {
      // JSON.parse reads any depth, but JSON.stringify overflows the stack at a great one.
      context.addIssue({ code: 'custom', message: 'nested too deep' });
      return z.NEVER;
    }
  });

const flag = z
  .unknown()
  .optional()
  .transform(
    (value) => value === true || value === 1 || (typeof value === 'string' && /^\s*true\s*$/i.test(value)),
  );

/** An optional list; a single value counts as a list of one. */
const list = <T extends z.ZodType>(element: T) =>
  z
    .union([z.array(element), z.null(), element.transform((one) => [one])])
    .optional()
    .transform((value) => value ?? []);

/** An optional list without its null entries; a single value counts as a list of one. */
const looseList = <T extends z.ZodType>(element: T) =>
  z
    .unknown()
    .optional()
    .transform(
      (value): z.input<T>[] =>
        [value].flat().filter((entry) => entry !== null && entry !== undefined) as z.input<T>[],
    )
    .pipe(z.array(element));

/** Exchange stores a time as a FILETIME, which begins in 1601. A year of five digits fits no format of Exchange. */
const earliest = Date.UTC(1601, 0, 1);

/** Without a zone, JavaScript would take the text for the machine's local time; the contract says UTC. */
const inUtc = (text: string) => (/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);

/** Some archivers give the arrival in milliseconds since 1970. */
const milliseconds = (value: string | number) =>
  /^\d{12,13}$/.test(String(value)) ? new Date(Number(value)).toISOString() : String(value);

const instant = z
  .union([z.string(), z.number()])
  .transform(milliseconds)
  .refine((value) => /^\d{4}-\d\d-\d\dT/.test(value) && Date.parse(inUtc(value)) >= earliest, {
    error: 'expected an ISO-8601 UTC instant',
  })
  .transform((value) => new Date(inUtc(value)).toISOString());

const user = z.union([
  z.looseObject({ mobileNumber: label, emailAddress: label, firstName: label, lastName: label }),
  label.transform((written) => ({
    mobileNumber: written?.includes('@') ? undefined : written,
    emailAddress: written?.includes('@') ? written : undefined,
    firstName: undefined,
    lastName: undefined,
  })),
]);

type User = z.infer<typeof user>;

/**
 * The elements of a list that stands in one text, separated by `;`, `,` or line breaks. An element holds an address, or
 * five digits where numbers count; a piece with neither is part of the element beside it (`Ek, Anna <anna@…>`). A
 * separator in quotation marks or angle brackets separates nothing.
 */
function elements(text: string, { numbers }: { numbers: boolean }): string[] {
  const found: string[] = [];
  let start = 0;
  let [hasAt, isQuoted, inAngle, digits] = [false, false, false, 0];
  const isElement = () => hasAt || (numbers && digits >= 5);
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') isQuoted = !isQuoted;
    else if (char === '<' || char === '>') inAngle = char === '<';
    else if (char === '@') hasAt = true;
    else if (char >= '0' && char <= '9') digits++;
    else if (/[;,\r\n]/.test(char) && !isQuoted && !inAngle && isElement()) {
      found.push(text.slice(start, at).trim());
      start = at + 1;
      hasAt = false;
      digits = 0;
    }
  }
  const rest = text.slice(start).trim();
  if (isElement() || found.length === 0) found.push(rest);
  else if (/[^;,\s]/.test(rest)) found[found.length - 1] += ` ${rest}`;
  return found.filter((one) => one !== '');
}

/**
 * Entries of one address and one number at most. TeleMessage may write several people into one entry: numbers and
 * addresses of the same count belong together one by one, several numbers share a single address, and any others stay
 * by themselves.
 */
function onePerPerson(entry: User): User[] {
  const addresses = elements(entry.emailAddress ?? '', { numbers: false });
  const numbers = elements(entry.mobileNumber ?? '', { numbers: true });
  const of = (mobileNumber?: string, emailAddress?: string): User => ({
    ...entry,
    mobileNumber,
    emailAddress,
  });
  if (addresses.length < 2 && numbers.length < 2) return [entry];
  if (addresses.length === numbers.length)
    return numbers.map((number, index) => of(number, addresses[index]));
  if (addresses.length < 2) return numbers.map((number) => of(number, addresses[0]));
  return [...numbers.map((number) => of(number)), ...addresses.map((address) => of(undefined, address))];
}

/** A list of numbers or addresses in one text; any other text is one party, such as a name with a comma. */
function eachParty(text: string): string[] {
  const parties = elements(text, { numbers: true });
  return parties.length > 1 ? parties : [text];
}

const fullName = z.union([
  z.looseObject({ firstName: label, lastName: label }),
  label.transform((firstName) => (firstName === undefined ? undefined : { firstName, lastName: undefined })),
]);

const enriched = z.union([
  z.looseObject({ fullName, value: label }),
  label.transform((value) => ({ fullName: undefined, value })),
]);

const callInfo = z.union([
  z.looseObject({
    callID: label,
    recipientNum: label,
    callStatus: label,
    startTime: label,
    endTime: label,
  }),
  label.transform((callStatus) =>
    callStatus === undefined || callStatus.trim() === ''
      ? undefined
      : { callID: undefined, recipientNum: undefined, callStatus, startTime: undefined, endTime: undefined },
  ),
]);

/** Parses one message. A missing or wrong required field, and content of a wrong type, is an issue. */
export const sourceMessage = z.looseObject({
  /** Of any form. */
  messageId: z
    .union([z.string(), z.number()])
    .transform(String)
    .refine((id) => id !== '', { error: 'expected an id' }),
  /** Arrival at TeleMessage, as ISO-8601 UTC with milliseconds. */
  gatewayReceivedDate: instant,
  sourceType: z.string(),
  /** The _User's Email address_ property: every participant that TeleMessage knows, one per entry. */
  usersEmailAddress: looseList(user).transform((entries) => entries.flatMap(onePerPerson)),

  /** WeChat: the e-mail message, base64. */
  mime: text,

  messageContext: label,
  messageTime: label,
  direction: label,
  /** Number of the device or account from which the message was captured. */
  msisdn: label,
  from: label,
  to: looseList(label.transform((value) => value ?? '')).transform((parties) => parties.flatMap(eachParty)),
  fromEnriched: enriched.nullish().transform((value) => value ?? undefined),
  toEnriched: looseList(enriched),
  groupMessage: flag,
  dialogGroupName: label,
  dialogGroupId: label,
  subject: label,
  textContent: text,
  attachment: list(z.looseObject({ name: label, contentType: label, content: text })),
  callInfo,
  /** Stands beside an encrypted body: how to open it (sealed.ts). */
  securityContent: z.unknown().optional(),
});

export type SourceMessage = z.infer<typeof sourceMessage>;
