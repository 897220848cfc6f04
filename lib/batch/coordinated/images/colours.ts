/** The basic terms for colours, which most languages have. @see Berlin and Kay, Basic Color Terms (1969) */
export type Colour =
  | 'black'
  | 'white'
  | 'grey'
  | 'red'
  | 'orange'
  | 'brown'
  | 'yellow'
  | 'green'
  | 'blue'
  | 'purple'
  | 'pink';

/** Where one hue ends and the next begins, in degrees. */
const HUES: readonly (readonly [untilDegrees: number, colour: Colour])[] = [
  [15, 'red'],
  [45, 'orange'],
  [70, 'yellow'],
  [165, 'green'],
  [255, 'blue'],
  [290, 'purple'],
  [345, 'pink'],
  [360, 'red'],
];

const hueOf = (red: number, green: number, blue: number, max: number, chroma: number): number => {
  if (max === red) return 60 * (((green - blue) / chroma + 6) % 6);
  return max === green ? 60 * ((blue - red) / chroma + 2) : 60 * ((red - green) / chroma + 4);
};

/** The name of a colour, by its hue, unless it is too dark, too light or too dull to have one. Components 0..255. */
export const colourOf = (red: number, green: number, blue: number): Colour => {
  const max = Math.max(red, green, blue);
  const chroma = max - Math.min(red, green, blue);
  if (max < 50) return 'black';
  if (chroma < 30 || chroma / max < 0.15) return max > 215 ? 'white' : 'grey';
  const hue = hueOf(red, green, blue, max, chroma);
  const colour = HUES.find(([until]) => hue < until)?.[1] ?? 'red';
  return (colour === 'orange' || colour === 'red') && max < 160 && hue >= 10 && hue < 45 ? 'brown' : colour;
};

/** The share of each colour among pixels, the largest first (of two equal ones, by name). */
export const sharesOf = (
  pixels: Uint8Array,
  channels: number,
): readonly { readonly colour: Colour; readonly share: number }[] => {
  const counts = new Map<Colour, number>();
  for (let at = 0; at + 2 < pixels.length; at += channels) {
    const colour = colourOf(pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const total = Math.max(1, Math.floor(pixels.length / channels));
  return [...counts]
    .map(([colour, count]) => ({ colour, share: Math.round((1_000 * count) / total) / 1_000 }))
    .toSorted((a, b) => b.share - a.share || (a.colour < b.colour ? -1 : 1));
};
