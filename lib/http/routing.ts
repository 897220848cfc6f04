import { ANY_METHODS, type Api, type Route } from './api.ts';

/** Where a request goes. `elsewhere`: the path is known, the method is not among `allow`. */
export type Match =
  | {
      readonly kind: 'route';
      readonly name: string;
      readonly route: Route;
      readonly params: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'elsewhere'; readonly allow: readonly string[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'malformed' };

interface Entry {
  readonly name: string;
  readonly route: Route;
  readonly segments: readonly string[];
  readonly rank: string;
}

const split = (path: string): readonly string[] => {
  const [, ...segments] = path.split('/');
  // A single slash at the end means nothing.
  return segments.at(-1) === '' ? segments.slice(0, -1) : segments;
};

const parameterOf = (segment: string): string | undefined =>
  segment.startsWith('{') ? segment.slice(1, -1) : undefined;
const isGreedy = (segment: string | undefined): boolean => segment?.endsWith('+}') === true;

const fitsOne = (segment: string, given: string | undefined): boolean =>
  segment === given || (parameterOf(segment) !== undefined && given !== undefined && given !== '');

const fits = ({ segments }: Entry, given: readonly string[]): boolean => {
  const isOpen = isGreedy(segments.at(-1));
  const fixed = isOpen ? segments.slice(0, -1) : segments;
  const isLong = isOpen ? given.length >= fixed.length : given.length === fixed.length;
  return isLong && fixed.every((segment, at) => fitsOne(segment, given[at]));
};

// `/a/b` before `/a/{x}` before `/a/{x+}`: at the first difference the literal goes first.
const rankOf = (segments: readonly string[]): string =>
  segments.map((segment) => (isGreedy(segment) ? '2' : parameterOf(segment) === undefined ? '0' : '1')).join('');

/** What is behind the first `count` segments of a path, as it was sent. */
const restOf = (path: string, count: number): string =>
  path
    .split('/')
    .slice(count + 1)
    .join('/');

/** Percent-decodes each segment, once, after splitting: `%2F` is a character of its segment. */
const decodeSegments = (path: string): readonly string[] | undefined => {
  try {
    return split(path).map((segment) => decodeURIComponent(segment));
  } catch {
    return undefined;
  }
};

const allowed = (methods: readonly string[]): readonly string[] => [
  ...new Set([
    ...methods.flatMap((method) => (method === 'ANY' ? ANY_METHODS : [method])),
    ...(methods.includes('GET') ? ['HEAD'] : []),
    'OPTIONS',
  ]),
];

const takes = ({ route }: Entry, method: string): boolean =>
  route.method === 'ANY'
    ? ANY_METHODS.some((each) => each === method)
    : route.method === (method === 'HEAD' ? 'GET' : method);

/**
 * A router over the routes of an API. The path is chosen first, then the method among the routes of that path: a
 * parameter does not take what a literal refuses, as with resources of API Gateway. HEAD goes where GET goes.
 */
export const router = (api: Api): ((method: string, path: string) => Match) => {
  const entries: readonly Entry[] = Object.entries(api.routes)
    .map(([name, route]) => ({ name, route, segments: split(route.path) }))
    .map((entry) => ({ ...entry, rank: rankOf(entry.segments) }))
    .toSorted((one, other) => Number(one.rank > other.rank) - Number(one.rank < other.rank));
  return (method, path) => {
    const given = path.startsWith('/') ? decodeSegments(path) : undefined;
    if (given === undefined) return { kind: 'malformed' };
    const best = entries.find((entry) => fits(entry, given));
    if (best === undefined) return { kind: 'unknown' };
    // Two that fit and are of one rank differ in the names of parameters alone.
    const fitting = entries.filter((entry) => entry.rank === best.rank && fits(entry, given));
    const found =
      fitting.find((entry) => entry.route.method !== 'ANY' && takes(entry, method)) ??
      fitting.find((entry) => takes(entry, method));
    if (found === undefined) return { kind: 'elsewhere', allow: allowed(fitting.map(({ route }) => route.method)) };
    const params = found.segments.flatMap((segment, at): readonly (readonly [string, string])[] => {
      const name = parameterOf(segment);
      if (name === undefined) return [];
      return isGreedy(segment) ? [[name.slice(0, -1), restOf(path, at)]] : [[name, given[at] ?? '']];
    });
    return { kind: 'route', name: found.name, route: found.route, params: Object.fromEntries(params) };
  };
};
