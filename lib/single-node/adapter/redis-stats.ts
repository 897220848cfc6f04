import type { MetricSource } from './metric.ts';
import type { UseRedis } from './redis-client.ts';
import { redisInfo } from './redis-info.ts';
import type { Reply } from './resp.ts';

const textOf = (reply: Reply): string => (typeof reply === 'string' ? reply : '');

/**
 * A Redis' (or Valkey's) INFO, with the statistics of its commands and errors: three commands, since servers before 7.0
 * take one section at a time. A section that the server does not have is empty.
 *
 * @param options.name Of the source. Default `redis`.
 */
export const redisStats = (options: { readonly redis: UseRedis; readonly name?: string }): MetricSource => {
  const { redis, name = 'redis' } = options;
  return Object.freeze<MetricSource>({
    name,
    read: (signal) =>
      redis(async (command) => {
        const sections = [await command('INFO')];
        for (const section of ['commandstats', 'errorstats']) sections.push(await command('INFO', section));
        return redisInfo(withoutTwins(sections.map(textOf)).join('\n'));
      }, signal),
  });
};

/** A section that is in the default ones already is there once: lines that came before are left out. */
const withoutTwins = (texts: readonly string[]): readonly string[] => {
  const seen = new Set<string>();
  return texts.flatMap((text) =>
    text.split('\r\n').filter((line) => {
      const key = line.slice(0, Math.max(0, line.indexOf(':')));
      if (key === '') return line !== '';
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    }),
  );
};
