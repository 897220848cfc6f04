import type { Api, Route } from './api.ts';

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
}

const split = (path: string): readonly string[] => {
  const [, ...segments] = path.split('/');
  // A single slash at the end means nothing.
  return segments.at(-1) === '' ? segments.slice(0, -1) : segments;
};

const parameterOf = (segment: string): string | undefined =>
  segment.startsWith('{') ? segment.slice(1, -1) : undefined;

const fits = ({ segments }: Entry, given: readonly string[]): boolean =>
  segments.length === given.length &&
  segments.every((segment, at) => segment === given[at] || (parameterOf(segment) !== undefined && given[at] !== ''));

// `/a/b` before `/a/{x}`: at the first difference the literal goes first.
const rank = ({ segments }: Entry): string =>
  segments.map((segment) => (parameterOf(segment) === undefined ? '0' : '1')).join('');

/** Percent-decodes each segment, once, after splitting: `%2F` is a character of its segment. */
const decodeSegments = (path: string): readonly string[] | undefined => {
  try {
    return split(path).map((segment) => decodeURIComponent(segment));
  } catch {
    return undefined;
  }
};

const allowed = (methods: readonly string[]): readonly string[] => [
  ...new Set(methods),
  ...(methods.includes('GET') ? ['HEAD'] : []),
  'OPTIONS',
];

/** A router over the routes of an API. HEAD goes where GET goes. */
export const router = (api: Api): ((method: string, path: string) => Match) => {
  const entries: readonly Entry[] = Object.entries(api.routes)
    .map(([name, route]) => ({ name, route, segments: split(route.path) }))
    .toSorted((one, other) => Number(rank(one) > rank(other)) - Number(rank(one) < rank(other)));
  return (method, path) => {
    const given = path.startsWith('/') ? decodeSegments(path) : undefined;
    if (given === undefined) return { kind: 'malformed' };
    const fitting = entries.filter((entry) => fits(entry, given));
    if (fitting.length === 0) return { kind: 'unknown' };
    const wanted = method === 'HEAD' ? 'GET' : method;
    const found = fitting.find(({ route }) => route.method === wanted);
    if (found === undefined) return { kind: 'elsewhere', allow: allowed(fitting.map(({ route }) => route.method)) };
    const params = found.segments.flatMap((segment, at) => {
      const name = parameterOf(segment);
      return name === undefined ? [] : [[name, given[at] ?? ''] as const];
    });
    return { kind: 'route', name: found.name, route: found.route, params: Object.fromEntries(params) };
  };
};
