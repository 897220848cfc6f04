/** `npm run verify`: everything about the code that can be known without running it. */
import { signalOfInterrupt } from './run-limited.ts';
import { checks, verify } from './verify-checks.ts';

const { failedCount } = await verify({ checks, print: console.log, signal: signalOfInterrupt() });
process.exitCode = failedCount === 0 ? 0 : 1;
