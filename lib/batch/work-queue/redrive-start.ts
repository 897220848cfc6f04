import type { Clock } from '#primitives/clock';
import type { Queue } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { DEFAULT_RATE } from './messages.ts';
import { jitteredPause } from '../pause.ts';
import type { RedriveRoute } from './redrive.ts';
import { sendAll } from './send.ts';

/** How dead letters are to be moved back. */
export interface RedrivePlan {
  /** 0.1..1000; 50 unless told. */
  readonly ratePerSecond?: number | undefined;
  /** Only tells how many there are. */
  readonly dryRun?: boolean | undefined;
}

/**
 * Starts a redrive: when it returns, it will be carried out, whatever crashes. The same `redriveId` again is the same
 * redrive. Gives how many dead letters there are now, which on AWS is approximate.
 *
 * API calls: one for each queue of dead letters, and one send unless it is a dry run.
 */
export const redriveStarter = (options: {
  readonly routes: readonly Pick<RedriveRoute, 'from'>[];
  readonly redrives: Queue;
  readonly clock: Clock;
  readonly random: Random;
}) => {
  const { routes, redrives } = options;
  const pause = jitteredPause(options);
  return async (redriveId: string, plan: RedrivePlan, trace?: string): Promise<{ readonly deadLetters: number }> => {
    const { ratePerSecond = DEFAULT_RATE, dryRun = false } = plan;
    const depths = await Promise.all(routes.map(({ from }) => from.depth()));
    if (!dryRun) {
      const attributes = trace === undefined ? {} : { attributes: { traceparent: trace } };
      await sendAll(redrives, [{ body: JSON.stringify({ redriveId, ratePerSecond }), ...attributes }], pause);
    }
    const counts = depths.map((depth) => depth.visibleCount + depth.inFlightCount + depth.delayedCount);
    return { deadLetters: counts.reduce((sum, count) => sum + count, 0) };
  };
};
