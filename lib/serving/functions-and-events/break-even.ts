import { checkNames, checkNumber } from '#primitives/checks';

/** Prices in one currency, whichever; without taxes, free tiers and what both ways cost alike (tables, queues, traffic). */
export interface BreakEvenOptions {
  readonly function: {
    /** Of one request: of the function, and of what stands in front of it (an API Gateway). */
    readonly pricePerRequest: number;
    readonly pricePerGbSecond: number;
    /** 0.125..10 GB. */
    readonly memoryGb: number;
    /** What a request is billed for, on the mean, cold starts included. Above 0. */
    readonly durationMs: number;
  };
  readonly server: {
    /** Of one that is always on, with its share of what all of them need. */
    readonly pricePerHour: number;
    /** How many requests a second one of them takes, with room for peaks. Above 0; measure it. */
    readonly requestsPerSecond: number;
    /** How many there must be for the service to outlive one of them. 1.. */
    readonly minCount: number;
    /** What all of them need together: a load balancer, … Default 0. */
    readonly sharedPricePerHour?: number;
  };
  /** At which the two are compared, on the mean over a month. 0.. */
  readonly requestsPerSecond: number;
}

export interface BreakEven {
  readonly functionsPerMonth: number;
  readonly serversPerMonth: number;
  readonly serverCount: number;
  readonly cheaper: 'functions' | 'servers';
  /** Of functions. */
  readonly pricePerMillionRequests: number;
  /** Where the fewest servers there can be cost as much as functions: below it functions are cheaper. */
  readonly evenAtRequestsPerSecond: number;
}

/** A month of 730 hours, as AWS's own calculator counts. */
const MONTH_HOURS = 730;
const HOUR_S = 3_600;
const MAX = 1e9;

/**
 * What a load costs as functions and as servers that are always on, and at which load the two cost the same. A pure
 * function of your own prices and measurements: it knows none.
 *
 * `even = (minCount × pricePerHour + sharedPricePerHour) ÷ 3600 ÷ (pricePerRequest + memoryGb × durationS × pricePerGbSecond)`
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const breakEven = (options: BreakEvenOptions): BreakEven => {
  checkNames(options, ['function', 'server', 'requestsPerSecond']);
  const { function: asked, server, requestsPerSecond } = options;
  checkNames(asked, ['pricePerRequest', 'pricePerGbSecond', 'memoryGb', 'durationMs']);
  checkNames(server, ['pricePerHour', 'requestsPerSecond', 'minCount', 'sharedPricePerHour']);
  const { sharedPricePerHour = 0 } = server;
  checkNumber('function.pricePerRequest', asked.pricePerRequest, 0, MAX);
  checkNumber('function.pricePerGbSecond', asked.pricePerGbSecond, Number.MIN_VALUE, MAX);
  checkNumber('function.memoryGb', asked.memoryGb, 0.125, 10.24);
  checkNumber('function.durationMs', asked.durationMs, Number.MIN_VALUE, 900_000);
  checkNumber('server.pricePerHour', server.pricePerHour, 0, MAX);
  checkNumber('server.requestsPerSecond', server.requestsPerSecond, Number.MIN_VALUE, MAX);
  checkNumber('server.minCount', server.minCount, 1, 10_000);
  checkNumber('server.sharedPricePerHour', sharedPricePerHour, 0, MAX);
  checkNumber('requestsPerSecond', requestsPerSecond, 0, MAX);

  const pricePerCall = asked.pricePerRequest + asked.memoryGb * (asked.durationMs / 1_000) * asked.pricePerGbSecond;
  const serverCount = Math.max(server.minCount, Math.ceil(requestsPerSecond / server.requestsPerSecond));
  const functionsPerMonth = requestsPerSecond * HOUR_S * MONTH_HOURS * pricePerCall;
  const serversPerMonth = (serverCount * server.pricePerHour + sharedPricePerHour) * MONTH_HOURS;
  const leastPerHour = server.minCount * server.pricePerHour + sharedPricePerHour;
  return Object.freeze<BreakEven>({
    functionsPerMonth,
    serversPerMonth,
    serverCount,
    cheaper: functionsPerMonth <= serversPerMonth ? 'functions' : 'servers',
    pricePerMillionRequests: pricePerCall * 1_000_000,
    evenAtRequestsPerSecond: leastPerHour / HOUR_S / pricePerCall,
  });
};
