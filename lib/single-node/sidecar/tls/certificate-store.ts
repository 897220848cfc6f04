import type { SecureContext, SecureContextOptions } from 'node:tls';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Json } from '#primitives/table';
import { loadCertificate, type Certificate, type CertificateFiles } from './certificate.ts';

/** The certificates that are served, as they were last found to be good. */
export interface CertificateStore {
  /**
   * Reads all pairs for the first time.
   *
   * @throws {@link PatternError} `sidecar/certificate` when one may not be served
   */
  load(): Promise<void>;
  /** Reads all pairs again; a pair that may not be served changes nothing, which is said once. True when one changed. */
  reload(): Promise<boolean>;
  /** For clients that name no server, or one that none is for: the first. */
  defaultOptions(): SecureContextOptions;
  contextFor(serverName: string): SecureContext | undefined;
  report(): Json;
}

interface Slot {
  readonly files: CertificateFiles;
  active: Certificate | undefined;
  reloads: number;
  /** Why what lies in the files now is not served. */
  refusal: string | undefined;
}

export const certificateStore = (options: {
  readonly certificates: readonly CertificateFiles[];
  readonly clock: Clock;
  readonly log: Log;
}): CertificateStore => {
  const { clock, log } = options;
  const slots: readonly Slot[] = options.certificates.map((files) => ({
    files,
    active: undefined,
    reloads: 0,
    refusal: undefined,
  }));

  const refresh = async (slot: Slot): Promise<boolean> => {
    const loaded = await loadCertificate(slot.files, clock.nowMs());
    if (loaded.status === 'refused') {
      if (loaded.reason !== slot.refusal) {
        const serving = slot.active?.serial;
        log.error('certificate refused', { reason: loaded.reason, ...(serving === undefined ? {} : { serving }) });
      }
      slot.refusal = loaded.reason;
      return false;
    }
    slot.refusal = undefined;
    const { certificate } = loaded;
    if (certificate.fingerprint === slot.active?.fingerprint) return false;
    const validTo = new Date(certificate.validToMs).toISOString();
    log.info('certificate loaded', { serial: certificate.serial, before: slot.active?.serial, validTo });
    if (slot.active !== undefined) slot.reloads += 1;
    // One assignment: a handshake gets the old pair or the new one, never half of each.
    slot.active = certificate;
    return true;
  };

  const reload = async (): Promise<boolean> => {
    let changed = false;
    for (const slot of slots) changed = (await refresh(slot)) || changed;
    return changed;
  };

  return Object.freeze({
    reload,
    load: async () => {
      await reload();
      const broken = slots.find(({ active }) => active === undefined);
      if (broken !== undefined) throw new PatternError('sidecar/certificate', `${broken.refusal}`);
    },
    defaultOptions: () => slots[0]?.active?.options ?? {},
    contextFor: (serverName: string) => slots.find(({ active }) => active?.isFor(serverName))?.active?.context,
    report: () =>
      slots.map(({ files, active, reloads, refusal }) => ({
        certFile: files.certFile,
        serial: active?.serial ?? null,
        validTo: active === undefined ? null : new Date(active.validToMs).toISOString(),
        reloads,
        refusal: refusal ?? null,
      })),
  });
};
