import { execFileSync } from 'node:child_process';
import { until } from '../support/http.ts';
import { startTestStack } from '../support/stack.ts';

/** A network of its own with nothing but loopback: what the platform can do is asked, not assumed. */
const UNSHARE = ['unshare', '--net', '--map-root-user'];
const canUnshare = ((): boolean => {
  try {
    execFileSync('unshare', [...UNSHARE.slice(1), 'sh', '-c', 'ip link set lo up'], {
      stdio: 'ignore',
      timeout: 10_000,
    });
    return true;
  } catch {
    return false;
  }
})();

// The platform decides at run time; the title says which of the two was seen.
const title = canUnshare
  ? 'the demo ends with every image where it belongs when there is no network but loopback'
  : 'NOT RUN: this platform cannot cut off the network (unshare --net, ip)';

(canUnshare ? test : test.skip)(
  title,
  async () => {
    const stack = await startTestStack({
      args: [],
      wrapper: [...UNSHARE, 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'],
    });
    try {
      await until(
        async () => stack.output(),
        (output) => output.includes('The stack is up.'),
        240_000,
      );
      expect(stack.output()).toMatch(/held\s+work-queue\s+every good image has a thumbnail/);
      expect(stack.output()).toMatch(/held\s+work-queue\s+exactly the broken ones are dead letters/);
      expect(stack.output()).not.toContain('BROKEN');
    } finally {
      expect(await stack.stop()).toBe(0);
    }
  },
  450_000,
);
