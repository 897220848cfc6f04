import { numberOf } from '#primitives/field-values';
import { absent, and, equals, lessThan, or, type Table } from '#primitives/table';
import { persist, type Pause } from './limits.ts';
import { PROGRESS_KEY } from './membership.ts';

/** How far a plan is. */
export interface Progress {
  /** Slots that need not be looked at again, in the order of the plan. */
  readonly slotsDone: number;
  readonly keysMoved: number;
}

const NOTHING: Progress = Object.freeze({ slotsDone: 0, keysMoved: 0 });

/**
 * The note of how far a plan is. It only ever grows: of several that drive a plan the one that is ahead counts, and what
 * none has noted is looked at again. Plans are told apart by the epoch in which they began.
 */
export const progressOf = (options: { readonly control: Table; readonly pause: Pause }) => {
  const { control, pause } = options;

  /** `over`: a later plan has noted something, so that this one has ended. */
  const read = (planEpoch: number): Promise<Progress | 'over'> =>
    persist('read the progress', pause, async () => {
      const fields = (await control.get(PROGRESS_KEY)) ?? {};
      const noted = numberOf(fields['planEpoch']);
      if (noted !== planEpoch) return noted > planEpoch ? 'over' : NOTHING;
      return { slotsDone: numberOf(fields['slotsDone']), keysMoved: numberOf(fields['keysMoved']) };
    });

  /** Notes what was reached; gives what stands, which may be more, or `over` as `read`. */
  const note = async (planEpoch: number, reached: Progress): Promise<Progress | 'over'> => {
    const isOfThis = equals('planEpoch', planEpoch);
    const outcome = await persist('note the progress', pause, () =>
      control.put({
        key: PROGRESS_KEY,
        fields: { planEpoch, ...reached },
        condition: or(
          absent(),
          lessThan('planEpoch', planEpoch),
          and(isOfThis, lessThan('slotsDone', reached.slotsDone)),
        ),
      }),
    );
    return outcome.status === 'written' ? reached : read(planEpoch);
  };

  return Object.freeze({ read, note });
};
