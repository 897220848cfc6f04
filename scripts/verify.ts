/** `npm run verify`: everything about the code that can be known without running it. */
import { signalOfInterrupt } from './run-limited.ts';
import { verify } from './verify-checks.ts';

const { failedCount } = await verify(signalOfInterrupt());
process.exitCode = failedCount === 0 ? 0 : 1;
