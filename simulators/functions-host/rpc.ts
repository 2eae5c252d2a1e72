/** Messages between the host and its worker process, in the shapes of the Functions language-worker protocol. */

export interface HttpData {
  url: string;
  method: string;
  nullableHeaders: Record<string, { value: string }>;
  nullableQuery: Record<string, { value: string }>;
  nullableParams: Record<string, { value: string }>;
  body?: TypedData;
}

export interface HttpReply {
  statusCode?: string;
  headers?: Record<string, string>;
  cookies?: HttpCookie[];
  body?: TypedData | null;
}

export interface HttpCookie {
  name: string;
  value: string;
  domain?: { value: string };
  path?: { value: string };
  expires?: { value: { seconds: number } };
  secure?: { value: boolean };
  httpOnly?: { value: boolean };
  sameSite?: string;
  maxAge?: { value: number };
}

export interface TypedData {
  string?: string;
  json?: string;
  bytes?: Uint8Array;
  int?: number;
  double?: number;
  http?: HttpData | HttpReply;
}

export interface Binding {
  type: string;
  direction: 'in' | 'out';
  [option: string]: unknown;
}

export interface FunctionMetadata {
  name: string;
  bindings: Record<string, Binding>;
  retryOptions?: {
    retryStrategy?: string;
    maxRetryCount?: number;
    delayInterval?: { seconds: number };
    minimumInterval?: { seconds: number };
    maximumInterval?: { seconds: number };
  };
}

export interface InvocationRequest {
  invocationId: string;
  functionName: string;
  inputData: { name: string; data: TypedData }[];
  triggerMetadata: Record<string, TypedData>;
  traceContext: { traceParent: string };
  retryContext?: { retryCount: number; maxRetryCount: number };
}

export interface InvocationResult {
  outputData: { name: string; data: TypedData }[];
  returnValue?: TypedData | null;
}

/** Runs one function: `data` is the value of its trigger. */
export type Run = (
  data: TypedData,
  triggerMetadata?: Record<string, TypedData>,
  invocationId?: string,
) => Promise<InvocationResult>;

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

export type ToWorker =
  | { type: 'init'; appDir: string; hostVersion: string }
  | { type: 'invoke'; request: InvocationRequest }
  | { type: 'terminate' };

export interface WorkerLog {
  type: 'log';
  level: LogLevel;
  category: 'user' | 'system' | 'customMetric';
  message: string;
  invocationId?: string;
}

export type FromWorker =
  | {
      type: 'ready';
      functions: FunctionMetadata[];
      capabilities: Record<string, string>;
      /** Why the app did not load. */
      error?: string;
    }
  | WorkerLog
  | { type: 'succeeded'; invocationId: string; result: InvocationResult }
  | { type: 'failed'; invocationId: string; message: string; stack: string };
