import { ARRIVAL_NAMES, ARRIVALS, CONTROLLER_NAMES, MINUTE_MS, scalingRun, type Arrivals } from './scaling-runs.ts';

interface Panel {
  readonly left: number;
  readonly top: number;
  readonly title: string;
  readonly lines: readonly { readonly color: string; readonly points: readonly (readonly [number, number])[] }[];
}

const [WIDTH, HEIGHT, GAP, MARGIN] = [280, 130, 50, 50];
const MINUTES = 60;
const COLORS = ['#888888', '#d9822b', '#1f6fb2'];
const BLACK = '#333333';

/** The smallest of 1, 2, 5, 10, … that is no less. */
const ceiling = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
};

const panel = ({ left, top, title, lines }: Panel): string => {
  const most = ceiling(Math.max(...lines.flatMap(({ points }) => points.map(([, y]) => y))));
  const x = (minutes: number): string => (left + (minutes / MINUTES) * WIDTH).toFixed(1);
  const y = (value: number): string => (top + HEIGHT - (value / most) * HEIGHT).toFixed(1);
  const text = (at: string, anchor: string, words: string): string =>
    `<text ${at} text-anchor="${anchor}">${words}</text>`;
  return [
    `<rect x="${left}" y="${top}" width="${WIDTH}" height="${HEIGHT}" fill="none" stroke="#cccccc"/>`,
    text(`x="${left}" y="${top - 6}"`, 'start', title),
    text(`x="${left - 4}" y="${top + 10}"`, 'end', String(most)),
    text(`x="${left - 4}" y="${top + HEIGHT}"`, 'end', '0'),
    text(`x="${left + WIDTH}" y="${top + HEIGHT + 14}"`, 'end', '60 min'),
    ...lines.map(
      ({ color, points }) =>
        `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')}"/>`,
    ),
  ].join('\n');
};

const minutes = Array.from({ length: MINUTES + 1 }, (_, minute) => minute);

const column = (arrivals: Arrivals, index: number): string => {
  const left = MARGIN + index * (WIDTH + GAP);
  const runs = CONTROLLER_NAMES.map((name, at) => ({ color: COLORS[at] ?? BLACK, run: scalingRun(arrivals, name) }));
  const top = (row: number): number => 30 + row * (HEIGHT + GAP);
  const offered = minutes.map((minute) => [minute, ARRIVALS[arrivals](minute * MINUTE_MS)] as const);
  return [
    panel({ left, top: top(0), title: `${arrivals}: arrivals a second`, lines: [{ color: BLACK, points: offered }] }),
    panel({
      left,
      top: top(1),
      title: 'backlog',
      lines: runs.map(({ color, run }) => ({
        color,
        points: run.samples.map(({ atMs, backlogCount }) => [atMs / MINUTE_MS, backlogCount] as const),
      })),
    }),
    panel({
      left,
      top: top(2),
      title: 'concurrency',
      lines: runs.map(({ color, run }) => ({
        color,
        points: run.samples.map(({ atMs, concurrency }) => [atMs / MINUTE_MS, concurrency] as const),
      })),
    }),
  ].join('\n');
};

/** The hours of all arrivals, each a column, under all controllers, each a colour. The same in every run. */
export const scalingSvg = (): string => {
  const [width, height] = [MARGIN + 3 * (WIDTH + GAP), 3 * (HEIGHT + GAP) + 50];
  const legend = CONTROLLER_NAMES.map(
    (name, at) =>
      `<rect x="${MARGIN + at * 220}" y="${height - 22}" width="14" height="4" fill="${COLORS[at]}"/>` +
      `<text x="${MARGIN + 20 + at * 220}" y="${height - 16}">${name}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="${BLACK}">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...ARRIVAL_NAMES.map(column),
    ...legend,
    '</svg>',
    '',
  ].join('\n');
};
