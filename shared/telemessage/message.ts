import { z } from 'zod';

/** The archived message as TeleMessage serves it, one JSON object per line. Unknown fields are kept. */

/** TeleMessage leaves a field out, sets it to null, or writes digits as a number: all the same to a reader. */
const text = z
  .union([z.string(), z.number(), z.null()])
  .optional()
  .transform((value) => (value === null || value === undefined ? undefined : String(value)));

const flag = z
  .union([z.boolean(), z.null()])
  .optional()
  .transform((value) => value ?? false);

/** An optional list; a single value stands for a list of one. */
const list = <T extends z.ZodType>(element: T) =>
  z
    .union([z.array(element), z.null(), element.transform((one) => [one])])
    .optional()
    .transform((value) => value ?? []);

/** Exchange keeps times as FILETIME, which begins in 1601; a year of five digits is in no format of its. */
const earliest = Date.UTC(1601, 0, 1);

/** The contract says UTC; without a zone, JavaScript would read the time of the machine it runs on. */
const inUtc = (text: string) => (/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);

const instant = z
  .string()
  .refine((value) => /^\d{4}-\d\d-\d\dT/.test(value) && Date.parse(inUtc(value)) >= earliest, {
    error: 'expected an ISO-8601 UTC instant',
  })
  .transform((value) => new Date(inUtc(value)).toISOString());

const user = z.looseObject({ mobileNumber: text, emailAddress: text, firstName: text, lastName: text });

const enriched = z.looseObject({
  fullName: z
    .looseObject({ firstName: text, lastName: text })
    .nullish()
    .transform((value) => value ?? undefined),
  value: text,
});

export const sourceMessage = z.looseObject({
  messageId: z.string().min(1),
  /** Arrival at TeleMessage, normalised to ISO-8601 with milliseconds. */
  gatewayReceivedDate: instant,
  sourceType: z.string(),
  /** The *User's Email address* property: every participant that TeleMessage knows. */
  usersEmailAddress: z.array(user),

  /** WeChat: the e-mail message, base64. */
  mime: text,

  messageContext: text,
  messageTime: text,
  direction: text,
  from: text,
  to: list(z.union([z.string(), z.number()]).transform(String)),
  fromEnriched: enriched.nullish().transform((value) => value ?? undefined),
  toEnriched: list(enriched),
  groupMessage: flag,
  dialogGroupName: text,
  dialogGroupId: text,
  subject: text,
  textContent: text,
  attachment: list(z.looseObject({ name: text, contentType: text, content: text, attachSize: text })),
  callInfo: z
    .looseObject({ callID: text, recipientNum: text, callStatus: text, startTime: text, endTime: text })
    .nullish()
    .transform((value) => value ?? undefined),
});

export type SourceMessage = z.infer<typeof sourceMessage>;
