import { wireScaler } from './wiring.ts';

let scaler: ReturnType<typeof wireScaler> | undefined;

/** Called by a schedule: looks at the queue of items and sets how many may work on it. */
export const handler = async (): Promise<void> => {
  scaler ??= wireScaler(process.env);
  await scaler.run();
};
