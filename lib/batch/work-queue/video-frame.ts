import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { PermanentFailure } from './types.ts';
import type { VideoFormat } from './video-format.ts';

/** The first frame of a video, as a PNG. Rejects with a {@link PermanentFailure} when there is none. */
export type VideoFrame = (body: Uint8Array, format: VideoFormat, signal: AbortSignal) => Promise<Uint8Array>;

const run = promisify(execFile);
const MAX_PIXELS = 50_000_000;
/** Of the frame: large enough to be cut to a thumbnail, small enough to be kept in memory. */
const MAX_EDGE_PX = 640;
const MAX_OUTPUT_BYTES = 8 * 1_048_576;

/**
 * Only the reader that the file's first bytes name, only this file: what says that it is a video can't make the program
 * open another file or an address. The file is on disk since a reader must be able to go back in it.
 *
 * @see https://ffmpeg.org/ffmpeg-protocols.html (protocol_whitelist)
 */
const argumentsFor = (file: string, format: VideoFormat): readonly string[] =>
  [
    ['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1', '-max_pixels', String(MAX_PIXELS)],
    ['-protocol_whitelist', 'file', '-f', format, '-i', `file:${file}`],
    ['-map', '0:v:0', '-frames:v', '1', '-vf', `scale='min(${MAX_EDGE_PX},iw)':-2`],
    ['-f', 'image2pipe', '-c:v', 'png', 'pipe:1'],
  ].flat();

const hasExitCode = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number';

/**
 * Takes frames out of videos with the program `ffmpeg`, without a shell and without the environment of this process.
 * A video that takes longer than `timeMs`, like an abort, ends the program and may be tried again; what the program
 * refuses fails for good. The temporary file is removed in every case but the death of this process.
 *
 * @param options `program`: the path of ffmpeg. `timeMs`: 10 000 unless told.
 */
export const ffmpegFrame =
  (options: { readonly program: string; readonly timeMs?: number }): VideoFrame =>
  async (body, format, signal) => {
    const { program, timeMs = 10_000 } = options;
    const folder = await mkdtemp(path.join(tmpdir(), 'video-'));
    const file = path.join(folder, 'original');
    try {
      await writeFile(file, body, { mode: 0o600 });
      const { stdout } = await run(program, [...argumentsFor(file, format)], {
        cwd: folder,
        encoding: 'buffer',
        env: {},
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        signal,
        timeout: timeMs,
      });
      if (stdout.length > 0) return stdout;
    } catch (error) {
      // Killed, for its time or by the abort, tells nothing of the video; an exit code does.
      if (!hasExitCode(error)) throw error;
      throw new PermanentFailure(`the ${format} video is damaged: it has no frame that can be read`, error);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    throw new PermanentFailure(`the ${format} video has no frame`);
  };
