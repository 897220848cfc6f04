/** Containers that are taken for videos, by the names of ffmpeg's readers. */
export type VideoFormat = 'mov' | 'matroska' | 'avi' | 'ogg' | 'mpegts';

/** Images that come in the same container as MP4. @see https://aomediacodec.github.io/av1-avif/ */
const IMAGE_BRANDS = ['avif', 'avis', 'heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'];
const EBML = [0x1a, 0x45, 0xdf, 0xa3];
/** A transport stream is packets of 188 bytes that all begin alike. */
const [TS_SYNC, TS_PACKET_BYTES] = [0x47, 188];

/**
 * What kind of video a file is, by its first bytes; undefined when it is none that is known. A playlist or a script that
 * makes a reader open other files is never one of them.
 */
export const videoFormat = (body: Uint8Array): VideoFormat | undefined => {
  const text = (from: number, to: number): string => Buffer.from(body.subarray(from, to)).toString('latin1');
  if (text(4, 8) === 'ftyp') return IMAGE_BRANDS.includes(text(8, 12)) ? undefined : 'mov';
  if (EBML.every((byte, at) => body[at] === byte)) return 'matroska';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'AVI ') return 'avi';
  if (text(0, 4) === 'OggS') return 'ogg';
  const isStream = [0, 1, 2].every((packet) => body[packet * TS_PACKET_BYTES] === TS_SYNC);
  return isStream ? 'mpegts' : undefined;
};
