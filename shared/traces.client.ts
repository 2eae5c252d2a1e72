/** Writes lines to the app's log in Application Insights, without the Functions host in between. */
export interface Traces {
  /**
   * Sends one line; `at` is its time, ISO-8601 UTC.
   *
   * @throws Error with the status of the answer, or the network's error when none came
   */
  send(line: string, at: string): Promise<void>;
}

interface Credential {
  getToken(scope: string): Promise<{ token: string } | null>;
}

const timeoutMs = 30_000;

/**
 * Sends traces to the Application Insights resource that the connection string names, signed in: the resource refuses
 * a request that has only an instrumentation key. Undefined without a connection string, which is `Name=value;…` with
 * `InstrumentationKey` and `IngestionEndpoint` (learn.microsoft.com/azure/azure-monitor/app/connection-strings).
 */
export function createTraces(
  connectionString: string | undefined,
  credential: Credential,
): Traces | undefined {
  if (connectionString === undefined) return undefined;
  const values = Object.fromEntries(
    connectionString.split(';').map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim()];
    }),
  );
  return {
    async send(line, at) {
      const { instrumentationkey: iKey, ingestionendpoint: endpoint } = values;
      if (!iKey || !endpoint || !URL.canParse(endpoint))
        throw new Error(
          'APPLICATIONINSIGHTS_CONNECTION_STRING has no InstrumentationKey or IngestionEndpoint',
        );
      const url = new URL('/v2.1/track', endpoint);
      const access = await credential.getToken(scopeFor(url.hostname));
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${access?.token ?? ''}`, 'content-type': 'application/json' },
        body: JSON.stringify([envelope(iKey, line, at)]),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const answer = (await response.json().catch(() => ({}))) as { itemsAccepted?: number };
      // 206 means that some items were not accepted, and there is only one.
      if (response.status !== 200 || answer.itemsAccepted !== 1)
        throw new Error(`Application Insights did not take the trace (${response.status})`);
    },
  };
}

/** Each cloud has its own audience. The double slash is part of it. */
function scopeFor(host: string): string {
  const ending = /\.(us|cn)$/.exec(host)?.[1] ?? 'com';
  return `https://monitor.azure.${ending}//.default`;
}

const envelope = (iKey: string, message: string, time: string) => ({
  ver: 1,
  name: 'Microsoft.ApplicationInsights.Message',
  time,
  iKey,
  data: { baseType: 'MessageData', baseData: { ver: 2, message, severityLevel: 'Information' } },
});
