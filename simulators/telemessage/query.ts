/** The parameters and headers of a request for messages, checked as strictly as the interface describes them. */

export interface MessagesQuery {
  fromMs: number;
  toMs: number;
  lastId?: string;
  limit: number;
}

const maxLimit = 1000;
const parameterNames = new Set(['from', 'to', 'lastId', 'limit']);

/** Reads ISO-8601 UTC, with or without seconds and a fraction; undefined for a day or time that does not exist. */
function instant(text: string | null): number | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d{1,9})?(?:Z|\+00:00)$/.exec(text ?? '');
  if (!match || (match[3] && !match[2])) return undefined;
  const seconds = match[2] ?? ':00';
  const ms = Date.parse(`${match[1]}${seconds}${match[3]?.slice(0, 4) ?? ''}Z`);
  if (Number.isNaN(ms)) return undefined;
  // Some parsers turn 30 February into a day in March.
  return new Date(ms).toISOString().startsWith(`${match[1]}${seconds}`) ? ms : undefined;
}

/** The parameters, or the first problem with them. */
export function readQuery(parameters: URLSearchParams): MessagesQuery | { problem: string } {
  for (const name of new Set(parameters.keys())) {
    if (!parameterNames.has(name)) return { problem: 'unknown parameter' };
    if (parameters.getAll(name).length > 1) return { problem: `${name} is given more than once` };
  }
  const fromMs = instant(parameters.get('from'));
  const toMs = instant(parameters.get('to'));
  if (fromMs === undefined) return { problem: 'from: expected an ISO-8601 UTC instant' };
  if (toMs === undefined) return { problem: 'to: expected an ISO-8601 UTC instant' };
  if (fromMs >= toMs) return { problem: 'from must be before to' };
  const limit = parameters.get('limit') ?? '';
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > maxLimit) {
    return { problem: `limit: expected 1 to ${maxLimit}` };
  }
  const lastId = parameters.get('lastId');
  if (lastId === '') return { problem: 'lastId is empty; leave it out on the first page' };
  return { fromMs, toMs, limit: Number(limit), ...(lastId === null ? {} : { lastId }) };
}

/** Whether the client's `Accept-Encoding` allows gzip. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const codings = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((entry) => entry.split(';').map((piece) => piece.trim()));
  const weightOf = (name: string) => {
    const coding = codings.find(([token]) => token === name);
    return coding && Number(coding.find((piece) => piece.startsWith('q='))?.slice(2) ?? 1);
  };
  return (weightOf('gzip') ?? weightOf('*') ?? 0) > 0;
}

/** Whether the client's `Accept` allows lines of JSON. */
export const acceptsLines = (header: string | undefined) =>
  /(?:^|,)\s*(?:application\/x-ndjson|application\/\*|\*\/\*)\s*(?:[;,]|$)/i.test(header ?? '*/*');
