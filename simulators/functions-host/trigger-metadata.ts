import { randomUUID } from 'node:crypto';
import type { BlobGetPropertiesResponse } from '@azure/storage-blob';
import type { TypedData } from './rpc';

/** Trigger metadata with the quirks of the real host, against which an app must be safe. */

export interface QueueItem {
  messageId: string;
  popReceipt: string;
  dequeueCount: number;
  insertedOn: Date;
  expiresOn: Date;
  nextVisibleOn: Date;
}

const json = (value: unknown): TypedData => ({ json: JSON.stringify(value) });
const instant = (date: Date | undefined) =>
  json((date ?? new Date(0)).toISOString().replace(/\.\d+Z$/, '+00:00'));

const sys = (functionName: string) =>
  json({ MethodName: functionName, UtcNow: new Date().toISOString(), RandGuid: randomUUID() });

/** Json.NET reads a full ISO date as a date, and writes it in the invariant culture: in American order. */
function americanDate(text: string): string | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$/.test(text)) return undefined;
  const at = new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at.getTime())) return undefined;
  const [date = '', time = ''] = at.toISOString().split('T');
  const [year, monthOfYear, day] = date.split('-');
  return `${monthOfYear}/${day}/${year} ${time.slice(0, 8)}`;
}

function copyOf(value: unknown): TypedData | undefined {
  if (value === null || Array.isArray(value)) return undefined;
  if (typeof value === 'object') return json(value);
  if (typeof value === 'boolean') return { string: value ? 'True' : 'False' };
  if (typeof value === 'string') return { string: americanDate(value) ?? value };
  return { string: String(value) };
}

/** Copies the top-level fields of a JSON message, which replace metadata of the same name in any case. */
function copyFields(text: string, metadata: Record<string, TypedData>): void {
  if (!/^\s*\{[^]*\}\s*$/.test(text)) return;
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return;
  }
  const keys = new Map(Object.keys(metadata).map((key) => [key.toLowerCase(), key]));
  for (const [field, value] of Object.entries(fields)) {
    const data = copyOf(value);
    const key = keys.get(field.toLowerCase()) ?? field;
    keys.set(field.toLowerCase(), key);
    if (data) metadata[key] = data;
  }
}

export function queueMetadata(
  functionName: string,
  item: QueueItem,
  text: string,
): Record<string, TypedData> {
  const metadata: Record<string, TypedData> = {
    QueueTrigger: { string: text },
    DequeueCount: json(item.dequeueCount),
    ExpirationTime: instant(item.expiresOn),
    Id: { string: item.messageId },
    InsertionTime: instant(item.insertedOn),
    NextVisibleTime: instant(item.nextVisibleOn),
    PopReceipt: { string: item.popReceipt },
    sys: sys(functionName),
  };
  copyFields(text, metadata);
  return metadata;
}

export function blobMetadata(
  functionName: string,
  blob: { container: string; name: string; url: string; properties: BlobGetPropertiesResponse },
  pathParts: Record<string, string>,
): Record<string, TypedData> {
  const { properties } = blob;
  const parts = Object.entries(pathParts).map(([name, value]) => [name, { string: value }]);
  return {
    BlobTrigger: { string: `${blob.container}/${blob.name}` },
    Uri: json(blob.url),
    Properties: json({
      LastModified: properties.lastModified,
      ContentLength: properties.contentLength,
      ContentType: properties.contentType,
      ContentEncoding: properties.contentEncoding,
      ETag: properties.etag,
      BlobType: properties.blobType === 'BlockBlob' ? 0 : properties.blobType,
      CreatedOn: properties.createdOn,
    }),
    Metadata: json(properties.metadata ?? {}),
    sys: sys(functionName),
    ...(Object.fromEntries(parts) as Record<string, TypedData>),
  };
}
