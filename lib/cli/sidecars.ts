import { configSyncCommand } from './config-sync-command.ts';
import { gitSyncCommand } from './git-sync-command.ts';
import type { SidecarCommand } from './sidecar-command.ts';
import { tlsCommand } from './tls-command.ts';
import { topzCommand } from './topz-command.ts';

/** The sidecars that `distributed-patterns sidecar NAME` can run, by name. Each has a file of its own. */
export const sidecarCommands: Readonly<Record<string, SidecarCommand>> = {
  tls: tlsCommand,
  'config-sync': configSyncCommand,
  'git-sync': gitSyncCommand,
  topz: topzCommand,
};
