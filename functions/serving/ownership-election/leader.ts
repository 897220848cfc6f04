import type { Standing } from '#serving/ownership-election/scheduled-leader';
import { wireLeader } from './wiring.ts';

let wired: ReturnType<typeof wireLeader> | undefined;

/** Called by a schedule: this host stands for leader, or goes on leading. */
export const handler = async (): Promise<Standing> => {
  wired ??= wireLeader(process.env);
  const standing = await wired.leader.stand();
  wired.log.info('stood for leader', { status: standing.status });
  return standing;
};
