import type { FaultPlan } from '../simulators/exchange/fault-plan';
import type { FaultOptions } from '../simulators/telemessage/page-faults';

interface Plans {
  telemessage?: FaultOptions;
  exchange?: FaultPlan;
}

const badSite: FaultOptions = {
  rates: {
    reset: 0.08,
    unavailable: 0.08,
    throttled: 0.05,
    serverError: 0.05,
    truncated: 0.1,
    fewerLines: 0.05,
    noLineEnd: 0.05,
    truncatedGzip: 0.05,
  },
};

const badExchange: FaultPlan = {
  rates: {
    throttled: 0.02,
    throttledUntilDate: 0.01,
    throttledSilently: 0.01,
    throttledAs503: 0.02,
    unavailable: 0.02,
    serverError: 0.01,
    badGateway: 0.01,
    gatewayTimeout: 0.01,
    resetBefore: 0.02,
    commitThenTimeout: 0.02,
    resetAfter: 0.02,
    lateCommit: 0.01,
    tokenRefused: 0.005,
    sessionGone: 0.05,
  },
};

/** The fault plans of `--faults`: which faults the simulators make, and how often. */
export const faultPlans = {
  telemessage: { telemessage: badSite },
  exchange: { exchange: badExchange },
  worst: {
    telemessage: badSite,
    exchange: {
      ...badExchange,
      folderRemovals: ['WeChat Archiver', 'WhatsApp Archiver'].map((displayName) => ({
        displayName,
        beforeCreate: 5,
        how: 'deleted',
      })),
    },
  },
} as const satisfies Record<string, Plans>;

export type FaultPlanName = keyof typeof faultPlans;
