import { checkInteger } from '#primitives/checks';
import { procSource } from './proc-source.ts';
import { psSource } from './ps-source.ts';
import type { UsageSource } from './usage.ts';

/**
 * The source for any program of this machine by its pid: `/proc` on Linux, else `ps`.
 *
 * @throws {@link InvalidArgumentError} when the pid is none
 */
export const usageSource = (options: { readonly pid: number; readonly platform: NodeJS.Platform }): UsageSource => {
  const { pid, platform } = options;
  // The most that Linux gives out. @see proc(5), pid_max
  checkInteger('pid', pid, 1, 4_194_304);
  return platform === 'linux' ? procSource({ pid }) : psSource({ pid });
};
