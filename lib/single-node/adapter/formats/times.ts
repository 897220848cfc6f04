const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MINUTE_MS = 60_000;
/** A line may come a little before it happened, by the clocks of two hosts; more than that, and it was last year. */
const DAY_MS = 86_400_000;

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** The instant, in UTC; undefined for a day or an hour that there is not. A leap second is the one before it. */
const instantOf = ({ year, month, day, hour, minute, second }: Parts): number | undefined => {
  const ms = Date.UTC(year, month, day, hour, minute, Math.min(second, 59));
  const date = new Date(ms);
  const isReal = date.getUTCMonth() === month && date.getUTCDate() === day && hour < 24 && minute < 60 && second <= 60;
  return year >= 1970 && isReal ? ms : undefined;
};

/** `25/Nov/2026:22:46:54 +0000`, 26 characters. */
const NGINX = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;

export const nginxTime = (text: string): number | undefined => {
  const [, day, month = '', year, hour, minute, second, sign, zoneHours, zoneMinutes] = NGINX.exec(text) ?? [];
  const ms = instantOf({
    year: Number(year),
    month: MONTHS.indexOf(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
  });
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * MINUTE_MS;
  return ms === undefined ? undefined : ms - (sign === '-' ? -zoneMs : zoneMs);
};

/** RFC 3339, with up to nine digits of a second; what is finer than milliseconds is dropped. */
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const MAX_RFC3339_LENGTH = 40;

export const rfc3339Time = (text: string): number | undefined => {
  const parts = text.length > MAX_RFC3339_LENGTH ? null : RFC3339.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, zoneHours = '0', zoneMinutes = '0'] = parts;
  const ms = instantOf({
    year: Number(year),
    month: Number(month) - 1,
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
  });
  if (ms === undefined || Number(zoneHours) > 23 || Number(zoneMinutes) > 59) return undefined;
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * MINUTE_MS;
  return ms + Number(fraction.padEnd(3, '0').slice(0, 3)) - (sign === '-' ? -zoneMs : zoneMs);
};

/** `Nov  5 22:46:54`: no year, no zone. It is taken as UTC, of the latest year in which it lies not in the future. */
const BSD = /^([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)$/;

export const bsdTime = (text: string, receivedAtMs: number): number | undefined => {
  const [, month = '', day = '', hour, minute, second] = BSD.exec(text) ?? [];
  const at = MONTHS.indexOf(month);
  if (at < 0) return undefined;
  const thisYear = new Date(receivedAtMs).getUTCFullYear();
  // The 29th of February is in some years only.
  for (let year = thisYear + 1; year > thisYear - 9; year -= 1) {
    const ms = instantOf({
      year,
      month: at,
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
    });
    if (ms !== undefined && ms <= receivedAtMs + DAY_MS) return ms;
  }
  return undefined;
};
