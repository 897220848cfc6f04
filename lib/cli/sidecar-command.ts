import type { Log } from '#primitives/log';
import type { Sidecar } from '#single-node/sidecar/sidecar';
import type { CliContext } from './context.ts';
import type { CliOptions, OptionValues } from './options.ts';

/** What a sidecar's command gets of the place. */
export interface SidecarPlace extends Pick<CliContext, 'clock' | 'random' | 'env'> {
  readonly log: Log;
}

/** A sidecar that the command line can run. */
export interface SidecarCommand {
  /** What it does, in one line. */
  readonly summary: string;
  /** What somebody has to know before running it: a few lines. */
  readonly help: string;
  readonly options: CliOptions;
  /**
   * Makes the sidecar from its options, starting nothing. Dependencies that are large are imported in here.
   *
   * @throws {@link InvalidArgumentError} when an option makes no sense: the command ends with 2
   */
  readonly make: (values: OptionValues, place: SidecarPlace) => Sidecar | Promise<Sidecar>;
}
