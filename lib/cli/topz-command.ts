import { platform } from 'node:process';
import { topz } from '#single-node/sidecar/topz/topz';
import { usageSource } from '#single-node/sidecar/topz/usage-source';
import type { SidecarCommand } from './sidecar-command.ts';

/** `sidecar topz`: what a program uses, for people and for Prometheus. */
export const topzCommand: SidecarCommand = {
  summary: 'what a program uses: processor, memory, open files',
  help: `
Serves what a program uses that does not say so itself, to this machine only: GET /topz as JSON, GET /metrics for
Prometheus. The processor's share is that since the reading before, and all of it since the program's start. A program
that ended, or whose pid belongs to another now, is said to be gone.

  distributed-patterns sidecar topz --pid 4711 --port 9100`,
  options: {
    pid: { kind: 'integer', min: 1, max: 4_194_304, help: 'the program' },
    host: { kind: 'text', value: 'ADDRESS', default: '127.0.0.1', help: 'the address to listen at: loopback' },
    port: { kind: 'integer', min: 0, max: 65_535, default: 9_100, help: 'the port to listen at; 0 takes a free one' },
  },
  make: (values, { clock }) =>
    topz({
      source: usageSource({ pid: values.integer('pid'), platform }),
      clock,
      listen: { host: values.text('host'), port: values.integer('port') },
    }),
};
