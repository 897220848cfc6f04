import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { thumbnailWorker } from '#batch/work-queue/thumbnail-worker';
import { PermanentFailure } from '#batch/work-queue/types';
import { videoFormat } from '#batch/work-queue/video-format';
import { ffmpegFrame, type VideoFrame } from '#batch/work-queue/video-frame';
import { memoryObjects } from '#primitives/memory/objects';
import { world } from './world.ts';

const JOB = 'job-1';
const FOLDER = path.resolve(import.meta.dirname, '../../../../media');
const video = await readFile(path.join(FOLDER, 'videos/hills.mp4'));
const picture = await readFile(path.join(FOLDER, 'images/square.png'));
const { signal } = new AbortController();

const FFMPEG = 'ffmpeg';
const hasFfmpeg = ((): boolean => {
  try {
    execFileSync(FFMPEG, ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** What stands in for ffmpeg: a program that does what `script` says. */
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'programs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const program = async (script: string): Promise<string> => {
  const file = path.join(folder, 'program');
  await writeFile(file, `#!${process.execPath}\n${script}`, { mode: 0o755 });
  return file;
};
const leftBehind = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('video-'));

const inQueue = async (options: { readonly videoFrame?: VideoFrame }) => {
  const media = memoryObjects({ name: 'media' });
  await media.put('hills.mp4', video);
  const worker = thumbnailWorker({ bucketOf: () => media, thumbnails: media, ...options });
  const w = world({ workers: [worker], media, isRealTime: true });
  await w.api.createJob(JOB, {
    worker: 'thumbnail',
    items: [{ id: 'v', payload: { bucket: 'media', key: 'hills.mp4' } }],
  });
  await w.drain();
  return { progress: await w.api.progress(JOB), result: (await w.allResults(JOB))[0], media };
};

test('a video is skipped where nothing reads videos: counted as such, with the reason, and not failed', async () => {
  const { progress, result } = await inQueue({});
  expect(progress).toEqual({ status: 'done', total: 1, pending: 0, inFlight: 0, done: 1, failed: 0, skipped: 1 });
  expect(result).toEqual({
    id: 'v',
    status: 'skipped',
    reason: 'a mov video: no program that reads videos is here',
    attempts: 1,
  });
});

test('a video gets a thumbnail of the frame that the program gives', async () => {
  const script = `process.stdout.write(require('node:fs').readFileSync(${JSON.stringify(path.join(FOLDER, 'images/square.png'))}))`;
  const { progress, result, media } = await inQueue({ videoFrame: ffmpegFrame({ program: await program(script) }) });
  expect(progress).toMatchObject({ status: 'done', done: 1 });
  expect(progress?.skipped).toBeUndefined();
  expect(result?.output).toMatchObject({ key: `thumbnails/${JOB}/v.webp`, width: 160, sourceFormat: 'mov' });
  expect(await media.get(`thumbnails/${JOB}/v.webp`)).toBeDefined();
});

describe('the program', () => {
  test('gets no environment, no shell, one reader and one file, and the file is gone afterwards', async () => {
    const frame = ffmpegFrame({
      program: await program('console.log(JSON.stringify([process.env, process.argv.slice(2)]))'),
    });
    const before = await leftBehind();
    const [env, args] = JSON.parse(Buffer.from(await frame(video, 'mov', signal)).toString()) as [object, string[]];
    expect(Object.keys(env).filter((name) => !name.startsWith('_'))).toEqual([]);
    expect(args[args.indexOf('-protocol_whitelist') + 1]).toBe('file');
    expect(args[args.indexOf('-f') + 1]).toBe('mov');
    expect(args.filter((arg) => arg.includes(tmpdir()))).toEqual([expect.stringMatching(/^file:.*\/original$/)]);
    expect(await leftBehind()).toEqual(before);
  });

  test('is ended when it takes too long, which is no fault of the video', async () => {
    const frame = ffmpegFrame({ program: await program('setInterval(() => {}, 1000)'), timeMs: 300 });
    const before = await leftBehind();
    const error: unknown = await frame(video, 'mov', signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ killed: true });
    expect(error).not.toBeInstanceOf(PermanentFailure);
    expect(await leftBehind()).toEqual(before);
  });

  test('is ended when the work is aborted', async () => {
    const frame = ffmpegFrame({ program: await program('setInterval(() => {}, 1000)') });
    const abort = new AbortController();
    const running = frame(video, 'mov', abort.signal);
    abort.abort();
    await expect(running).rejects.toThrow('abort');
  });

  test('that fails, or gives nothing, makes the video a permanent failure', async () => {
    const failing = ffmpegFrame({ program: await program('process.exit(3)') });
    await expect(failing(video, 'mov', signal)).rejects.toThrow(PermanentFailure);
    const silent = ffmpegFrame({ program: await program('') });
    await expect(silent(video, 'mov', signal)).rejects.toThrow('the mov video has no frame');
  });

  test('may not flood the memory', async () => {
    const frame = ffmpegFrame({ program: await program("process.stdout.write('x'.repeat(20 * 1048576))") });
    await expect(frame(video, 'mov', signal)).rejects.toThrow('maxBuffer');
  });
});

describe('of a real ffmpeg, where there is one', () => {
  const withFfmpeg = hasFfmpeg ? test : test.skip;
  const frame = ffmpegFrame({ program: FFMPEG });

  withFfmpeg('the bundled video gives a frame of its size', async () => {
    expect(await sharp(await frame(video, 'mov', signal)).metadata()).toMatchObject({
      format: 'png',
      width: 240,
      height: 136,
    });
  });

  withFfmpeg('a damaged one is a permanent failure', async () => {
    await expect(frame(video.subarray(0, 1_000), 'mov', signal)).rejects.toThrow('the mov video is damaged');
  });

  withFfmpeg('a playlist cannot pass for a video and open another file', async () => {
    const playlist = Buffer.from(
      `#EXTM3U\n#EXTINF:1,\nfile://${path.join(FOLDER, 'videos/hills.mp4')}\n#EXT-X-ENDLIST\n`,
    );
    expect(videoFormat(playlist)).toBeUndefined();
    for (const format of ['mov', 'matroska', 'avi', 'ogg', 'mpegts'] as const)
      await expect(frame(playlist, format, signal)).rejects.toThrow(PermanentFailure);
  });
});

test.each([
  ['mov', video],
  ['matroska', Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0, 0])],
  ['avi', Buffer.from('RIFF\0\0\0\0AVI LIST')],
  ['ogg', Buffer.from('OggS\0')],
  ['mpegts', Buffer.alloc(188 * 3, 0x47)],
  [undefined, picture],
  [undefined, Buffer.from('\0\0\0\u001cftypavif')],
  [undefined, Buffer.from('RIFF\0\0\0\0WEBPVP8 ')],
  [undefined, new Uint8Array()],
])('a file is taken for %s by its first bytes', (format, body) => {
  expect(videoFormat(body)).toBe(format);
});
