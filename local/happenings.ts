import type { EventFields, EventName } from '../shared/events';
import type { Output } from '../terminal/output';

type Told = { signal: EventName } & EventFields;

/** Put-offs come by the hundred; one line in so long says how many there were. */
const quietMs = 5_000;

/** Says in sentences what the app reports while the stack runs; takes every line that a part of the stack prints. */
export function tellHappenings(out: Output): (line: string) => void {
  let putOffs = 0;
  let toldAt = 0;
  const say = (text: string) => out.print(`${out.faint(new Date().toTimeString().slice(0, 8))}  ${text}`);
  return (line) => {
    const json = /\{"signal":.*\}/.exec(line)?.[0];
    if (json === undefined) return;
    let told: Told;
    try {
      told = JSON.parse(json) as Told;
    } catch {
      return;
    }
    if (told.signal !== 'throttled') {
      const text = sentence(told);
      if (text !== undefined) say(text);
      return;
    }
    putOffs++;
    if (Date.now() - toldAt < quietMs) return;
    say(`Exchange slows the app down: ${putOffs} items were put off`);
    toldAt = Date.now();
    putOffs = 0;
  };
}

/** Undefined for what only an operator in Azure needs. */
function sentence(told: Told): string | undefined {
  const {
    signal,
    connector = 'the app',
    batch,
    run,
    from = '',
    to = '',
    batches,
    items,
    message = '',
  } = told;
  switch (signal) {
    case 'windowFetched':
      return `${connector}: fetched ${from} to ${to}, ${batches ?? 0} ${batches === 1 ? 'batch' : 'batches'}`;
    case 'windowEmpty':
      return `${connector}: ${from} to ${to} came without a single item`;
    case 'batchClosed':
      return `${connector}: batch ${batch} is closed: ${items} items, ${told.delivered} delivered, ${told.quarantined} in quarantine`;
    case 'quarantineGrew':
      return `${connector}: ${told.quarantined ?? 1} in quarantine (${told.reason}${batch === undefined ? '' : `, batch ${batch}`})`;
    case 'windowLate':
    case 'credentialsRejected':
    case 'mappingMissing':
    case 'mappingRefused':
    case 'batchBlocked':
    case 'unbalanced':
    case 'doubtRemains':
    case 'backlogOld':
      return `${connector}: ${signal}${run ? ` of ${run}` : ''}${batch === undefined ? '' : ` of batch ${batch}`}${message ? `: ${message}` : ''}`;
    case 'copyRemoved':
      return `${connector}: a second copy of an item of batch ${batch} was removed`;
    default:
      return undefined;
  }
}
